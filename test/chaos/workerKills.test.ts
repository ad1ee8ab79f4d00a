import { afterAll, beforeAll, expect, test } from "vitest"
import type { CrashPoint } from "../../src/runtime/turn.ts"
import { type ChaosHouse, LEASE_MILLIS, startChaosHouse } from "../support/chaosHouse.ts"
import { type ChaosRecord, readRecord } from "../support/chaosRecord.ts"
import { promisesHold } from "../support/chaosTests.ts"

/** New payments a second; with captures, refunds and refusals about twice as many commands. */
const PAYMENTS_PER_SECOND = 40
const RANDOM_KILLS = 4
const points: ReadonlyArray<CrashPoint> = [
  "before-commit",
  "after-commit",
  "before-append",
  "after-append"
]

let house: ChaosHouse
let record: ChaosRecord
const endings: Array<string> = []

const rest = (millis: number) => new Promise((resolve) => setTimeout(resolve, millis))

/** Dies at each labelled point, early and late, nobody else being there to go on. */
const killAtEveryPoint = async () => {
  for (const [round, point] of [...points, ...points].entries()) {
    const pass = round < points.length ? 1 + round : 20 + Math.floor(Math.random() * 60)
    endings.push(`${point}: ${await house.work({ point, pass }).ended}`)
  }
}

/** Two workers share the work; the one that is killed leaves its partitions to the other. */
const killAtRandom = async () => {
  const workers = [house.work(), house.work()]
  for (let kill = 0; kill < RANDOM_KILLS; kill++) {
    await rest(LEASE_MILLIS + Math.random() * 1_500)
    workers[0]!.signal("SIGKILL")
    endings.push(`random: ${await workers.shift()!.ended}`)
    workers.push(house.work())
  }
}

beforeAll(async () => {
  house = await startChaosHouse()
  house.load.start(PAYMENTS_PER_SECOND)
  await killAtEveryPoint()
  await killAtRandom()
  await house.load.stop()
  // A call under way at a kill is repeated when the shared consumer's wait of 30 s is over.
  await house.quiet(90_000)
  record = await readRecord(house.admin, house.stack.databaseUrl)
}, 240_000)
afterAll(() => house?.stop())

test("workers died at every labelled point under a load of a few thousand commands", () => {
  const killed = [...points, ...points, ...Array.from({ length: RANDOM_KILLS }, () => "random")]
  expect(endings).toEqual(killed.map((where) => `${where}: SIGKILL`))
  expect(house.load.acknowledged.size).toBeGreaterThan(1_500)
})

promisesHold(() => ({ house, record }))
