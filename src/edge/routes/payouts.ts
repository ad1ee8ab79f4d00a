import { Effect, Schema } from "effect"
import {
  isPayoutOpen,
  type Payout,
  payoutIdOf,
  payoutResourceOf
} from "../../../actors/payments/wallet/payout.ts"
import { balancesOfMerchant, findPayout, listPayouts } from "../../../actors/payments/read.ts"
import { PayoutFields, PayoutReturnedFields } from "../../../streams/messages/payouts.ts"
import { PayoutResource, PayoutStatus } from "../../../streams/resources/wallet.ts"
import { isStorable } from "../../domain/text.ts"
import { refusalsOf } from "../problems/commands.ts"
import { read } from "../reading.ts"
import { WalletBalance, walletBalanceOf } from "../resources/walletBalance.ts"
import { type Asked, limitOf, merchantOf, MerchantQuery, ok, type Route } from "../route.ts"
import { commandAnswers, page } from "../shape.ts"
import {
  command,
  found,
  invalidCursor,
  listed,
  lookUp,
  notFound,
  PAGE_DEFAULT,
  pageQuery,
  type Shelf
} from "../shelf.ts"

const payouts: Shelf<Payout> = {
  name: "payout",
  tag: "Wallets",
  commands: ["payout", "payout_returned"],
  path: "/v1/payouts",
  id: /^po_[0-9a-z]{26}$/,
  find: findPayout,
  shown: payoutResourceOf,
  resource: PayoutResource
}

const create = Effect.fnUntraced(function* (asked: Asked) {
  const merchant = yield* merchantOf(asked)
  return yield* command(asked, payouts, "payout", {
    merchant,
    idOf: (key) => payoutIdOf(merchant, key),
    isOutcome: (resource) => !isPayoutOpen(resource as Payout)
  })
})

/** A bank's word, told by an operator. */
const bringBack = Effect.fnUntraced(function* (asked: Asked) {
  const payout_id = asked.path["id"]!
  // What is none is not found, before anybody is asked whose it is.
  if (!payouts.id.test(payout_id)) return yield* notFound(payouts)
  const merchant = yield* merchantOf(asked)
  const { currency, recipient } = yield* found(payouts, merchant, payout_id)
  return yield* command(asked, payouts, "payout_returned", {
    merchant,
    idOf: () => payout_id,
    more: { payout_id, currency, ...(recipient !== undefined && { recipient }) }
  })
})

const balances = Effect.fnUntraced(function* (asked: Asked) {
  const merchant = yield* merchantOf(asked)
  const limit = limitOf(asked, PAGE_DEFAULT)
  const after = asked.query["cursor"] ?? ""
  if (!isStorable(after)) return yield* invalidCursor
  const some = yield* read(
    "edge.balances",
    (db) => balancesOfMerchant(db, merchant, { after, limit: limit + 1 })
  )
  const shown = some.slice(0, limit)
  const more = some.length > limit
  return ok({
    data: shown.map(walletBalanceOf),
    has_more: more,
    next_cursor: more ? shown.at(-1)!.balance.id : null
  })
})

export const payoutRoutes: ReadonlyArray<Route> = [
  {
    method: "GET",
    path: "/v1/balances",
    summary: "What is pending, available, in reserve and on its way, per currency and recipient",
    operationId: "listBalances",
    tag: "Wallets",
    audience: "merchant",
    scope: "ledger:read",
    query: pageQuery,
    answers: { 200: page("A page of balances", WalletBalance) },
    handle: balances
  },
  {
    method: "POST",
    path: "/v1/payouts",
    summary: "Pay out what is available, or a part, to the merchant or a recipient",
    operationId: "createPayout",
    tag: "Wallets",
    audience: "merchant",
    scope: "payouts:write",
    body: Schema.Struct(PayoutFields),
    idempotent: true,
    answers: commandAnswers(
      PayoutResource,
      "The outcome, with `Prefer: wait=…`: paid, failed, or unknown for now."
    ),
    problems: refusalsOf("payout"),
    handle: create
  },
  {
    method: "GET",
    path: "/v1/payouts",
    summary: "List payouts, newest first",
    operationId: "listPayouts",
    tag: "Wallets",
    audience: "merchant",
    scope: "ledger:read",
    query: { ...pageQuery, status: { schema: PayoutStatus, about: "Only payouts in this state." } },
    answers: { 200: page("A page of payouts", PayoutResource) },
    handle: listed(payouts, listPayouts, "po")
  },
  lookUp(payouts, "A payout as it is now"),
  {
    method: "POST",
    path: "/v1/payouts/{id}/return",
    summary: "Tell that a bank sent a payout back",
    operationId: "returnPayout",
    tag: "Wallets",
    audience: "operator",
    scope: "finance:write",
    query: { merchant: MerchantQuery },
    body: Schema.Struct(PayoutReturnedFields),
    idempotent: true,
    answers: commandAnswers(PayoutResource, "The payout, returned, with `Prefer: wait=…`."),
    problems: refusalsOf("payout_returned"),
    handle: bringBack
  }
]
