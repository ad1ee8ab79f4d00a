import { Effect, Schema } from "effect"
import { findTransfer, isOpen, listTransfers } from "../../../actors/payments/read.ts"
import { transferIdOf, transferResourceOf } from "../../../actors/payments/transfer.ts"
import { TransferFields } from "../../../streams/messages/transfers.ts"
import { Commands } from "../../bus/commands.ts"
import { hasApiKey } from "../../store/apiKeys.ts"
import { Database } from "../../store/database.ts"
import { idempotencyKeyOf, perform } from "../command.ts"
import { problem, unavailable } from "../problem.ts"
import { read } from "../reading.ts"
import { type Asked, limitQuery, merchantOf, MerchantQuery, ok, type Route } from "../route.ts"

const PAGE_MAX = 100
const PAGE_DEFAULT = 20

/**
 * Who holds a key is a merchant. Its partition is told, once, before anything is sent there: that
 * partition alone can refuse what came through NATS.
 */
const tellOfReceiver = Effect.fnUntraced(function* (merchant: string) {
  const isNews = yield* read(
    "edge.receiver",
    async (db) => !await isOpen(db, merchant) && await hasApiKey(db, merchant)
  )
  if (!isNews) return
  const commands = yield* Commands
  const body = JSON.stringify({ command_id: "edge" })
  yield* commands.publish({ family: "payments", type: "open_merchant", merchant, body }).pipe(
    Effect.mapError(() => unavailable("nothing was sent: send the request again"))
  )
})

const create = Effect.fnUntraced(function* (asked: Asked) {
  const merchant = yield* merchantOf(asked)
  const key = yield* idempotencyKeyOf(asked)
  const { to } = asked.json as { readonly to: { readonly merchant?: string } }
  if (to.merchant !== undefined && to.merchant !== merchant) yield* tellOfReceiver(to.merchant)
  const id = transferIdOf(merchant, key)
  const database = yield* Database
  return yield* perform(asked, {
    family: "payments",
    type: "transfer",
    merchant,
    about: id,
    location: `/v1/transfers/${id}`,
    body: { ...(asked.json as object), command_id: key },
    current: database.query("edge.transfer", (db) => findTransfer(db, merchant, id)).pipe(
      Effect.map((transfer) => transfer && transferResourceOf(transfer)),
      Effect.orElseSucceed(() => undefined)
    ),
    isOutcome: (resource) => (resource as { status: string }).status !== "sent"
  })
})

const get = Effect.fnUntraced(function* (asked: Asked) {
  const merchant = yield* merchantOf(asked)
  const id = asked.path["id"]!
  const transfer = /^trf_[0-9a-z]{26}$/.test(id)
    ? yield* read("edge.transfer", (db) => findTransfer(db, merchant, id))
    : undefined
  if (transfer === undefined) {
    return yield* problem(404, "transfer_not_found", "there is no such transfer")
  }
  return ok(transferResourceOf(transfer))
})

const parseCursor = (cursor: string) => {
  const match = /^(\d{1,15})\.(trf_[0-9a-z]{26})$/.exec(cursor)
  return match === null ? undefined : { createdMillis: Number(match[1]), id: match[2]! }
}

const list = Effect.fnUntraced(function* (asked: Asked) {
  const merchant = yield* merchantOf(asked)
  const limit = Number(asked.query["limit"] ?? PAGE_DEFAULT)
  const { cursor } = asked.query
  const after = cursor === undefined ? undefined : parseCursor(cursor)
  if (cursor !== undefined && after === undefined) {
    return yield* problem(400, "invalid_cursor", "this cursor is not one of ours")
  }
  const found = yield* read(
    "edge.transfers",
    (db) => listTransfers(db, merchant, { ...(after && { after }), limit: limit + 1 })
  )
  const page = found.slice(0, limit)
  const last = page.at(-1)
  const more = found.length > limit && last !== undefined
  return ok({
    data: page.map(transferResourceOf),
    has_more: more,
    next_cursor: more ? `${last.created_at}.${last.id}` : null
  })
})

export const transferRoutes: ReadonlyArray<Route> = [
  {
    method: "POST",
    path: "/v1/transfers",
    summary: "Move what is available to another wallet: a recipient's, or another merchant's",
    audience: "merchant",
    body: Schema.Struct(TransferFields) as Schema.Codec<unknown, unknown>,
    idempotent: true,
    answers: {
      201: "The transfer (with `Prefer: wait=…`): booked on both sides, or failed and taken back.",
      202: "Taken durably; `Location` says where the transfer will be.",
      409: "Not so much is available.",
      422: "Not valid, or from a wallet to itself."
    },
    handle: create
  },
  {
    method: "GET",
    path: "/v1/transfers",
    summary: "List transfers, sent and received, newest first",
    audience: "merchant",
    query: {
      limit: limitQuery(PAGE_MAX),
      cursor: { schema: Schema.String, about: "The next_cursor of the page before." },
      merchant: MerchantQuery
    },
    answers: { 200: "A page" },
    handle: list
  },
  {
    method: "GET",
    path: "/v1/transfers/{id}",
    summary: "A transfer as it is now, from this merchant's side",
    audience: "merchant",
    query: { merchant: MerchantQuery },
    answers: { 200: "The transfer", 404: "No such transfer" },
    handle: get
  }
]
