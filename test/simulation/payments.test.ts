import { expect, test } from "vitest"
import { INTERLEAVINGS } from "../support/runs.ts"
import { separateShop, shop } from "./shop.ts"
import { sweep } from "./sweep.ts"

const count = Math.ceil(INTERLEAVINGS * 0.02)

test(
  "M1, M2, G2, G3, G5: whatever dies, stops, is late or lost, a payment is charged and booked once",
  async () => {
    const { different, runs } = await sweep(shop, { from: 1, count }, "payments.test.ts")
    expect(different).toBeGreaterThan(runs * 0.99)
  },
  900_000
)

test(
  "the same where each family has a mailbox of its own",
  async () => {
    await sweep(separateShop, { from: 1, count: Math.ceil(count / 10) }, "payments.test.ts")
  },
  900_000
)
