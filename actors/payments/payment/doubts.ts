import { Schema } from "effect"
import { BigAmount } from "../../../src/domain/money.ts"

export const Contradicted = Schema.Struct({
  /** The gateway's word is another than `status` now. What of it moved stands in suspense by this name. */
  contradicted: Schema.optionalKey(Schema.Struct({ name: Schema.String, amount: BigAmount })),
  /** How often the gateway took its word back. */
  turns: Schema.optionalKey(Schema.Int)
})

/** The gateway is asked how something stands that it spoke of before. One inquiry is under way at a time. */
export const Question = Schema.Struct({
  /** Since when it is asked: from here the gateway's finality window counts. */
  since: Schema.Finite,
  /** Waits so far; the next is longer. */
  tries: Schema.Int,
  /** Something happened since it was asked: the answer may be old already. */
  again: Schema.optionalKey(Schema.Boolean)
})
