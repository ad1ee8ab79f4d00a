import * as fs from "node:fs"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type ChaosRecord, readRecord } from "../../src/trials/chaos/record.ts"
import type { ClusterStack } from "../../src/stack/cluster.ts"
import { startClusterHouse, type TestHouse } from "../support/chaosHouse.ts"
import { promisesHold } from "../support/chaosTests.ts"
import { eventually } from "../support/lastro.ts"

const PAYMENTS_PER_SECOND = 40
const AWAY_MILLIS = 60_000
const MIB = 1024 ** 2
/** Every partition's prefetch and what a garbage collector leaves lying: only what runs away passes it. */
const GROWTH_BYTES_MAX = 400 * MIB

interface Sample {
  readonly worker: number
  readonly edge: number
}

let house: TestHouse<ClusterStack>
let record: ChaosRecord
let unquiet: string
let before: Sample
const during: Array<Sample> = []
const statuses: Array<number> = []
const retryAfter: Array<string | null> = []
let acknowledgedBefore: number
let producedMeanwhile: number

const rest = (millis: number) => new Promise((resolve) => setTimeout(resolve, millis))

const residentBytes = (pid: number): number =>
  Number(/VmRSS:\s+(\d+) kB/.exec(fs.readFileSync(`/proc/${pid}/status`, "utf8"))![1]) * 1_024

const sample = (pid: number): Sample => ({
  worker: residentBytes(pid),
  edge: residentBytes(process.pid)
})

const most = (of: (sample: Sample) => number) => Math.max(...during.map(of))

const ask = async (attempt: number) => {
  const answer = await fetch(`${house.edgeUrl}/v1/payments`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${house.keyOf("shop-0")}`,
      "content-type": "application/json",
      "idempotency-key": `away-${attempt}`
    },
    body: JSON.stringify({
      amount: 1_000,
      currency: "BRL",
      payment_method: { type: "card", token: "tok_approved" }
    })
  })
  await answer.arrayBuffer()
  statuses.push(answer.status)
  retryAfter.push(answer.headers.get("retry-after"))
}

beforeAll(async () => {
  house = await startClusterHouse({ postgres: "own" })
  const worker = house.work()
  house.load.start(PAYMENTS_PER_SECOND)
  await eventually(() => Promise.resolve(house.load.payments > 200 || undefined), 60_000)
  await rest(5_000)
  before = sample(worker.pid)
  // Twice the load from here on.
  house.load.start(PAYMENTS_PER_SECOND)
  await house.stack.kill("postgres")
  acknowledgedBefore = house.load.acknowledged.size
  const end = Date.now() + AWAY_MILLIS
  for (let attempt = 0; Date.now() < end; attempt++) {
    await ask(attempt)
    during.push(sample(worker.pid))
    await rest(500)
  }
  producedMeanwhile = house.load.acknowledged.size - acknowledgedBefore
  await house.stack.restart("postgres")
  await rest(3_000)
  during.push(sample(worker.pid))
  expect(worker.running()).toBe(true)
  await house.load.stop()
  unquiet = await house.quiet(240_000)
  during.push(sample(worker.pid))
  record = await readRecord(house.admin, house.stack.databaseUrl)
}, 600_000)
afterAll(() => house?.stop())

test("G11: with PostgreSQL away for a minute the edge says 503 and when to come back", () => {
  expect(statuses.length).toBeGreaterThan(10)
  expect(statuses).toEqual(statuses.map(() => 503))
  expect(retryAfter.every((seconds) => Number(seconds) > 0)).toBe(true)
})

test("G11: with PostgreSQL away for a minute at twice the load the memory of worker and edge is bounded", () => {
  const grown = (of: (sample: Sample) => number) => Math.round((most(of) - of(before)) / MIB)
  console.log(
    `PostgreSQL away for ${AWAY_MILLIS / 1_000} s: worker +${grown(({ worker }) => worker)} MiB, ` +
      `edge +${grown(({ edge }) => edge)} MiB, ${producedMeanwhile} commands meanwhile`
  )
  expect(most(({ worker }) => worker)).toBeLessThan(before.worker + GROWTH_BYTES_MAX)
  expect(most(({ edge }) => edge)).toBeLessThan(before.edge + GROWTH_BYTES_MAX)
})

test("G11: what producers sent meanwhile was taken, and is decided afterwards", () => {
  expect(producedMeanwhile).toBeGreaterThan(0)
  expect(unquiet).toBe("")
})

promisesHold(() => ({ house, record }))
