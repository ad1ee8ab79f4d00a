import { Effect, Schema } from "effect"
import {
  isPayoutOpen,
  payoutIdOf,
  payoutResourceOf,
  PayoutStatus
} from "../../../actors/payments/payout.ts"
import { balancesOfMerchant, findPayout, listPayouts } from "../../../actors/payments/read.ts"
import { PayoutFields, PayoutReturnedFields } from "../../../streams/messages/payouts.ts"
import { isStorable } from "../../domain/text.ts"
import { Database } from "../../store/database.ts"
import { idempotencyKeyOf, perform } from "../command.ts"
import { problem } from "../problem.ts"
import { read } from "../reading.ts"
import { type Asked, limitQuery, merchantOf, MerchantQuery, ok, type Route } from "../route.ts"

const PAGE_MAX = 100
const PAGE_DEFAULT = 20

const payoutNotFound = problem(404, "payout_not_found", "there is no such payout")
const invalidCursor = problem(400, "invalid_cursor", "this cursor is not one of ours")

const create = Effect.fnUntraced(function* (asked: Asked) {
  const merchant = yield* merchantOf(asked)
  const key = yield* idempotencyKeyOf(asked)
  const id = payoutIdOf(merchant, key)
  const database = yield* Database
  return yield* perform(asked, {
    family: "payments",
    type: "payout",
    merchant,
    about: id,
    location: `/v1/payouts/${id}`,
    body: { ...(asked.json as object), command_id: key },
    current: database.query("edge.payout", (db) => findPayout(db, merchant, id)).pipe(
      Effect.map((payout) => payout && payoutResourceOf(payout)),
      Effect.orElseSucceed(() => undefined)
    ),
    isOutcome: (resource) => !isPayoutOpen(resource as Parameters<typeof isPayoutOpen>[0])
  })
})

const get = Effect.fnUntraced(function* (asked: Asked) {
  const merchant = yield* merchantOf(asked)
  const id = asked.path["id"]!
  const payout = PAYOUT.test(id)
    ? yield* read("edge.payout", (db) => findPayout(db, merchant, id))
    : undefined
  if (payout === undefined) return yield* payoutNotFound
  return ok(payoutResourceOf(payout))
})

const PAYOUT = /^po_[0-9a-z]{26}$/

/** A bank's word, told by an operator. */
const bringBack = Effect.fnUntraced(function* (asked: Asked) {
  const id = asked.path["id"]!
  if (!PAYOUT.test(id)) return yield* payoutNotFound
  const merchant = yield* merchantOf(asked)
  const key = yield* idempotencyKeyOf(asked)
  const database = yield* Database
  const payout = yield* read("edge.payout", (db) => findPayout(db, merchant, id))
  if (payout === undefined) return yield* payoutNotFound
  const { currency, recipient } = payout
  return yield* perform(asked, {
    family: "payments",
    type: "payout_returned",
    merchant,
    about: id,
    location: `/v1/payouts/${id}`,
    body: {
      ...(asked.json as object),
      command_id: key,
      payout_id: id,
      currency,
      ...(recipient !== undefined && { recipient })
    },
    current: database.query("edge.payout", (db) => findPayout(db, merchant, id)).pipe(
      Effect.map((found) => found && payoutResourceOf(found)),
      Effect.orElseSucceed(() => undefined)
    ),
    isOutcome: (resource) => (resource as { status: string }).status === "returned"
  })
})

const parseCursor = (cursor: string) => {
  const match = /^(\d{1,15})\.(po_[0-9a-z]{26})$/.exec(cursor)
  return match === null ? undefined : { createdMillis: Number(match[1]), id: match[2]! }
}

const list = Effect.fnUntraced(function* (asked: Asked) {
  const merchant = yield* merchantOf(asked)
  const limit = Number(asked.query["limit"] ?? PAGE_DEFAULT)
  const { cursor, status } = asked.query
  const after = cursor === undefined ? undefined : parseCursor(cursor)
  if (cursor !== undefined && after === undefined) return yield* invalidCursor
  const found = yield* read("edge.payouts", (db) =>
    listPayouts(db, merchant, {
      ...(after && { after }),
      ...(status !== undefined && { status }),
      limit: limit + 1
    }))
  const page = found.slice(0, limit)
  const last = page.at(-1)
  const more = found.length > limit && last !== undefined
  return ok({
    data: page.map(payoutResourceOf),
    has_more: more,
    next_cursor: more ? `${last.created_at}.${last.id}` : null
  })
})

/** Sums may exceed what a JSON number carries: they are strings. */
const balances = Effect.fnUntraced(function* (asked: Asked) {
  const merchant = yield* merchantOf(asked)
  const limit = Number(asked.query["limit"] ?? PAGE_DEFAULT)
  const after = asked.query["cursor"] ?? ""
  if (!isStorable(after)) return yield* invalidCursor
  const found = yield* read(
    "edge.balances",
    (db) => balancesOfMerchant(db, merchant, { after, limit: limit + 1 })
  )
  const page = found.slice(0, limit)
  const more = found.length > limit
  return ok({
    data: page.map(({ balance, pending }) => ({
      currency: balance.currency,
      ...(balance.recipient !== undefined && { recipient: balance.recipient }),
      pending,
      available: String(balance.available),
      reserve: String(balance.reserves.reduce((sum, { amount }) => sum + amount, 0n)),
      in_transit: String(balance.in_transit),
      ...(balance.payout_at !== undefined && {
        payout_at: new Date(balance.payout_at).toISOString()
      })
    })),
    has_more: more,
    next_cursor: more ? page.at(-1)!.balance.id : null
  })
})

const page = {
  limit: limitQuery(PAGE_MAX),
  cursor: { schema: Schema.String, about: "The next_cursor of the page before." },
  merchant: MerchantQuery
}

export const payoutRoutes: ReadonlyArray<Route> = [
  {
    method: "GET",
    path: "/v1/balances",
    summary: "What is pending, available, in reserve and on its way, per currency and recipient",
    audience: "merchant",
    query: page,
    answers: { 200: "A page" },
    handle: balances
  },
  {
    method: "POST",
    path: "/v1/payouts",
    summary: "Pay out what is available, or a part, to the merchant or a recipient",
    audience: "merchant",
    body: Schema.Struct(PayoutFields) as Schema.Codec<unknown, unknown>,
    idempotent: true,
    answers: {
      201: "The outcome (with `Prefer: wait=…`): paid, failed, or unknown for now.",
      202: "Taken durably; `Location` says where the payout will be.",
      409: "Not so much is available.",
      422: "Not valid, below the minimum, or nobody said where to."
    },
    handle: create
  },
  {
    method: "GET",
    path: "/v1/payouts",
    summary: "List payouts, newest first",
    audience: "merchant",
    query: { ...page, status: { schema: PayoutStatus, about: "Only payouts in this state." } },
    answers: { 200: "A page" },
    handle: list
  },
  {
    method: "GET",
    path: "/v1/payouts/{id}",
    summary: "A payout as it is now",
    audience: "merchant",
    query: { merchant: MerchantQuery },
    answers: { 200: "The payout", 404: "No such payout" },
    handle: get
  },
  {
    method: "POST",
    path: "/v1/payouts/{id}/return",
    summary: "Tell that a bank sent a payout back",
    audience: "operator",
    query: { merchant: MerchantQuery },
    body: Schema.Struct(PayoutReturnedFields) as Schema.Codec<unknown, unknown>,
    idempotent: true,
    answers: {
      201: "The payout, returned",
      202: "Taken durably.",
      404: "No such payout of this merchant",
      409: "It was not paid."
    },
    handle: bringBack
  }
]
