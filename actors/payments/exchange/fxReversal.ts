import { worthOf } from "../../../src/domain/exchange.ts"
import type { Owner } from "../../../src/ledger/clearing.ts"
import { reversedAtCurrentRate, reversedExactly } from "../../../src/ledger/fx.ts"
import type { JournalEntry } from "../../../src/ledger/journal.ts"
import type { Conversion } from "./conversion.ts"

/** What comes back for all that was bought, and what we gain by it, in the currency that was sold. */
interface Reversing {
  readonly entry: JournalEntry
  readonly given: bigint
  readonly gain: bigint
  readonly rate: string
}

/**
 * At the original rate everything is as it was, our spread and the rounding included. At the current
 * rate, what was bought is worth what it is worth now: the difference to its part of what was paid is
 * our gain or loss, and the spread stays ours. No spread is taken again.
 */
export const reverse = (
  conversion: Conversion,
  from: Owner,
  to: Owner,
  current: string | undefined
): Reversing => {
  const { bought, id, rounding, sold, spread } = conversion
  if (current === undefined) {
    const entry = reversedExactly(from, to, id, { sold, bought, spread, rounding })
    return { entry, given: sold, gain: 0n, rate: conversion.rate }
  }
  const { from: back, to: away } = conversion
  const given = worthOf({ from: back, to: away, rate: current }, bought)
  // Rounded down: what the spread's part of the position cost is never taken for a gain.
  const cost = (sold * bought) / (bought + spread + rounding)
  const gain = cost - given
  const entry = reversedAtCurrentRate(from, to, id, { bought, given, gain })
  return { entry, given, gain, rate: current }
}
