import { expect, test } from "vitest"
import { familyTables } from "../../actors/register.ts"
import { replayStack } from "../../src/house/replayStack.ts"
import type { Stack } from "../../src/stack/stack.ts"
import type { ChaosHouse } from "../../src/trials/chaos/house.ts"
import {
  chargesAstray,
  effectsOutOfOrder,
  emissionsAstray,
  gapsBetweenTurns,
  imbalances,
  missingCommands,
  repeatedEffects
} from "../../src/trials/chaos/promises.ts"
import type { ChaosRecord } from "../../src/trials/chaos/record.ts"
import { differencesFromReplay } from "../../src/trials/chaos/replay.ts"

/** One test per promise, over what stands in streams and tables once everything is quiet. */
export const promisesHold = (
  after: () => { house: ChaosHouse & { readonly stack: Stack }; record: ChaosRecord }
) => {
  test("G1: every acknowledged command has its payment", () => {
    const { house, record } = after()
    expect(missingCommands(record, house.load.acknowledged.values())).toEqual([])
  })

  test("G2: no command is lost and none takes effect twice", () => {
    const { record } = after()
    expect(repeatedEffects(record)).toEqual([])
    expect(record.deadLetters).toBe(0)
  })

  test("G2: the turns of a partition cover its mailbox without gap or overlap", () => {
    expect(gapsBetweenTurns(after().record)).toEqual([])
  })

  test("G3: effects of one key follow the order of its mailbox", () => {
    const { record } = after()
    expect(effectsOutOfOrder(record)).toEqual([])
    expect(differencesFromReplay(record)).toEqual([])
  })

  test("G5: every emission is in its mailbox once and in order", () => {
    expect(emissionsAstray(after().record)).toEqual([])
  })

  test.each(Object.keys(familyTables))(
    "G15: replaying the mailbox of %s gives the same digests and the same rows",
    async (family) => {
      const { stack } = after().house
      const report = await replayStack(stack, family, {
        checkpoint: undefined,
        partition: undefined
      })
      expect(report.differences).toEqual([])
      if (family === "payments") expect(report.messages).toBeGreaterThan(100)
    },
    120_000
  )

  test("M1: debits equal credits after every turn and the accounts repeat the journal", () => {
    const { record } = after()
    expect(record.postings.length).toBeGreaterThan(0)
    expect(imbalances(record)).toEqual([])
  })

  test("M2: no payment is charged twice and the ledger agrees with the gateway's book", () => {
    const { house, record } = after()
    expect(house.simulator.book.summary().charges).toBeGreaterThan(0)
    expect(chargesAstray(record, house.simulator.book)).toEqual([])
  })
}
