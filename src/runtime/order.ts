import { Result, Schema } from "effect"
import { MerchantId } from "../domain/identifiers.ts"
import { Text } from "../domain/text.ts"
import { Header, ORDER } from "./letter.ts"

/** Of an actor key in an order; real ones are identifiers. */
const KEY_CHARACTERS_MAX = 255
export const WHY_CHARACTERS_MAX = 200

const ofKey = {
  /** The operator's action it belongs to, where its outcome is written down. */
  action: Text(64),
  merchant: MerchantId,
  key: Text(KEY_CHARACTERS_MAX)
}
const ofLetter = { action: Text(64), dead_letter: Text(64) }

/**
 * What an operator asks of one partition. It stands in the mailbox like everything else, so that it
 * has its place in the order of its key and a replay of the mailbox meets it there again. A dead
 * letter is only named: its content comes from the partition's own table, never from whoever asks.
 */
export const Order = Schema.Union([
  Schema.Struct({ order: Schema.Literal("pause"), ...ofKey, why: Text(WHY_CHARACTERS_MAX) }),
  Schema.Struct({ order: Schema.Literal("resume"), ...ofKey }),
  Schema.Struct({ order: Schema.Literal("replay"), ...ofLetter }),
  Schema.Struct({ order: Schema.Literal("discard"), ...ofLetter })
])
export type Order = typeof Order.Type

const decode = Schema.decodeUnknownResult(Order)

export const decodeOrder = (json: unknown): Result.Result<Order, string> =>
  Result.mapError(decode(json), () => "not an operator's order")

/** As it is appended to the mailbox. */
export const orderMessage = (
  { family, partition }: { readonly family: string; readonly partition: number },
  order: Order
) => ({
  subject: `${family}.${partition}.operate`,
  headers: [[Header.type, ORDER]] as ReadonlyArray<readonly [string, string]>,
  payload: JSON.stringify(order)
})
