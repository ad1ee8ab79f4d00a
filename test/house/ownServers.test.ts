import { type ChildProcess, spawn } from "node:child_process"
import * as fs from "node:fs"
import { createServer } from "node:net"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { connect } from "@nats-io/transport-node"
import { Effect } from "effect"
import { open } from "../../src/bus/connection.ts"
import { natsServerBinary } from "../../src/stack/natsBinary.ts"
import { dropDatabase } from "../../src/store/provision.ts"
import { eventually, freshDatabaseUrl, testFolder } from "../support/lastro.ts"
import { natsCaller } from "../support/natsCaller.ts"
import { mainFile, ownRuntime } from "../support/startProcess.ts"

// What docs/streams.md and docs/roles.md say, done as it stands there: only addresses, ports and
// folders are those of this machine.

const folder = testFolder("own")
const databaseUrl = freshDatabaseUrl()
const running: Array<ChildProcess> = []

/** The blocks of a text, fenced or indented; below a heading where one is named. */
const blocksOf = (file: string, heading?: string): ReadonlyArray<string> => {
  const sections = fs.readFileSync(file, "utf8").split(/\n(?=## )/)
  const text = heading === undefined
    ? sections.join("\n")
    : sections.find((section) => section.startsWith(`## ${heading}\n`))!
  return [
    ...[...text.matchAll(/\n```\n([^]*?)\n```/g)].map(([, fenced]) => fenced!),
    ...[...text.matchAll(/(?:\n {4}[^\n]*|\n(?=\n {4}))+/g)]
      .map(([indented]) => indented.replaceAll(/\n {4}/g, "\n").trim())
  ]
}

const block = (blocks: ReadonlyArray<string>, part: string): string => {
  const found = blocks.filter((one) => one.includes(part))
  expect([part, found.length]).toEqual([part, 1])
  return found[0]!
}

/** Replaces what is of the docs' machines; each of it has to be there. */
const here = (text: string, changes: ReadonlyArray<readonly [from: string, to: string]>): string =>
  changes.reduce((changed, [from, to]) => {
    expect(changed).toContain(from)
    return changed.replaceAll(from, to)
  }, text)

/** Ports that nobody has now; all of them are held until the last is known. */
const freePorts = async (count: number): Promise<ReadonlyArray<number>> => {
  const servers = await Promise.all(
    Array.from({ length: count }, () =>
      new Promise<ReturnType<typeof createServer>>((resolve) => {
        const server = createServer().listen(0, "127.0.0.1", () => resolve(server))
      }))
  )
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

/** A shell in the folder that knows `lastro`. */
const shell = (script: string, environment: Record<string, string> = {}) => {
  const { LASTRO_PARTITIONS: _, ...inherited } = process.env
  const child = spawn("bash", ["-c", script], {
    cwd: folder,
    detached: true,
    env: { ...inherited, NO_COLOR: "1", PATH: `${folder}:${process.env["PATH"]}`, ...environment }
  })
  const said = { out: "", err: "" }
  child.stdout.on("data", (chunk) => (said.out += chunk))
  child.stderr.on("data", (chunk) => (said.err += chunk))
  const ended = new Promise<number>((resolve) => child.once("close", (code) => resolve(code ?? -1)))
  running.push(child)
  return { said, ended }
}

const ends = async (script: string, environment?: Record<string, string>) => {
  const { ended, said } = shell(script, environment)
  return { code: await ended, ...said }
}

const streams = blocksOf("docs/streams.md", "Servers of your own")
const roles = blocksOf("docs/roles.md")
let natsPorts: ReadonlyArray<{ client: number; monitor: number; route: number }>
let binary: string
let servers: Record<string, string>

beforeAll(async () => {
  binary = await natsServerBinary(() => {})
  const command = [...ownRuntime, mainFile].map((word) => `'${word}'`).join(" ")
  fs.writeFileSync(join(folder, "lastro"), `#!/bin/sh\nexec ${command} "$@"\n`, { mode: 0o755 })
  const ports = await freePorts(9)
  natsPorts = [0, 1, 2].map((nth) => ({
    client: ports[nth]!,
    monitor: ports[nth + 3]!,
    route: ports[nth + 6]!
  }))
  servers = {
    LASTRO_NATS_URL: natsPorts.map(({ client }) => `nats://127.0.0.1:${client}`).join(","),
    LASTRO_NATS_MONITOR_URL: natsPorts.map(({ monitor }) => `http://127.0.0.1:${monitor}`).join(
      ","
    ),
    LASTRO_NATS_PASSWORDS_FILE: join(folder, "passwords.json"),
    LASTRO_PARTITIONS: "4",
    DATABASE_URL: databaseUrl
  }
})
afterAll(async () => {
  for (const child of running.toReversed()) {
    try {
      process.kill(-child.pid!, "SIGKILL")
    } catch {
      // It ended by itself.
    }
  }
  await dropDatabase(databaseUrl)
  fs.rmSync(folder, { recursive: true, force: true })
})

test("three nats-servers by docs/streams.md become one cluster", async () => {
  const accounts = await ends(block(streams, "lastro users --passwords"))
  expect([accounts.code, accounts.err]).toEqual([0, ""])
  const mapping = block(streams, "partition(4,3)")
  expect(fs.readFileSync(join(folder, "accounts.conf"), "utf8")).toContain(mapping)
  const configuration = block(streams, "server_name: nats-1")
  for (const [nth, { client, monitor, route }] of natsPorts.entries()) {
    const name = `nats-${nth + 1}`
    const text = here(configuration, [
      ["server_name: nats-1", `server_name: ${name}`],
      [`"0.0.0.0:4222"`, `"127.0.0.1:${client}"`],
      [`"0.0.0.0:8222"`, `"127.0.0.1:${monitor}"`],
      [`"0.0.0.0:6222"`, `"127.0.0.1:${route}"`],
      ["/var/lib/nats", join(folder, name)],
      ...natsPorts.map(({ route }, other) =>
        [`@nats-${other + 1}:6222`, `@127.0.0.1:${route}`] as const
      )
    ])
    fs.writeFileSync(join(folder, `${name}.conf`), text)
    shell(`exec '${binary}' -c ${name}.conf -P ${name}.pid`)
  }
  await eventually(async () => {
    const well = await Promise.all(
      natsPorts.map(({ monitor }) => fetch(`http://127.0.0.1:${monitor}/healthz`))
    )
    return well.every(({ ok }) => ok) || undefined
  })
}, 60_000)

test("a refused login is a sentence, though each server that refuses tells of its neighbours", async () => {
  const urls = natsPorts.map(({ client }) => `nats://127.0.0.1:${client}`)
  for (const named of [urls, urls.slice(0, 1)]) {
    // Asked for a look alone: no other test of this process is to hear that its own login is refused.
    const stranger = { user: "worker", password: "wrong", name: "stranger", asked: true }
    const refused = open({ urls: named, ...stranger })
    const failure = await Effect.runPromise(
      Effect.flip(Effect.scoped(refused)).pipe(Effect.timeout("15 seconds"))
    )
    expect(failure.message).toContain("does not take the user worker")
  }
})

test("the roles by docs/roles.md take a payment, and the doctor knows the deployment", async () => {
  const [simulator] = await freePorts(1)
  const [first, second, third] = natsPorts
  const script = here(block(roles, "lastro topology apply"), [
    ["10.0.0.1:4222", `127.0.0.1:${first!.client}`],
    ["10.0.0.2:4222", `127.0.0.1:${second!.client}`],
    ["10.0.0.3:4222", `127.0.0.1:${third!.client}`],
    ["10.0.0.1:8222", `127.0.0.1:${first!.monitor}`],
    ["10.0.0.2:8222", `127.0.0.1:${second!.monitor}`],
    ["10.0.0.3:8222", `127.0.0.1:${third!.monitor}`],
    ["/run/secrets/nats.json", join(folder, "passwords.json")],
    ["postgres://lastro:…@10.0.0.9:5432/lastro", databaseUrl],
    ["10.0.0.5:8790", `127.0.0.1:${simulator}`],
    ["/var/lib/lastro/audit.key", join(folder, "audit.key")],
    // Two processes of one machine cannot have one port.
    ["lastro simulator", `LASTRO_PORT=${simulator} lastro simulator`],
    ["lastro edge", "LASTRO_PORT=0 lastro edge"]
  ])
  const { said } = shell(`${script}\nwait`)
  const url = await eventually(
    () => Promise.resolve(/The edge answers at (\S+) /.exec(said.out)?.[1]),
    90_000
  )
  await eventually(
    () => Promise.resolve(said.out.match(/ runs payments, /g)?.length === 2 || undefined),
    60_000
  )
  const made = await ends(`lastro access create --merchant acme --name x --why y --json`, servers)
  const { secret } = JSON.parse(made.out) as { secret: string }
  const paid = async (key: string) => {
    const answer = await fetch(`${url}/v1/payments`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${secret}`,
        "content-type": "application/json",
        "idempotency-key": key,
        prefer: "wait=5"
      },
      body: JSON.stringify({
        amount: 10_000,
        currency: "BRL",
        payment_method: { type: "card", token: "tok_approved" }
      })
    })
    return (await answer.json() as { status?: string }).status
  }
  await eventually(async () => await paid("docs") === "captured" || undefined, 60_000)

  const plan = await ends("lastro topology plan", servers)
  expect([plan.code, plan.err]).toEqual([0, ""])
  expect(plan.out).toContain("Everything is as declared, with 4 partitions")
  // Two at once are no trouble to each other, nor to anybody else.
  const doctors = await Promise.all([1, 2].map(() => ends("lastro doctor --json", servers)))
  for (const { err, out } of doctors) {
    expect(err).toBe("")
    const { findings } = JSON.parse(out) as {
      findings: ReadonlyArray<{ area: string; check: string; verdict: string; found: string }>
    }
    const bad = findings.filter(({ area, verdict }) =>
      verdict !== "good" && ["nats", "identities", "workers", "clocks"].includes(area)
    )
    expect(bad.filter(({ verdict }) => verdict !== "poor")).toEqual([])
    expect(findings.find(({ check }) => check === "copies")!.found).toContain("3 copies")
  }

  // It listens where it was told, not on 127.0.0.1 alone.
  if (process.platform === "linux") {
    expect((await fetch(`http://127.0.0.2:${simulator}/book`)).status).toBe(200)
  }
}, 240_000)

test(
  "a merchant's own user, made by docs/streams.md, gives its commands and no other's",
  async () => {
    const line = await ends(block(streams, "lastro users --merchant acme"))
    expect([line.code, line.err]).toEqual([0, ""])
    expect(line.out).toContain(`user: "merchant-acme"`)
    // The whole file has it now; servers read it in.
    expect((await ends(block(streams, "> accounts.conf"))).code).toBe(0)
    for (const name of ["nats-1", "nats-2", "nats-3"]) {
      process.kill(Number(fs.readFileSync(join(folder, `${name}.pid`), "utf8")), "SIGHUP")
    }
    const passwords = JSON.parse(fs.readFileSync(join(folder, "passwords.json"), "utf8"))
    const nc = await eventually(() =>
      connect({
        servers: servers["LASTRO_NATS_URL"]!.split(","),
        user: "merchant-acme",
        pass: passwords["merchant-acme"],
        inboxPrefix: "_INBOX.merchant-acme"
      })
    )
    const ask = natsCaller(nc, "merchant-acme")
    const order = {
      command_id: "by-nats",
      amount: 10_000,
      currency: "BRL",
      payment_method: { type: "card", token: "tok_approved" }
    }
    const { command_id, payment } = await ask("create", "acme", order)
    expect([command_id, payment.status]).toEqual(["by-nats", "captured"])
    const others = JSON.stringify(order)
    await expect(nc.request("lastro.payments.create.zenith", others, { timeout: 1_000 })).rejects
      .toThrow()
    await nc.close()
  },
  60_000
)
