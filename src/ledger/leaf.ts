import { Schema } from "effect"
import { type RawBuilder, sql } from "kysely"
import { canonicalJson } from "../domain/canonicalJson.ts"
import { type Hash, leafHash } from "../domain/merkle.ts"
import type { Db } from "../store/database.ts"

/** An entry as a leaf of the tree holds it: all that it is, and nothing that a copy could lack. */
export const LeafEntry = Schema.Struct({
  id: Schema.String,
  merchant: Schema.String,
  payment_id: Schema.String,
  kind: Schema.String,
  /** Milliseconds since 1970. */
  at: Schema.Finite,
  /** The command that caused it: its place in the mailbox. */
  partition: Schema.Int,
  seq: Schema.Int,
  /** The entry that it takes back, where it does. */
  reverses: Schema.optionalKey(Schema.String),
  postings: Schema.Array(
    Schema.Struct({
      layer: Schema.String,
      debit: Schema.String,
      credit: Schema.String,
      amount: Schema.String,
      currency: Schema.String
    })
  )
}).annotate({ identifier: "LeafEntry" })
export type LeafEntry = typeof LeafEntry.Type

/** The bytes of a leaf: canonical JSON (RFC 8785), keys sorted, no white space, UTF-8. */
const leafBytes = (entry: LeafEntry): string => canonicalJson(entry)

export const hashOfEntry = (entry: LeafEntry): Hash => leafHash(leafBytes(entry))

/** What `entryColumns` selects. */
export interface EntryRow {
  readonly id: string
  readonly merchant: string
  readonly payment_id: string
  readonly kind: string
  readonly at_millis: string
  readonly partition: number
  readonly seq: string
  readonly reverses: string | null
}

/** Of `journal_entries e`. */
export const entryColumns: RawBuilder<unknown> = sql`
  e.id, e.merchant, e.payment_id, e.kind, e.at_millis, e.partition, e.seq, e.reverses`

interface PostingRow {
  readonly entry_id: string
  readonly layer: string
  readonly debit: string
  readonly credit: string
  readonly amount: string
  readonly currency: string
}

/**
 * Entries as leaves, in their order, with their postings in the order in which they were written. Asked
 * for as rows: made into JSON by PostgreSQL, entry by entry, they cost it ten times as much, and the journal
 * a tenth of what a payment costs (measured).
 */
export const leavesOf = async (
  db: Db,
  entries: ReadonlyArray<EntryRow>
): Promise<ReadonlyArray<LeafEntry>> => {
  const { rows } = await sql<PostingRow>`
    select p.* from unnest(${entries.map(({ id }) => id)}::text[]) as wanted (id)
    -- One descent of the primary key for each of them.
    cross join lateral (
      select entry_id, layer, debit_account as debit, credit_account as credit, amount, currency
      from postings where entry_id = wanted.id order by line
    ) p`.execute(db)
  const postings = Map.groupBy(rows, ({ entry_id }) => entry_id)
  return entries.map((entry) => ({
    id: entry.id,
    merchant: entry.merchant,
    payment_id: entry.payment_id,
    kind: entry.kind,
    at: Number(entry.at_millis),
    partition: entry.partition,
    seq: Number(entry.seq),
    ...(entry.reverses !== null && { reverses: entry.reverses }),
    postings: (postings.get(entry.id) ?? []).map(({ entry_id: _, ...posting }) => posting)
  }))
}
