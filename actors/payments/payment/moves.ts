import { Status } from "./state.ts"

/**
 * The whole life of a payment, one line per move: from, why, to. `docs/payments.md` shows this table.
 * `received` is the command itself: what is stored has been sent to screening in the same turn.
 * Refunded and disputed are amounts, not states. `unknown` is left only by asking the gateway.
 */
export const moves: ReadonlyArray<readonly [from: Status, why: string, to: Status]> = [
  ["screening", "the score allows it", "processing"],
  ["screening", "the score asks for a person", "in_review"],
  ["screening", "the score denies it", "rejected"],
  ["screening", "the merchant gives it up", "voided"],
  ["in_review", "a person approves", "processing"],
  ["in_review", "a person rejects", "rejected"],
  ["in_review", "the merchant gives it up", "voided"],
  ["processing", "the gateway wants the payer to act", "requires_action"],
  ["processing", "the gateway approves, capture is manual", "authorized"],
  ["processing", "the gateway approves and takes the money", "captured"],
  ["processing", "the gateway declines or never got it", "failed"],
  ["processing", "the gateway does not answer", "unknown"],
  ["requires_action", "the payer acted, capture is manual", "authorized"],
  ["requires_action", "the payer acted and the money is taken", "captured"],
  ["requires_action", "the payer refused or let it pass", "failed"],
  ["requires_action", "the merchant gives it up before the payer acted", "voided"],
  ["requires_action", "the gateway does not answer", "unknown"],
  ["requires_action", "a soft decline, and another gateway is asked", "processing"],
  ["unknown", "the inquiry finds a soft decline, and another gateway is asked", "processing"],
  ["unknown", "the merchant gives it up, and the gateway takes it back", "voided"],
  ["unknown", "the inquiry finds a payer who has to act", "requires_action"],
  ["unknown", "the inquiry finds an authorization", "authorized"],
  ["unknown", "the inquiry finds the money taken", "captured"],
  ["unknown", "the inquiry finds a refusal, or nothing for good", "failed"],
  ["authorized", "a part is captured", "partially_captured"],
  ["authorized", "all is captured, or the capture is final", "captured"],
  ["authorized", "the merchant gives it back", "voided"],
  ["authorized", "it runs out", "expired"],
  ["partially_captured", "the rest is captured, given back or runs out", "captured"]
]

/** Where each state can lead. */
export const transitions = Object.fromEntries(
  Status.literals.map((from) => [
    from,
    moves.filter(([start]) => start === from).map(([, , to]) => to)
  ])
) as unknown as Readonly<Record<Status, ReadonlyArray<Status>>>

/** Where a wait for the charge ends (docs/protocol.md §9). */
export const isOutcome = (status: Status): boolean =>
  status !== "screening" && status !== "processing"
