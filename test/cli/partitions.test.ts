import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { attachStack } from "../../src/stack/attached.ts"
import { isAlive } from "../../src/stack/child.ts"
import { query } from "../support/lastro.ts"
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
