import { type RawBuilder, sql } from "kysely"
import { canonicalJson } from "../domain/canonicalJson.ts"
import { type Hash, leafHash } from "../domain/merkle.ts"

/** An entry as a leaf of the tree holds it: all that it is, and nothing that a copy could lack. */
export interface LeafEntry {
  readonly id: string
  readonly merchant: string
  readonly payment_id: string
  readonly kind: string
  /** Milliseconds since 1970. */
  readonly at: number
  /** The command that caused it: its place in the mailbox. */
  readonly partition: number
  readonly seq: number
  /** The entry that it takes back, where it does. */
  readonly reverses?: string
  readonly postings: ReadonlyArray<{
    readonly layer: string
    readonly debit: string
    readonly credit: string
    readonly amount: string
    readonly currency: string
  }>
}

/** The bytes of a leaf: canonical JSON (RFC 8785), keys sorted, no white space, UTF-8. */
const leafBytes = (entry: LeafEntry): string => canonicalJson(entry)

export const hashOfEntry = (entry: LeafEntry): Hash => leafHash(leafBytes(entry))

/** One entry of `journal_entries e` as JSON, its postings in the order in which they were written. */
export const leafColumn: RawBuilder<unknown> = sql`
  jsonb_strip_nulls(jsonb_build_object('id', e.id, 'merchant', e.merchant,
    'payment_id', e.payment_id, 'kind', e.kind, 'at', e.at_millis, 'partition', e.partition,
    'seq', e.seq, 'reverses', e.reverses, 'postings', (
      select coalesce(jsonb_agg(jsonb_build_object('layer', layer, 'debit', debit_account,
        'credit', credit_account, 'amount', amount::text, 'currency', currency) order by line), '[]')
      from postings p where p.entry_id = e.id
    )))`
