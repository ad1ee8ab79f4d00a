import { Effect } from "effect"
import * as fs from "node:fs"
import { createServer, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest"
import { Nats } from "../../src/bus/connection.ts"
import { loginRefused, loginTaken } from "../../src/bus/logins.ts"
import { examineStack } from "../../src/house/examination.ts"
import { edgeProbes } from "../../src/house/healthSources.ts"
import type { FamilyState } from "../../src/proof/health/familyStates.ts"
import { healthOf, type HealthSources } from "../../src/proof/health/health.ts"
import {
  LAG_SECONDS_MAX,
  lagSignals,
  Ownerless,
  OWNERLESS_MILLIS_MAX,
  renewal,
  RENEWAL_MILLIS_MAX
} from "../../src/proof/health/leases.ts"
import { DISK_BYTES_BAD } from "../../src/proof/health/room.ts"
import { type Signal, SIGNAL_MILLIS } from "../../src/proof/health/signal.ts"
import { isAlive } from "../../src/stack/child.ts"
import { Database } from "../../src/store/database.ts"
import { commandLine } from "../support/commandLine.ts"
import { eventually, type OwnLastro, startOwnLastro } from "../support/lastro.ts"

let one: OwnLastro
let operator: string
const monitors: Array<Server> = []
const frozen: Array<number> = []
const lastro = commandLine(() => ({ LASTRO_URL: one.url, LASTRO_OPERATOR_KEY: operator }))

beforeAll(async () => {
  one = await startOwnLastro()
  operator = await one.operatorKey()
})
const thaw = () => {
  for (const pid of frozen.splice(0)) if (isAlive(pid)) process.kill(pid, "SIGCONT")
}
afterEach(async () => {
  thaw()
  await Promise.all(monitors.splice(0).map((server) => new Promise((done) => server.close(done))))
})
afterAll(() => one?.stop())

/** PostgreSQL answers by processes of its own, which a stopped parent leaves running. */
const freeze = (server: "nats" | "postgres") => {
  const parent = one.stack.pids()[server]
  process.kill(parent, "SIGSTOP")
  const children = fs.readFileSync(`/proc/${parent}/task/${parent}/children`, "utf8")
  for (const pid of children.trim().split(" ").filter((word) => word !== "").map(Number)) {
    if (isAlive(pid)) process.kill(pid, "SIGSTOP")
    frozen.push(pid)
  }
  frozen.push(parent)
}

/** A monitoring endpoint as a nats-server's that says this of itself. */
const monitor = async (said: Readonly<Record<string, unknown>>): Promise<string> => {
  const server = createServer((request, response) => {
    response.end(JSON.stringify(said[request.url ?? ""] ?? {}))
  })
  monitors.push(server)
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Who waits for a hung server as long as its clients do waits longer. */
const HUNG_MILLIS = 10 * SIGNAL_MILLIS

const quiet: HealthSources = {
  monitorUrls: [],
  disks: [],
  servers: () => [],
  probes: edgeProbes
}

const looked = (sources: Partial<HealthSources> = {}): Promise<ReadonlyArray<Signal>> =>
  Effect.runPromise(
    healthOf({ ...quiet, ...sources }).pipe(
      Effect.provide([
        Nats.layerOf({ urls: one.stack.natsUrls, ...one.stack.nats.edge, name: "health" }),
        Database.layerOf(one.stack.databaseUrl, 2)
      ]),
      Effect.scoped
    )
  )

const bad = (signals: ReadonlyArray<Signal>) =>
  signals.filter(({ state }) => state === "bad").map(({ found, signal }) => `${signal}: ${found}`)

/** A look that was under way saw but a part of it, and is shared for a second; of the next ones all see it. */
const unready = (signals: ReadonlyArray<string>) =>
  eventually(async () => {
    const { json, status } = await one.ask(undefined, "GET", "/readyz")
    const found = status === 503 ? bad(json.signals) : []
    if (String(found.map((line) => line.split(":")[0])) === String(signals)) return found
    throw new Error(`${status}: ${found}`)
  })

/** What `status` says: on a busy machine an answer may come too late for it. */
const saidOfStatus = (words: string) =>
  eventually(async () => {
    const { code, text } = await lastro("status")
    expect(code).toBe(1)
    expect(text).toContain(words)
    return text
  })

const partition = (
  known: Partial<FamilyState["partitions"][number]>
): ReadonlyArray<FamilyState> => [{
  family: "payments",
  mailbox: "payments",
  kind: "keyed",
  paused: null,
  escalations: [],
  partitions: [{
    partition: 2,
    owner: "worker-1",
    lease_age_seconds: 1,
    epoch: 1,
    lag_messages: 0,
    lag_seconds: 0,
    parked: 0,
    quarantined: 0,
    paused: 0,
    ...known
  }]
}]

const at = (millis: number) => new Date(Date.UTC(2026, 0, 1) + millis).toISOString()

describe("every signal of health turns red by its fault, and by it alone", () => {
  test("nothing is red where nothing is wrong", async () => {
    await eventually(async () => bad(await looked()).length === 0 || undefined)
    expect(new Set((await looked()).map(({ signal }) => signal)))
      .toEqual(new Set(["nats", "writes", "leases", "lag", "postgresql"]))
  })

  test("logins: NATS refuses a user of this process", async () => {
    const login = { urls: ["nats://elsewhere"], user: "edge" }
    loginRefused(login)
    const signals = await looked()
    loginTaken(login)
    expect(bad(signals)).toEqual([
      "logins: NATS (nats://elsewhere) does not take the user edge: " +
      "it is unknown there, or its password is another one"
    ])
  })

  test("servers: one that is kept running does not run; restarts of late are worth a word", async () => {
    const restarts = [{ at: new Date().toISOString(), why: "SIGKILL" }]
    const servers = (state: string) => () => [{ server: "nats-server", state, restarts }]
    expect(bad(await looked({ servers: servers("waits for room") }))).toEqual([
      expect.stringMatching(/^servers: nats-server waits for room; started again once of late, at /)
    ])
    const [running] = await looked({ servers: servers("runs") })
    expect(running).toMatchObject({ signal: "servers", state: "poor" })
  })

  test("disks: the disk of a server, or what JetStream may hold, is nearly full", async () => {
    const disk = (free: number) => ({ server: "PostgreSQL", freeBytes: () => free })
    const full = await monitor({
      "/healthz": { status: "ok" },
      "/jsz": { storage: 96 * 1024 ** 2, config: { max_storage: 100 * 1024 ** 2 } }
    })
    expect(bad(await looked({ disks: [disk(DISK_BYTES_BAD - 1)], monitorUrls: [full] }))).toEqual([
      "disks: the disk of PostgreSQL has 64 MiB free",
      `disks: JetStream of nats-server ${new URL(full).host} holds 96 MiB of 100 MiB`
    ])
    expect(bad(await looked({ disks: [disk(DISK_BYTES_BAD)] }))).toEqual([])
  })

  test("writes: a server says that a stream's write failed; its files are not named", async () => {
    const url = await monitor({
      "/healthz": {
        status: "unavailable",
        error: "JetStream stream 'LASTRO > KV_leases' write error: write /secret/1.blk: no space"
      }
    })
    const signals = await looked({ monitorUrls: [url] })
    expect(bad(signals)).toEqual([
      `writes: nats-server ${new URL(url).host}: stream 'LASTRO > KV_leases' write error. ` +
      "It takes nothing until the server is started again"
    ])
  })

  test("writes: a stream does not take what is written", async () => {
    const missing = [{ stream: "KV_control", subject: "$KV.control.family.health" }]
    expect(bad(await looked({ probes: missing }))).toEqual([])
    // Streams that take no expectation are none that this machine writes to.
    const other = [{ stream: "OTHER", subject: "$JS.API.INFO" }]
    expect(bad(await looked({ probes: other }))).toEqual([
      expect.stringMatching(/^writes: OTHER takes no writes/)
    ])
  })

  test("leases: none was renewed for ten seconds", () => {
    const seen = (millis: number) =>
      renewal({ ts: at(millis), state: { last_seq: 9, last_ts: at(0) } })
    expect(seen(RENEWAL_MILLIS_MAX).state).toBe("good")
    expect(seen(RENEWAL_MILLIS_MAX + 1).state).toBe("bad")
    expect(renewal({ ts: at(0), state: { last_seq: 0, last_ts: at(0) } }).state).toBe("unknown")
  })

  test("leases: a partition is without an owner for longer than a fail-over takes", () => {
    const memory = new Ownerless()
    const nobody = partition({ owner: "", lease_age_seconds: null })
    expect(memory.signals(nobody, 0).map(({ state }) => state)).toEqual(["poor"])
    expect(memory.signals(nobody, OWNERLESS_MILLIS_MAX + 1).map(({ state }) => state))
      .toEqual(["bad"])
    expect(memory.signals(partition({}), OWNERLESS_MILLIS_MAX + 2)).toEqual([])
    // It begins anew; but an entry that is old says for how long nobody came.
    expect(memory.signals(nobody, OWNERLESS_MILLIS_MAX + 3).map(({ state }) => state))
      .toEqual(["poor"])
    const old = partition({ owner: "", lease_age_seconds: OWNERLESS_MILLIS_MAX / 1_000 + 1 })
    expect(new Ownerless().signals(old, 0).map(({ state }) => state)).toEqual(["bad"])
  })

  test("lag: a message waits for longer than a minute, in a family that nobody paused", () => {
    const late = partition({ lag_seconds: LAG_SECONDS_MAX + 1, lag_messages: 3 })
    expect(lagSignals(late)).toEqual([{
      signal: "lag",
      state: "bad",
      found: "payments-2 wait, the oldest message for 61 s"
    }])
    const paused = [{ ...late[0]!, paused: { by: "ana", why: "a bank's night", at: at(0) } }]
    expect(lagSignals(paused).map(({ state }) => state)).toEqual(["good"])
    expect(lagSignals(partition({ lag_seconds: LAG_SECONDS_MAX })).map(({ state }) => state))
      .toEqual(["good"])
  })

  test("nats and writes: the server hangs; what PostgreSQL knows is told all the same", async () => {
    freeze("nats")
    await unready(["nats", "writes"])
    const started = performance.now()
    const { json } = await one.ask(operator, "GET", "/v1/operations/overview")
    expect(performance.now() - started).toBeLessThan(HUNG_MILLIS)
    expect(json.unknown.toSorted()).toEqual(["families", "workers"])
    expect(json.trial_balance).toBeInstanceOf(Array)
    expect(await saidOfStatus("NO  nats: NATS does not answer"))
      .toMatch(/not known now: .*families/)
    thaw()
    await eventually(async () => bad(await looked()).length === 0 || undefined)
  })

  test("postgresql: the server hangs; what NATS knows is told all the same", async () => {
    freeze("postgres")
    expect(await unready(["postgresql"])).toEqual([
      "postgresql: PostgreSQL does not answer within 1 s"
    ])
    expect(await saidOfStatus("NO  postgresql: PostgreSQL does not answer"))
      .toContain("ok  nats: NATS answers")
    const asked = performance.now()
    const { findings } = await examineStack(one.stack)
    expect(performance.now() - asked).toBeLessThan(HUNG_MILLIS)
    expect(findings).toContainEqual(
      expect.objectContaining({ area: "postgresql", found: "it does not answer within 1 s" })
    )
    thaw()
    await eventually(async () => bad(await looked()).length === 0 || undefined)
  })
})
