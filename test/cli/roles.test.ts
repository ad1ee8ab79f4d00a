import * as fs from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type EmbeddedStack, startEmbedded } from "../../src/stack/embedded.ts"
import { createApiKey } from "../../src/store/apiKeys.ts"
import { connect } from "../../src/store/database.ts"
import { dropDatabase } from "../../src/store/provision.ts"
import { mailboxes, PARTITIONS } from "../../streams/mailboxes.ts"
import { eventually, freshDatabaseUrl, query, testFolder } from "../support/lastro.ts"
import { connectAs } from "../support/machine.ts"
import { inShell, StartProcess } from "../support/startProcess.ts"
import { merchantScopes, operatorScopes } from "../../src/domain/scope.ts"

const dataDir = testFolder("roles")
const databaseUrl = freshDatabaseUrl()
let stack: EmbeddedStack
let servers: Record<string, string>
const spawned: Array<StartProcess> = []

beforeAll(async () => {
  stack = await startEmbedded({ dataDir, databaseUrl })
  servers = {
    LASTRO_NATS_URL: stack.natsUrls.join(","),
    LASTRO_NATS_MONITOR_URL: stack.natsMonitorUrl,
    LASTRO_NATS_PASSWORDS_FILE: join(dataDir, "nats", "passwords.json"),
    DATABASE_URL: databaseUrl
  }
})
afterAll(async () => {
  for (const { child, pid } of spawned) {
    if (child.exitCode === null && child.signalCode === null) process.kill(pid, "SIGKILL")
  }
  await Promise.all(spawned.map((one) => one.end()))
  await stack.stop()
  await dropDatabase(databaseUrl)
  fs.rmSync(dataDir, { recursive: true, force: true })
})

const run = (command: ReadonlyArray<string>, environment: Record<string, string> = servers) => {
  const started = new StartProcess({ cwd: dataDir, command, environment })
  spawned.push(started)
  return started
}

/** What a command says where it ends by itself. */
const ends = async (command: ReadonlyArray<string>, environment?: Record<string, string>) => {
  const ran = run(command, environment)
  return { code: await ran.end(), said: ran.output.trim(), complained: ran.errors.trim() }
}

const refused = async (command: ReadonlyArray<string>, environment?: Record<string, string>) => {
  const { code, complained } = await ends(command, environment)
  expect(code).toBe(1)
  // One sentence, no stack.
  expect(complained.split("\n")).toHaveLength(1)
  return complained
}

const urlIn = (text: string): string => /(http:[^\s)]+)/.exec(text)![1]!

const PORT_ANY = { LASTRO_PORT: "0" }

test("a role that lacks something says which command or setting mends it", async () => {
  const [unset, empty] = await Promise.all([refused(["edge"], {}), refused(["edge"])])
  expect(unset).toContain("set LASTRO_NATS_URL and DATABASE_URL")
  expect(empty).toMatch(/the database lacks .*: run lastro migrate/)
  expect((await ends(["migrate"])).said).toMatch(/^Applied: 0001_machine, /)
  const [again, without, plan] = await Promise.all([
    ends(["migrate"]),
    refused(["edge"]),
    ends(["topology", "plan"])
  ])
  expect(again.said).toBe("Nothing to do.")
  expect(without).toMatch(/JetStream lacks PAYMENTS, .*: run lastro topology apply/)
  expect(plan.code).toBe(2)
  expect(plan.said.split("\n")).toContain("create   stream PAYMENTS")
  expect(plan.said.split("\n")).toContain("create   consumer GATEWAY/gateway")
  expect((await ends(["topology", "apply"])).code).toBe(0)
  const after = await ends(["topology", "plan", "--json"])
  expect([after.code, JSON.parse(after.said)])
    .toEqual([0, { done: [], to_do: [], closed_gates: [] }])

  const worker = { ...servers, LASTRO_SIMULATOR_URL: "http://127.0.0.1:1" }
  const [unnamed, misused, mended, wrong] = await Promise.all([
    refused(["worker"]),
    ends(["worker", "--actors", "payments,frod"], worker),
    ends(["topology", "mend"]),
    refused(["worker"], { ...worker, LASTRO_NATS_WORKER_PASSWORD: "wrong" })
  ])
  expect(unnamed).toContain("LASTRO_SIMULATOR_URL")
  expect(misused.complained).toMatch(/there is no frod; there are payments, fraud, /)
  expect([misused.code, mended.code]).toEqual([64, 64])
  expect(wrong).toMatch(/does not take the user worker: .*LASTRO_NATS_WORKER_PASSWORD/)
}, 180_000)

test(
  "streams that somebody changed are told by name, and applying the topology mends them",
  async () => {
    const nc = await connectAs(stack, stack.nats.admin)
    const api = async (subject: string, body: unknown = {}) =>
      // deno-lint-ignore no-explicit-any
      (await nc.request(`$JS.API.${subject}`, JSON.stringify(body))).json<any>()
    const { config } = await api("STREAM.INFO.EVENTS")
    // How long events are kept is the operator's to say; whether batches are atomic is not.
    await api("STREAM.UPDATE.EVENTS", {
      ...config,
      max_age: config.max_age / 2,
      allow_atomic: false
    })
    await nc.close()

    expect(await refused(["edge"])).toContain(
      "(EVENTS: allow_atomic is absent): run lastro topology plan to see all"
    )
    const { code, said } = await ends(["topology", "plan"])
    expect(code).toBe(2)
    expect(said).toContain(`max_age: ${config.max_age / 2} → ${config.max_age}`)
    expect(said).toContain("allow_atomic: absent → true")
    const applied = await ends(["topology", "apply"])
    expect([applied.code, applied.said.split("\n")[0]]).toEqual([0, "changed  stream EVENTS"])
  },
  120_000
)

test(
  "one edge and two workers: a payment is captured, a worker leaves, another payment is captured",
  async () => {
    const simulator = await run(["simulator"], { ...PORT_ANY, LASTRO_DATA_DIR: dataDir })
      .ready("simulator answers")
    const withGateway = { ...servers, LASTRO_SIMULATOR_URL: urlIn(simulator.output) }
    const edge = run(["edge"], { ...servers, ...PORT_ANY })
    const workers = [run(["worker"], withGateway), run(["worker"], withGateway)]
    await edge.ready("edge answers")
    await Promise.all(workers.map((one) => one.ready(" runs ")))
    const names = workers.map(({ output }) =>
      /^(worker-\S+) runs payments, fraud/.exec(output)![1]!
    )
    const db = connect(databaseUrl, 1)
    const key = await createApiKey(db, { name: "acme", merchant: "acme", scopes: merchantScopes })
    const operator = await createApiKey(db, { name: "op", merchant: "", scopes: operatorScopes })
    await db.destroy()

    await ownedBy(names)
    expect(await pay(urlIn(edge.output), key, "first")).toMatchObject({ status: "captured" })

    // The bank of the same simulator: nobody tells the workers, they ask.
    const edgeUrl = urlIn(edge.output)
    const { id, status } = await pay(edgeUrl, key, "by-pix", { type: "pix" })
    expect(status).toBe("requires_action")
    const payer = `${urlIn(simulator.output)}/pix/payer/${id.slice("pay_".length)}01`
    expect((await fetch(payer, { method: "POST" })).status).toBe(200)
    await eventually(async () => {
      const headers = { authorization: `Bearer ${key}` }
      const seen = await (await fetch(`${edgeUrl}/v1/payments/${id}`, { headers })).json()
      return seen.status === "captured" ? true : undefined
    }, 60_000)

    workers[0]!.signal("SIGTERM")
    expect(await workers[0]!.end()).toBe(0)
    await ownedBy([names[1]!])
    expect(await pay(urlIn(edge.output), key, "second")).toMatchObject({ status: "captured" })

    const probes = urlIn(workers[1]!.output).replace("/readyz", "")
    const statusOf = async (path: string, secret?: string) =>
      (await fetch(probes + path, {
        headers: secret === undefined ? {} : { authorization: `Bearer ${secret}` }
      })).status
    expect(await Promise.all(["/healthz", "/readyz"].map((path) => statusOf(path))))
      .toEqual([200, 200])
    expect([await statusOf("/metrics"), await statusOf("/metrics", key)]).toEqual([401, 403])
    expect(await statusOf("/metrics", operator)).toBe(200)

    for (const one of [workers[1]!, edge, simulator]) {
      one.signal("SIGTERM")
      expect(await one.end()).toBe(0)
    }
  },
  180_000
)

test("up runs everything in one process on the same servers", async () => {
  const home = join(dataDir, "up")
  fs.mkdirSync(home)
  const lastro = await run(["up"], { ...servers, ...PORT_ANY, LASTRO_DATA_DIR: home }).ready()
  expect(await inShell(lastro.curl)).toMatchObject({ status: "captured" })
  lastro.signal("SIGTERM")
  expect(await lastro.end()).toBe(0)
  // The servers are somebody else's: they go on.
  expect((await ends(["topology", "plan"])).code).toBe(0)
}, 120_000)

const keyed = mailboxes.filter(({ kind }) => kind === "keyed")

/** Waits until these, all of them and nobody else, own every partition. */
const ownedBy = (names: ReadonlyArray<string>) =>
  eventually(async () => {
    const rows = await query(databaseUrl, "select owner from cursors")
    const owners = [...new Set(rows.map(({ owner }) => owner))].sort()
    if (rows.length === keyed.length * PARTITIONS && owners.join() === [...names].sort().join()) {
      return true
    }
    throw new Error(`${rows.length} partitions of ${owners}`)
  }, 60_000)

const card = { type: "card", token: "tok_approved" }

const pay = async (url: string, key: string, idempotencyKey: string, method: object = card) => {
  const answer = await fetch(`${url}/v1/payments`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${key}`,
      "idempotency-key": idempotencyKey,
      "content-type": "application/json",
      prefer: "wait=20"
    },
    body: JSON.stringify({
      amount: 1_000,
      currency: "BRL",
      payment_method: method
    })
  })
  return await answer.json()
}
