import { expect, test } from "vitest"
import { type ChargeCount, healthOf } from "../../actors/payments/health.ts"

const counted = (status: string, count: number, code: string | null = null): ChargeCount => ({
  gateway: "one",
  status,
  code,
  count
})
const health = (...counts: ReadonlyArray<ChargeCount>) => healthOf(counts)["one"]

test("a gateway is down when most charges did not reach it, and a few were tried", () => {
  const unreached = (count: number) => counted("not_processed", count, "gateway_not_reached")
  expect(health(unreached(4))?.down).toBe(false)
  expect(health(unreached(8), counted("approved", 2))?.down).toBe(true)
  expect(health(unreached(7), counted("approved", 3))?.down).toBe(false)
  expect(health(counted("deferred", 5))?.down).toBe(true)
  // What is on its way says nothing yet, and a no of its own is an answer.
  expect(health(unreached(4), counted("sent", 100))?.down).toBe(false)
  expect(health(counted("not_processed", 50, "gateway_error"))?.down).toBe(false)
})

test("how many it approves is counted of those it decided, in coarse steps", () => {
  expect(health(counted("approved", 19))?.success_permille).toBeUndefined()
  expect(health(counted("approved", 17), counted("declined", 3))?.success_permille).toBe(850)
  expect(health(counted("approved", 88), counted("declined", 12))?.success_permille).toBe(900)
  expect(health(counted("declined", 20), counted("unknown", 80))?.success_permille).toBe(0)
})
