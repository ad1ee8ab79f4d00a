import { Schema } from "effect"
import { LeafEntry } from "../../ledger/leaf.ts"

/** Verifier keys in the form of signed notes, the newest first. */
const Keys = Schema.Array(Schema.String)

export const Receipt = Schema.Struct({
  payment: Schema.String,
  keys: Keys,
  /** A signed note; null before the first. */
  checkpoint: Schema.NullOr(Schema.String),
  entries: Schema.Array(
    Schema.Struct({
      entry: LeafEntry,
      position: Schema.Int,
      /** Hashes in base64, from the leaf up. */
      proof: Schema.Array(Schema.String)
    })
  ),
  /** Entries so new that no checkpoint covers them yet. */
  uncovered: Schema.Array(Schema.String)
}).annotate({ identifier: "Receipt" })

export const Checkpoint = Schema.Struct({
  keys: Keys,
  size: Schema.Int,
  checkpoint: Schema.String
}).annotate({ identifier: "Checkpoint" })

export const Consistency = Schema.Struct({
  first: Schema.String,
  second: Schema.String,
  proof: Schema.Array(Schema.String)
}).annotate({ identifier: "Consistency" })
