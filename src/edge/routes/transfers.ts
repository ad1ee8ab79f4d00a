import { Effect, Schema } from "effect"
import { findTransfer, isOpen, listTransfers } from "../../../actors/payments/read.ts"
import {
  type Transfer,
  transferIdOf,
  transferResourceOf
} from "../../../actors/payments/wallet/transfer.ts"
import { TransferFields } from "../../../streams/messages/transfers.ts"
import { TransferResource } from "../../../streams/resources/wallet.ts"
import { Commands } from "../../bus/commands.ts"
import { hasApiKey } from "../../store/apiKeys.ts"
import { unavailable } from "../problem.ts"
import { refusalsOf } from "../problems/commands.ts"
import { read } from "../reading.ts"
import { type Asked, merchantOf, type Route } from "../route.ts"
import { commandAnswers, page } from "../shape.ts"
import { command, listed, lookUp, pageQuery, type Shelf } from "../shelf.ts"

const transfers: Shelf<Transfer> = {
  name: "transfer",
  tag: "Wallets",
  commands: ["transfer"],
  path: "/v1/transfers",
  id: /^trf_[0-9a-z]{26}$/,
  find: findTransfer,
  shown: transferResourceOf,
  resource: TransferResource
}

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
  const { to } = asked.json as { readonly to: { readonly merchant?: string } }
  if (to.merchant !== undefined && to.merchant !== merchant) yield* tellOfReceiver(to.merchant)
  return yield* command(asked, transfers, "transfer", {
    merchant,
    idOf: (key) => transferIdOf(merchant, key),
    isOutcome: (resource) => (resource as { status: string }).status !== "sent"
  })
})

export const transferRoutes: ReadonlyArray<Route> = [
  {
    method: "POST",
    path: "/v1/transfers",
    summary: "Move what is available to another wallet: a recipient's, or another merchant's",
    operationId: "createTransfer",
    tag: "Wallets",
    audience: "merchant",
    scope: "transfers:write",
    body: Schema.Struct(TransferFields),
    idempotent: true,
    answers: commandAnswers(
      TransferResource,
      "The transfer, with `Prefer: wait=…`: booked on both sides, or failed and taken back."
    ),
    problems: refusalsOf("transfer"),
    handle: create
  },
  {
    method: "GET",
    path: "/v1/transfers",
    summary: "List transfers, sent and received, newest first",
    operationId: "listTransfers",
    tag: "Wallets",
    audience: "merchant",
    scope: "ledger:read",
    query: pageQuery,
    answers: { 200: page("A page of transfers", TransferResource) },
    handle: listed(transfers, listTransfers, "trf")
  },
  lookUp(transfers, "A transfer as it is now, from this merchant's side")
]
