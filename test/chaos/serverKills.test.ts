import { afterAll, beforeAll, expect, test } from "vitest"
import type { EmbeddedStack, Server } from "../../src/stack/embedded.ts"
import { LEASE_MILLIS, startTestHouse, type TestHouse } from "../support/chaosHouse.ts"
import { type ChaosRecord, readRecord } from "../../src/trials/chaos/record.ts"
import { promisesHold } from "../support/chaosTests.ts"
import type { WorkerProcess } from "../../src/trials/chaos/workers.ts"

// Outages hold everything up, so more is asked for than goes through: two to three thousand commands.
const PAYMENTS_PER_SECOND = 120
/** Up again at once, and after the leases have run out. */
const outages: ReadonlyArray<readonly [servers: ReadonlyArray<Server>, millis: number]> = [
  [["nats"], 0],
  [["postgres"], 0],
  [["nats"], LEASE_MILLIS + 1_500],
  [["postgres"], LEASE_MILLIS + 1_500],
  [["nats", "postgres"], 500]
]

let house: TestHouse<EmbeddedStack>
let record: ChaosRecord
let unquiet: string
let survivor: WorkerProcess
let victim: WorkerProcess
let acknowledgedBefore: number
const alive: Array<boolean> = []

const rest = (millis: number) => new Promise((resolve) => setTimeout(resolve, millis))

beforeAll(async () => {
  house = await startTestHouse()
  ;[survivor, victim] = [house.work(), house.work()]
  house.load.start(PAYMENTS_PER_SECOND)
  await rest(4_000)
  for (const [servers, millis] of outages) {
    await Promise.all(servers.map((server) => house.stack.kill(server)))
    await rest(millis)
    await Promise.all(servers.map((server) => house.stack.restart(server)))
    await rest(3_000 + Math.random() * 1_000)
    alive.push(survivor.running() && victim.running())
  }
  // What one worker knew of the other was in the servers that died. It must have learnt it anew.
  victim.signal("SIGKILL")
  await victim.ended
  await rest(LEASE_MILLIS)
  acknowledgedBefore = house.load.acknowledged.size
  await rest(2_000)
  await house.load.stop()
  unquiet = await house.quiet(180_000)
  record = await readRecord(house.admin, house.stack.databaseUrl)
}, 480_000)
afterAll(() => house?.stop())

test("workers outlive the death of NATS and of PostgreSQL under load", () => {
  expect(alive).toEqual(outages.map(() => true))
  expect(survivor.running()).toBe(true)
  expect(house.load.repeats).toBeGreaterThan(0)
  expect(house.load.acknowledged.size).toBeGreaterThan(1_000)
})

test("after servers were restarted, commands are taken and a dead worker's share is taken over", () => {
  expect(house.load.acknowledged.size).toBeGreaterThan(acknowledgedBefore)
  expect(victim.running()).toBe(false)
})

test("all that was begun came to rest", () => {
  expect(unquiet).toBe("")
})

promisesHold(() => ({ house, record }))
