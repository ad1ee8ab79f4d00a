import { conversionIdOf } from "../../../actors/payments/exchange/conversion.ts"
import { keyOf } from "../../../actors/payments/exchange/pairedId.ts"
import { payoutIdOf } from "../../../actors/payments/wallet/payout.ts"
import { quoteIdOf } from "../../../actors/payments/exchange/quote.ts"
import { transferIdOf } from "../../../actors/payments/wallet/transfer.ts"
import type { FxTerms } from "../../../streams/messages/fx.ts"

const PAIR = ["BRL", "USD"] as const
const [CURRENCY, OTHER] = PAIR

/** What conversions of the load are made at. */
export const rates: typeof FxTerms.Type = {
  version: "chaos",
  rates: [{ from: CURRENCY as never, to: OTHER as never, rate: "0.1948", spread_basis_points: 100 }]
}

/** Money that moves between wallets, currencies and banks, once there is some. */
export interface Move {
  readonly type: "transfer" | "payout" | "quote" | "convert"
  readonly merchant: string
  readonly id: string
  /** The key of what it makes, where it is not refused. */
  readonly makes: string
  readonly path: string
  readonly body: Readonly<Record<string, unknown>>
}

const KINDS = ["transfer", "payout", "quote", "convert", "transfer"] as const
const DESTINATIONS = ["ba_1", "ba_closed", "ba_1", "ba_timeout"] as const
const EVERY_NOBODY = 11

/** The nth move. Five in a row are one merchant's, and the fourth converts at the third's quote. */
export const moveOf = (nth: number, merchants: ReadonlyArray<string>): Move => {
  const round = Math.floor(nth / KINDS.length)
  const merchant = merchants[round % merchants.length]!
  const type = KINDS[nth % KINDS.length]!
  const id = `move-${nth}`
  const amount = 1 + ((nth * 7_919) % 900)
  const of = (makes: string, path: string, body: Move["body"]) => ({
    type,
    merchant,
    id,
    makes,
    path,
    body
  })
  switch (type) {
    case "transfer": {
      const other = merchants[(round + 1 + nth) % merchants.length]!
      const to = nth % EVERY_NOBODY === 0
        ? { merchant: "nobody" }
        : { merchant: other, recipient: "seller_a" }
      return of(transferIdOf(merchant, id), "/v1/transfers", { currency: CURRENCY, amount, to })
    }
    case "payout": {
      const destination = DESTINATIONS[round % DESTINATIONS.length]!
      const wanted = { currency: CURRENCY, amount, destination }
      return of(payoutIdOf(merchant, id), "/v1/payouts", wanted)
    }
    case "quote": {
      const wanted = { from: CURRENCY, to: OTHER, amount, side: "from" }
      return of(keyOf(quoteIdOf(merchant, id, PAIR)), "/v1/fx/quotes", wanted)
    }
    case "convert": {
      const quote_id = quoteIdOf(merchant, `move-${nth - 1}`, PAIR)
      const makes = keyOf(conversionIdOf(merchant, id, PAIR))
      return of(makes, "/v1/fx/conversions", { quote_id })
    }
  }
}
