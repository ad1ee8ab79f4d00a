import { afterAll, beforeAll, expect, test } from "vitest"
import { CRASH_POINTS } from "../../src/runtime/turnPlace.ts"
import type { EmbeddedStack } from "../../src/stack/embedded.ts"
import { LEASE_MILLIS, startTestHouse, type TestHouse } from "../support/chaosHouse.ts"
import { type ChaosRecord, readRecord } from "../../src/trials/chaos/record.ts"
import { eventually } from "../support/lastro.ts"
import { tamperings } from "../support/chaosTampering.ts"
import { promisesHold } from "../support/chaosTests.ts"
import type { WorkerProcess } from "../../src/trials/chaos/workers.ts"

/** New payments a second; with captures, refunds and refusals about twice as many commands. */
const PAYMENTS_PER_SECOND = 40
const RANDOM_KILLS = 4

let house: TestHouse<EmbeddedStack>
let record: ChaosRecord
let unquiet: string
const endings: Array<string> = []
const thawed: Array<string> = []

const rest = (millis: number) => new Promise((resolve) => setTimeout(resolve, millis))

const endOf = (worker: WorkerProcess): Promise<string> => {
  const late = rest(60_000).then(() => `${worker.name} went on: ${worker.log.slice(-5).join("\n")}`)
  return Promise.race([worker.ended, late])
}

/** Dies at each labelled point, early and late, nobody else being there to go on. */
const killAtEveryPoint = async () => {
  for (const [round, point] of [...CRASH_POINTS, ...CRASH_POINTS].entries()) {
    const pass = round < CRASH_POINTS.length ? 1 + round : 20 + Math.floor(Math.random() * 60)
    endings.push(
      `${point}: ${await endOf(house.work({ crash: { point, pass, signal: "SIGKILL" } }))}`
    )
  }
}

/** Two workers share the work; the one that is killed leaves its partitions to the other. */
const killAtRandom = async () => {
  const workers = [house.work(), house.work()]
  for (let kill = 0; kill < RANDOM_KILLS; kill++) {
    await rest(LEASE_MILLIS + Math.random() * 1_500)
    workers[0]!.signal("SIGKILL")
    endings.push(`random: ${await endOf(workers.shift()!)}`)
    workers.push(house.work())
  }
}

/** Frozen beyond its lease with a decided turn, then with messages to append: too late for both. */
const freezeBetween = async () => {
  for (const point of ["before-commit", "before-append"] as const) {
    const worker = house.work({ crash: { point, pass: 30, signal: "SIGSTOP" } })
    await eventually(() => Promise.resolve(worker.frozen() || undefined), 60_000)
    await rest(2 * LEASE_MILLIS)
    worker.signal("SIGCONT")
    await rest(1_000)
    thawed.push(`${point}: ${worker.running() && !worker.frozen()}`)
  }
}

beforeAll(async () => {
  house = await startTestHouse()
  house.load.start(PAYMENTS_PER_SECOND)
  await killAtEveryPoint()
  await killAtRandom()
  await freezeBetween()
  await house.load.stop()
  // A call under way at a kill is repeated when the shared consumer's wait of 30 s is over.
  unquiet = await house.quiet(180_000)
  record = await readRecord(house.admin, house.stack.databaseUrl)
}, 480_000)
afterAll(() => house?.stop())

test("workers died at every labelled point and were frozen under a load of a few thousand commands", () => {
  const killed = [
    ...CRASH_POINTS,
    ...CRASH_POINTS,
    ...Array.from({ length: RANDOM_KILLS }, () => "random")
  ]
  expect(endings).toEqual(killed.map((where) => `${where}: SIGKILL`))
  expect(thawed).toEqual(["before-commit: true", "before-append: true"])
  expect(house.load.acknowledged.size).toBeGreaterThan(1_500)
})

test("all that was begun came to rest", () => {
  expect(unquiet).toBe("")
})

promisesHold(() => ({ house, record }))

test.for(tamperings)("the inspection itself would see $what", ({ inspect, spoil }) => {
  const context = {
    acknowledged: [...house.load.acknowledged.values()],
    book: house.simulator.book
  }
  expect(inspect(spoil(record), context)).not.toEqual([])
})
