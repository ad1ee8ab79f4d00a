import { sql } from "kysely"
import type { Statement } from "../store/database.ts"
import { rowsOf } from "../store/rowsOf.ts"
import type { Booked } from "./journal.ts"

type Side = "debit" | "credit"

interface HoldChange {
  readonly account: string
  readonly paymentId: string
  readonly side: Side
  readonly placedMillis: number
  amount: bigint
}

/** What the turn reserves and gives back, summed per account, payment and side. */
const holdChangesOf = (booked: ReadonlyArray<Booked>): ReadonlyArray<HoldChange> => {
  const changes = new Map<string, HoldChange>()
  const add = (one: Booked, side: Side, account: string, amount: bigint) => {
    const { paymentId } = one.entry
    const key = `${account} ${paymentId} ${side}`
    const known = changes.get(key)
    if (known === undefined) {
      changes.set(key, { account, paymentId, side, placedMillis: one.at, amount })
    } else known.amount += amount
  }
  for (const one of booked) {
    for (const { amount, credit, debit, layer } of one.entry.postings) {
      if (layer !== "pending") continue
      add(one, "debit", debit.path, amount)
      add(one, "credit", credit.path, amount)
    }
  }
  // Reserved and given back within one turn: no reader could ever see it.
  return [...changes.values()].filter(({ amount }) => amount !== 0n)
}

/**
 * Keeps the open holds beside the totals they explain, in the same database transaction. A hold given
 * back whole leaves the table; one given back beyond what it reserved breaks its check and the turn.
 */
export const moveHolds = (booked: ReadonlyArray<Booked>): ReadonlyArray<Statement> => {
  const changes = holdChangesOf(booked)
  if (changes.length === 0) return []
  const moved = sql`
    insert into holds (account, payment_id, side, amount, placed_millis)
    select account, payment_id, side, 0, placed_millis from ${rows(changes)} as new
    on conflict do nothing`
  // Not in the insert: a check sees the row to be inserted before any conflict, and what is given back is negative.
  const settled = sql`
    update holds set amount = holds.amount + change.amount from ${rows(changes)} as change
    where holds.account = change.account and holds.payment_id = change.payment_id
      and holds.side = change.side`
  const given = changes.filter(({ amount }) => amount < 0n)
  const closed = sql`
    delete from holds using ${rows(given)} as given
    where holds.account = given.account and holds.payment_id = given.payment_id
      and holds.side = given.side and holds.amount = 0`
  return given.length > 0 ? [moved, settled, closed] : [moved, settled]
}

const rows = (changes: ReadonlyArray<HoldChange>) =>
  rowsOf(changes, {
    account: ["text", ({ account }) => account],
    payment_id: ["text", ({ paymentId }) => paymentId],
    side: ["text", ({ side }) => side],
    amount: ["bigint", ({ amount }) => amount],
    placed_millis: ["bigint", ({ placedMillis }) => placedMillis]
  })
