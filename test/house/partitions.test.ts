import { join } from "node:path"
import { Effect } from "effect"
import { afterAll, beforeAll, expect, test } from "vitest"
import { Leases } from "../../src/bus/leases.ts"
import { JOIN_SETTLES_MILLIS } from "../../src/runtime/placement.ts"
import { attachStack } from "../../src/stack/attached.ts"
import { isAlive } from "../../src/stack/child.ts"
import { query } from "../support/lastro.ts"
import { connectAs } from "../support/machine.ts"
import { clear, closedFolder, inShell, serverPids, StartProcess } from "../support/startProcess.ts"

/** A deployment that chose two partitions. Whatever these tests start beside it has their own eight. */
const TWO = { LASTRO_PARTITIONS: "2" }
const home = closedFolder()
const dataDir = join(home, ".lastro")
const otherHome = closedFolder()
const spawned: Array<StartProcess> = []
let lastro: StartProcess

const run = (command: ReadonlyArray<string>, environment: Record<string, string> = {}) => {
  const started = new StartProcess({
    cwd: home,
    command,
    environment: { LASTRO_PORT: "0", ...environment }
  })
  spawned.push(started)
  return started
}

const ends = async (command: ReadonlyArray<string>, environment?: Record<string, string>) => {
  const ran = run(command, environment)
  return { code: await ran.end(), said: ran.output.trim(), complained: ran.errors.trim() }
}

beforeAll(async () => {
  lastro = await run(["start"], TWO).ready()
})
afterAll(async () => {
  for (const { child, pid } of spawned) {
    if (child.exitCode === null && child.signalCode === null) process.kill(-pid, "SIGKILL")
  }
  await Promise.all(spawned.map((one) => one.end()))
  clear(home, dataDir)
  clear(otherHome, join(otherHome, ".lastro"))
})

interface Finding {
  readonly check: string
  readonly verdict: string
  readonly found: string
  readonly advice?: string
}

const findings = async (environment?: Record<string, string>): Promise<ReadonlyArray<Finding>> =>
  JSON.parse((await ends(["doctor", "--json"], environment)).said).findings

test("a deployment with two partitions captures a payment, and its servers map keys into two", async () => {
  expect(await inShell(lastro.curl)).toMatchObject({ status: "captured" })
  const rows = await query(
    attachStack(dataDir, {}).databaseUrl,
    "select distinct partition from cursors order by partition"
  )
  expect(rows).toEqual([{ partition: 0 }, { partition: 1 }])
  const [mapping] = (await findings(TWO))
    .filter(({ check }) => check.startsWith("partition function of "))
  expect(mapping).toMatchObject({
    verdict: "good",
    found: "the server and we agree on 32 of 32 keys"
  })
  expect(await ends(["topology", "plan"], TWO)).toMatchObject({
    code: 0,
    said: "Everything is as declared, with 2 partitions in each mailbox."
  })
})

test(
  "whoever comes with another number is refused and told both, and nothing changes",
  async () => {
    const stack = attachStack(dataDir, {})
    const servers = {
      LASTRO_NATS_URL: stack.natsUrls.join(","),
      LASTRO_NATS_MONITOR_URL: stack.natsMonitorUrl,
      LASTRO_NATS_PASSWORDS_FILE: join(dataDir, "nats", "passwords.json"),
      DATABASE_URL: stack.databaseUrl,
      LASTRO_SIMULATOR_URL: "http://127.0.0.1:1"
    }
    const commands = ["up", "worker", "edge", "topology apply", "routing", "replay payments"]
    for (const command of commands) {
      const { code, complained } = await ends(command.split(" "), servers)
      // What came before are lines of its log.
      expect([code, complained.split("\n").at(-1)], command).toEqual([
        1,
        "lastro: the mailboxes were made with 2 partitions each, and this process reckons " +
        "with 8; that is fixed from the first start on: set LASTRO_PARTITIONS=2."
      ])
    }
    const plan = await ends(["topology", "plan"])
    expect([plan.code, plan.said.split("\n").slice(0, 2)]).toEqual([2, [
      "drift    stream PAYMENTS",
      "           partitions: 2 → 8   (left as it is: keys would move away from their order: " +
      "set LASTRO_PARTITIONS=2)"
    ]])
    expect((await findings()).find(({ check }) => check === "PAYMENTS partitions")).toMatchObject({
      verdict: "bad",
      found: "is 2, declared 8",
      advice: "start every process, this one too, with LASTRO_PARTITIONS=2"
    })
    expect((await ends(["topology", "plan"], TWO)).code).toBe(0)
    expect((await ends(["replay", "payments"], TWO)).code).toBe(0)
    expect(await inShell(lastro.curl)).toMatchObject({ status: "captured" })
  },
  180_000
)

test(
  "a worker of a release that knows nothing of the number owns nothing, and is named until it ends",
  async () => {
    const stack = attachStack(dataDir, {})
    const nc = await connectAs(stack, stack.nats.worker)
    const leases = await Effect.runPromise(
      Leases.open({ nc, inboxPrefix: "_INBOX.worker" }, 60_000)
    )
    // As such a release announces itself and takes partitions that nobody else reads.
    const acquire = (key: string, value: string) =>
      Effect.runPromise(leases.acquire(key, value).pipe(Effect.orElseSucceed(() => 0)))
    await acquire("m.worker-former", "payments fraud messaging reconciliation")
    const revision = await acquire("payments.5", "worker-former")
    expect(revision).toBeGreaterThan(0)
    const held = Object.fromEntries([...leases.list()].map(([key, { value }]) => [key, value]))
    const takeOver = (partition: number) =>
      query(
        stack.databaseUrl,
        `update cursors set epoch_bucket = $1, epoch_revision = $2, owner = 'worker-former'
         where family = 'payments' and partition = $3`,
        [leases.bucketMillis, 1_000_000, partition]
      )
    await query(
      stack.databaseUrl,
      `insert into cursors (family, partition, epoch_bucket, epoch_revision, owner, seq, seq_at_millis,
         clock_millis, stream_created, digest) values ('payments', 5, 0, 0, '', 0, 0, 0, '', '')`
    )
    for (const partition of [0, 1, 5]) {
      await expect(takeOver(partition)).rejects.toThrow(
        "this deployment has 2 partitions, and who takes one over reckons with 8"
      )
    }
    // It would own about half of them if the others counted it: each stays where it is, and works.
    await new Promise((resolve) => setTimeout(resolve, 3 * JOIN_SETTLES_MILLIS))
    expect(Object.fromEntries([...leases.list()].map(([key, { value }]) => [key, value])))
      .toMatchObject(held)
    expect(await inShell(lastro.curl)).toMatchObject({ status: "captured" })
    expect((await findings(TWO)).find(({ check }) => check === "number of partitions"))
      .toMatchObject({
        verdict: "bad",
        found: "worker-former reckons with 8; the deployment has 2",
        advice: expect.stringMatching(/stop it/)
      })
    const status = await ends(["status"], { LASTRO_PORT: new URL(lastro.url).port })
    expect(status.code).toBe(2)
    expect(status.said).toContain("worker-former reckons with 8 partitions and owns nothing")
    expect(status.said).not.toMatch(/^ +5 {2}/m)
    // Gone, nobody speaks of it any more.
    await Effect.runPromise(leases.release("payments.5", revision))
    await Effect.runPromise(
      leases.release("m.worker-former", leases.list().get("m.worker-former")!.revision)
    )
    leases.close()
    await nc.close()
    expect((await findings(TWO)).find(({ check }) => check === "number of partitions"))
      .toMatchObject({ verdict: "good", found: "all reckon with 2 partitions" })
  },
  120_000
)

test(
  "a start that names another number is refused, and one that names none finds it in the folder",
  async () => {
    lastro.signal("SIGTERM")
    expect(await lastro.end()).toBe(0)
    const mistaken = await ends(["start"], { LASTRO_PARTITIONS: "4" })
    expect(mistaken.code).toBe(1)
    expect(mistaken.complained).toMatch(
      /^lastro: .* 2 partitions each, .* with 4; .*set LASTRO_PARTITIONS=2\.$/
    )
    expect(serverPids(dataDir).filter(isAlive)).toEqual([])
    lastro = await run(["start"], { LASTRO_PARTITIONS: "" }).ready()
    expect(await inShell(lastro.curl)).toMatchObject({ status: "captured" })
    expect(await ends(["topology", "plan"], { LASTRO_PARTITIONS: "" })).toMatchObject({
      code: 0,
      said: "Everything is as declared, with 2 partitions in each mailbox."
    })
  },
  120_000
)

test.each(["start", "worker"])(
  "%s with a number of partitions that is none says so in one line, with 64",
  async (command) => {
    expect(await ends([command], { LASTRO_PARTITIONS: "65", LASTRO_DATA_DIR: otherHome })).toEqual({
      code: 64,
      said: "",
      complained: `lastro ${command}: LASTRO_PARTITIONS is a whole number from 1 to 64, not "65".`
    })
  }
)
