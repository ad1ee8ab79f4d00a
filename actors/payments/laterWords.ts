/** How a gateway speaks of an operation after its first answer, or of one that nobody asked for. */
type Word = "taken back" | "made after all" | "never asked for"

const DOUBT = "payment.charge_contradicted"

/**
 * What a later word does: the operation and the word, what becomes of it, which entries are booked,
 * which events tell it (one that ends in `contradicted` is a break; what is for no payment is one by
 * itself). `docs/payments.md` shows this table. The same word once more changes nothing; where a gateway
 * comes back to its first word, what was in suspense for the other one leaves it, and a refund is booked
 * anew.
 */
export const laterWords: ReadonlyArray<
  readonly [
    operation: string,
    word: Word,
    becomes: string,
    books: ReadonlyArray<string>,
    tells: ReadonlyArray<string>
  ]
> = [
  ["charge, captured", "taken back", "stays `captured`", ["suspense"], [DOUBT]],
  ["charge, authorized", "taken back", "`voided`", ["release"], ["payment.voided", DOUBT]],
  ["charge, captured", "made after all", "stays `failed`", ["suspense"], [DOUBT]],
  [
    "charge, authorized",
    "made after all",
    "stays `failed`: the hold is given back at once",
    [],
    [DOUBT]
  ],
  ["charge", "never asked for", "no payment's", [], []],
  ["capture", "taken back", "stays captured", ["suspense"], [DOUBT]],
  ["capture", "made after all", "captured", ["release", "capture"], ["payment.captured"]],
  ["increment", "taken back", "stays increased", [], [DOUBT]],
  ["increment", "made after all", "increased", ["hold"], ["payment.authorization_increased"]],
  ["void", "taken back", "stays `voided`", [], [DOUBT]],
  ["void", "made after all", "`voided`", ["release"], ["payment.voided"]],
  [
    "refund",
    "taken back",
    "`failed`: it can be made again",
    ["refund_unconfirmed", "refund_failed"],
    ["payment.refund_failed"]
  ],
  [
    "refund",
    "made after all",
    "`succeeded`",
    ["refund", "refund_confirmed"],
    ["payment.refunded"]
  ],
  [
    "refund",
    "never asked for",
    "`succeeded`, `made_at_gateway`",
    ["refund", "refund_confirmed"],
    ["payment.refunded", DOUBT]
  ],
  ["payout", "taken back", "`returned`", ["payout_returned"], ["payout.returned"]],
  ["payout", "made after all", "stays `failed`", ["suspense"], ["payout.contradicted"]],
  ["dispute, won", "taken back", "stays `won`", ["suspense"], [DOUBT]],
  ["dispute, lost", "taken back", "stays `lost`", ["suspense"], [DOUBT]]
]
