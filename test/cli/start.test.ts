import * as fs from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { isAlive } from "../../src/stack/child.ts"
import { eventually } from "../support/lastro.ts"
import {
  clear,
  closedFolder,
  inShell,
  listeningAddresses,
  node24,
  serverPids,
  StartProcess
} from "../support/startProcess.ts"

const home = closedFolder()
const dataDir = join(home, ".lastro")
const otherHome = closedFolder()
const otherData = join(otherHome, "data")
const nodeHome = closedFolder()

let lastro: StartProcess
let other: StartProcess
let firstPayment: string
const spawned: Array<StartProcess> = []

const begin = (...args: ConstructorParameters<typeof StartProcess>): StartProcess => {
  const started = new StartProcess(...args)
  spawned.push(started)
  return started
}

/** With nothing said about folders: the data goes below the present one. */
const startHere = () => begin({ cwd: home, environment: { LASTRO_PORT: "0" } })

/** Payments nobody waits for. The answer says that they are durable, no more. */
const hand = (count: number, name: string): Promise<ReadonlyArray<string>> =>
  Promise.all(Array.from({ length: count }, async (_, index) => {
    const answer = await fetch(`${lastro.url}/v1/payments`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${lastro.key}`,
        "content-type": "application/json",
        "idempotency-key": `${name}-${index}`
      },
      body: JSON.stringify({
        amount: 1_000 + index,
        currency: "BRL",
        payment_method: { type: "card", token: "tok_approved" }
      })
    })
    expect(answer.status).toBe(202)
    return ((await answer.json()) as { id: string }).id
  }))

const statusOf = async (id: string): Promise<string> => {
  const answer = await fetch(`${lastro.url}/v1/payments/${id}`, {
    headers: { authorization: `Bearer ${lastro.key}` }
  })
  return ((await answer.json()) as { status: string }).status
}

const allCaptured = (ids: ReadonlyArray<string>, millis: number) =>
  eventually(async () => {
    const open = (await Promise.all(ids.map(statusOf))).filter((status) => status !== "captured")
    if (open.length > 0) throw new Error(`${open.length} of ${ids.length} are ${open[0]}`)
    return true
  }, millis)

beforeAll(async () => {
  lastro = await startHere().ready()
})
afterAll(async () => {
  for (const { child, pid } of spawned) {
    if (child.exitCode === null && child.signalCode === null) process.kill(-pid, "SIGKILL")
  }
  await Promise.all(spawned.map((one) => one.end()))
  clear(home, dataDir)
  clear(otherHome, otherData)
  clear(nodeHome, join(nodeHome, ".lastro"))
})

test("start in a folder only its owner may enter prints a key and a line that captures a payment", async () => {
  expect(fs.statSync(home).mode & 0o777).toBe(0o700)
  expect(lastro.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
  const payment = await inShell(lastro.curl)
  expect(payment).toMatchObject({ status: "captured", amount: 10_000, amount_captured: 10_000 })
  firstPayment = payment["id"] as string
})

test("files that hold keys and passwords are for their owner only", () => {
  const secret = [
    "acme.key",
    "operator.key",
    "lastro.log",
    "nats/passwords.json",
    "nats/nats.conf",
    "postgres/password"
  ]
  const modes = secret.map((file) => [file, fs.statSync(join(dataDir, file)).mode & 0o777])
  expect(modes).toEqual(secret.map((file) => [file, 0o600]))
  expect(fs.readFileSync(join(dataDir, "acme.key"), "utf8").trim()).toBe(lastro.key)
})

test("the log that start names is written while it runs", () => {
  const [, named] = /logs +(\S+)/.exec(lastro.output)!
  const messages = fs.readFileSync(named!, "utf8").trim().split("\n")
    .map((line) => (JSON.parse(line) as { message: string }).message)
  expect(messages).toContain(`Lastro starts on ${dataDir}, process ${lastro.pid}`)
  expect(messages).toContain(`Lastro runs, the API at ${lastro.url}`)
})

test.skipIf(process.platform !== "linux")("everything listens on 127.0.0.1 only", () => {
  const addresses = [lastro.pid, ...serverPids(dataDir)].map(listeningAddresses)
  // The edge and two gateway simulators; NATS and its monitoring; PostgreSQL.
  expect(addresses.map(({ length }) => length)).toEqual([3, 2, 1])
  expect(new Set(addresses.flat())).toEqual(new Set(["127.0.0.1"]))
})

test("a second start on the same data is refused by name", async () => {
  const second = begin({ cwd: home, environment: { LASTRO_PORT: "0" } })
  expect(await second.end()).toBe(1)
  expect(second.errors.trim().split("\n")).toHaveLength(1)
  expect(second.errors).toContain(`Lastro is already running on ${dataDir} (process ${lastro.pid})`)
  expect(second.errors).toContain("LASTRO_DATA_DIR")
  expect(await statusOf(firstPayment)).toBe("captured")
})

test("a taken port is said in one sentence, and nothing is left running", async () => {
  const { port } = new URL(lastro.url)
  const blocked = begin({
    cwd: otherHome,
    environment: { LASTRO_DATA_DIR: otherData, LASTRO_PORT: port }
  })
  expect(await blocked.end()).toBe(1)
  expect(blocked.errors.trim()).toBe(
    `lastro: port ${port} is taken: stop what uses it, or choose another with LASTRO_PORT.`
  )
  // It is found before anything is made.
  expect(fs.existsSync(otherData)).toBe(false)
})

test("two copies run side by side, each with its own data and keys", async () => {
  other = await begin({
    cwd: otherHome,
    environment: { LASTRO_DATA_DIR: otherData, LASTRO_PORT: "0" }
  }).ready()
  expect(other.url).not.toBe(lastro.url)
  expect(other.key).not.toBe(lastro.key)
  const [here, there] = await Promise.all([inShell(lastro.curl), inShell(other.curl)])
  expect([here["status"], there["status"]]).toEqual(["captured", "captured"])
  const answer = await fetch(`${other.url}/v1/payments/${here["id"]}`, {
    headers: { authorization: `Bearer ${other.key}` }
  })
  expect(answer.status).toBe(404)
})

test("where its data folder is removed it ends with its servers, and says why", async () => {
  const servers = serverPids(otherData)
  expect(servers.map(isAlive)).toEqual([true, true])
  fs.rmSync(otherData, { recursive: true, force: true })
  expect(await other.end()).toBe(1)
  expect(other.errors).toContain(`${otherData} was removed while Lastro ran on it`)
  expect(servers.filter(isAlive)).toEqual([])
})

test("Ctrl-C drains and stops the servers, and the next start finds everything", async () => {
  const servers = serverPids(dataDir)
  expect(servers.map(isAlive)).toEqual([true, true])
  const { key } = lastro
  const handed = await hand(200, "before-ctrl-c")
  // npx and deno task pass on what the terminal sent to everybody already: it is one wish.
  for (let times = 0; times < 3; times++) {
    lastro.group("SIGINT")
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  expect(await lastro.end()).toBe(0)
  expect(lastro.output).toContain("Stopping")
  expect(lastro.errors).toBe("")
  expect(servers.filter(isAlive)).toEqual([])
  expect(fs.existsSync(join(dataDir, "lock"))).toBe(false)

  lastro = await startHere().ready()
  expect(lastro.key).toBe(key)
  expect(await statusOf(firstPayment)).toBe("captured")
  await allCaptured(handed, 60_000)
})

test("after kill -9 the next start ends the servers that were left and loses nothing", async () => {
  const servers = serverPids(dataDir)
  const { key } = lastro
  const handed = await hand(200, "before-kill")
  lastro.signal("SIGKILL")
  expect(await lastro.end()).toBe("SIGKILL")
  expect(servers.map(isAlive)).toEqual([true, true])

  lastro = await startHere().ready()
  expect(servers.filter(isAlive)).toEqual([])
  expect(lastro.key).toBe(key)
  // A call under way at the kill is repeated when the mailbox's wait of 30 s is over.
  await allCaptured(handed, 60_000)
  expect(await statusOf(firstPayment)).toBe("captured")
}, 120_000)

test("the same sources start under Node 24 and capture a payment", async ({ skip }) => {
  const node = await node24()
  if (node === undefined) return skip("Node 24 is neither on this machine nor to be had by npx")
  const started = await begin({ cwd: nodeHome, environment: { LASTRO_PORT: "0" }, node }).ready()
  expect(await inShell(started.curl)).toMatchObject({ status: "captured" })
  const servers = serverPids(join(nodeHome, ".lastro"))
  started.group("SIGINT")
  expect(await started.end()).toBe(0)
  expect(servers.filter(isAlive)).toEqual([])
}, 180_000)
