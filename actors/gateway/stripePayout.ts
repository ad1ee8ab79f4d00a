import type Stripe from "stripe"
import type { Call, Outcome } from "../../streams/messages/gateway.ts"
import type { AskedAbout } from "./port.ts"
import { fromStripe } from "./stripeAmount.ts"
import { listedSince } from "./stripeList.ts"

/**
 * A bank account of our own (`ba_…`), or one of a connected account, out of that account's balance
 * (`acct_…/ba_…`; `acct_…/` is its default account).
 */
const placeOf = (token: string) => {
  const [account, destination] = token.startsWith("acct_") ? token.split("/") : [undefined, token]
  return {
    of: account === undefined ? {} : { stripeAccount: account },
    to: destination === undefined || destination === "" ? {} : { destination }
  }
}

export const payOut = (
  client: Stripe,
  { attempt, currency, token = "" }: typeof Call.Type,
  merchant: string,
  amount: number
): Promise<Stripe.Payout> => {
  const { of, to } = placeOf(token)
  const metadata = { lastro_attempt: attempt, lastro_merchant: merchant }
  return client.payouts.create(
    { amount, currency: currency.toLowerCase(), metadata, ...to },
    { idempotencyKey: attempt, ...of }
  )
}

export const findPayout = (
  client: Stripe,
  { attempt, first_sent_at, token = "" }: AskedAbout
): Promise<Stripe.Payout | undefined> =>
  listedSince(
    first_sent_at,
    (params) => client.payouts.list(params, placeOf(token).of),
    ({ metadata }) => metadata?.["lastro_attempt"] === attempt
  )

/** Pending and in transit take days. Some that fail were paid before, by Stripe's own word. */
export const outcomeOfPayout = (payout: Stripe.Payout, currency: string): Outcome => {
  switch (payout.status) {
    case "paid": {
      const amount = fromStripe(payout.amount, currency)
      return amount === undefined
        ? { _tag: "Unknown", detail: `Stripe tells an impossible amount, ${payout.amount}` }
        : { _tag: "Approved", charge_id: payout.id, captured: true, amount }
    }
    case "failed":
    case "canceled": {
      const code = payout.failure_code ?? payout.status
      return { _tag: "Declined", code, detail: `Stripe could not pay: ${code}`, soft: false }
    }
    default:
      return { _tag: "Unknown", detail: `the payout is ${payout.status}`, underway: true }
  }
}
