import { expect, test } from "vitest"
import { INTERLEAVINGS } from "../support/runs.ts"
import type { State } from "../../actors/payments/state.ts"
import { entriesOf } from "./shop.ts"
import { simulate } from "./simulate.ts"
import { sweep } from "./sweep.ts"
import { wallets } from "./wallets.ts"

const count = Math.ceil(INTERLEAVINGS * 0.02)

test(
  "M1, G2, G3, G5: whatever dies, stops, is late or lost, money moves between wallets, currencies and banks once",
  async () => {
    const { different, runs } = await sweep(wallets, { from: 1, count }, "wallets.test.ts")
    expect(different).toBeGreaterThan(runs * 0.99)
  },
  900_000
)

test("its load meets every kind of move, so that nothing above is empty", async () => {
  const seen = new Set<string>()
  for (let seed = 1; seed <= 40; seed++) {
    const { world } = await simulate(wallets, seed)
    for (const { kind } of entriesOf(world)) seen.add(kind)
    for (const { state } of world.store.states.get("payments")!.values()) {
      const one = state as State
      if ("_tag" in one) seen.add("status" in one ? `${one._tag} ${one.status}` : one._tag)
    }
  }
  expect([...seen]).toEqual(expect.arrayContaining([
    "transfer",
    "transfer_sent",
    "transfer_arrived",
    "transfer_refused",
    "payout_paid",
    "payout_failed",
    "fx_conversion",
    "Payout paid",
    "Payout failed",
    "Transfer completed",
    "Transfer failed",
    "Conversion",
    "Refused"
  ]))
}, 300_000)
