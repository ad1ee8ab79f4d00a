import { Schema } from "effect"
import { BigAmount } from "../../src/domain/money.ts"

/** A sliding window kept as counters of fixed slots: it costs the same however many payments fall in it. */
export interface Window {
  readonly slotMillis: number
  /** Whole slots the window spans; with the running one it covers up to one slot more, never less. */
  readonly slots: number
}

export const HOUR: Window = { slotMillis: 5 * 60_000, slots: 12 }
export const DAY: Window = { slotMillis: 60 * 60_000, slots: 24 }

/**
 * Currencies summed per slot. Sums of different currencies never mix; a payment in one more currency
 * is counted but not summed, so that nobody can grow a profile by naming currencies.
 */
const SLOT_CURRENCIES_MAX = 4

export const Slot = Schema.Struct({
  /** Slots since 1970. */
  n: Schema.Int,
  count: Schema.Int,
  sums: Schema.Record(Schema.String, BigAmount)
})
export type Slot = typeof Slot.Type
/** Ascending, without empty slots. */
export type Slots = ReadonlyArray<Slot>

/** Never before the last slot: the decision clock does not go back, and a count must not get lost. */
const slotNumber = (slots: Slots, window: Window, at: number): number =>
  Math.max(Math.floor(at / window.slotMillis), slots.at(-1)?.n ?? 0)

const within = (slots: Slots, window: Window, at: number): Slots => {
  const oldest = slotNumber(slots, window, at) - window.slots
  return slots.filter((slot) => slot.n >= oldest)
}

/** Adds one payment and forgets the slots that left the window. */
export const record = (
  slots: Slots,
  window: Window,
  at: number,
  amount: bigint,
  currency: string
): Slots => {
  const n = slotNumber(slots, window, at)
  const kept = within(slots, window, at)
  const last = kept.at(-1)
  const current = last?.n === n ? last : { n, count: 0, sums: {} }
  const counted = {
    n,
    count: current.count + 1,
    sums: addTo(current.sums, amount, currency)
  }
  return [...kept.filter((slot) => slot.n < n), counted]
}

const addTo = (
  sums: Slot["sums"],
  amount: bigint,
  currency: string
): Slot["sums"] => {
  const known = sums[currency]
  if (known === undefined && Object.keys(sums).length >= SLOT_CURRENCIES_MAX) return sums
  return { ...sums, [currency]: (known ?? 0n) + amount }
}

export const countWithin = (slots: Slots, window: Window, at: number): number =>
  within(slots, window, at).reduce((count, slot) => count + slot.count, 0)

/** Minor units of one currency. */
export const sumWithin = (slots: Slots, window: Window, at: number, currency: string): bigint =>
  within(slots, window, at).reduce((sum, slot) => sum + (slot.sums[currency] ?? 0n), 0n)
