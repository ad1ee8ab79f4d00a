import { Effect, Schema } from "effect"
import { disputeResourceOf } from "../../../actors/payments/payment/resource.ts"
import {
  DisputeResource,
  DisputeStatus,
  PaymentResource
} from "../../../streams/resources/payment.ts"
import {
  type DisputeAfter,
  listDisputes,
  merchantOfPayment
} from "../../../actors/payments/read.ts"
import {
  DisputeClosedFields,
  DisputeId,
  type DisputeMessages,
  DisputeOpenedFields,
  EvidenceFields
} from "../../../streams/messages/disputes.ts"
import { holdsCardNumber } from "../../domain/cardNumber.ts"
import { idempotencyKeyOf, perform } from "../command.ts"
import { problem } from "../problem.ts"
import { refusalsOf } from "../problems/commands.ts"
import { read } from "../reading.ts"
import { commandAnswers, page } from "../shape.ts"
import { invalidCursor, PAGE_DEFAULT, pageQuery } from "../shelf.ts"
import { type Asked, limitOf, merchantOf, MerchantQuery, ok, type Route } from "../route.ts"
import { assertKnown, assertPaymentId, current, notFound, Nothing } from "./payments.ts"

const isDisputeId = Schema.is(DisputeId)

type Command = keyof typeof DisputeMessages

/** A merchant's key names its own payments; an operator's any, by their identifier alone. */
const ownerOf = Effect.fnUntraced(function* (asked: Asked, id: string) {
  if (asked.caller.merchant !== "") {
    yield* assertKnown(asked.caller.merchant, id)
    return asked.caller.merchant
  }
  yield* assertPaymentId(id)
  const owner = yield* read("edge.merchant", (db) => merchantOfPayment(db, id))
  const named = asked.query["merchant"] ?? owner
  if (owner === undefined || named !== owner) return yield* notFound(id)
  return owner
})

const onDispute = (type: Command) =>
  Effect.fnUntraced(function* (asked: Asked) {
    const key = yield* idempotencyKeyOf(asked)
    const { dispute_id, id } = asked.path
    const merchant = yield* ownerOf(asked, id!)
    // What stands in the path is kept with the key, before any actor looks at it.
    if (dispute_id !== undefined && (!isDisputeId(dispute_id) || holdsCardNumber(dispute_id))) {
      return yield* problem("dispute_not_found", "this names no dispute")
    }
    return yield* perform(asked, {
      family: "payments",
      type,
      merchant,
      about: id!,
      body: {
        ...(asked.json as object),
        ...(dispute_id !== undefined && { dispute_id }),
        command_id: key,
        payment_id: id
      },
      current: yield* current(merchant, id!)
    })
  })

const parseCursor = (cursor: string): DisputeAfter | undefined => {
  const match = /^(\d{1,15})\.(pay_[0-9a-z]{26})\.([A-Za-z0-9_.:\-]{1,64})$/.exec(cursor)
  return match === null ? undefined : {
    openedMillis: Number(match[1]),
    paymentId: match[2]!,
    disputeId: match[3]!
  }
}

const list = Effect.fnUntraced(function* (asked: Asked) {
  const merchant = yield* merchantOf(asked)
  const limit = limitOf(asked, PAGE_DEFAULT)
  const { cursor, status } = asked.query
  const after = cursor === undefined ? undefined : parseCursor(cursor)
  if (cursor !== undefined && after === undefined) {
    return yield* invalidCursor
  }
  const found = yield* read("edge.disputes", (db) =>
    listDisputes(db, merchant, {
      ...(after && { after }),
      ...(status !== undefined && { status }),
      limit: limit + 1
    }))
  const shown = found.slice(0, limit)
  const last = shown.at(-1)
  const more = found.length > limit && last !== undefined
  return ok({
    data: shown.map(({ currency, dispute, payment_id }) => ({
      payment_id,
      currency,
      ...disputeResourceOf(dispute)
    })),
    has_more: more,
    next_cursor: more ? `${last.dispute.opened_at}.${last.payment_id}.${last.dispute.id}` : null
  })
})

const ListedDispute = Schema.Struct({
  payment_id: Schema.String,
  currency: Schema.String,
  ...DisputeResource.fields
}).annotate({ identifier: "Dispute" })

const command = (
  type: Command,
  operationId: string,
  audience: "merchant" | "operator",
  path: string,
  summary: string,
  body: NonNullable<Route["body"]>
): Route => ({
  method: "POST",
  path: `/v1/payments/{id}/disputes${path}`,
  summary,
  operationId,
  tag: "Disputes",
  audience,
  scope: audience === "operator" ? "finance:write" : "payments:write",
  ...(audience === "operator" && { query: { merchant: MerchantQuery } }),
  body,
  idempotent: true,
  answers: commandAnswers(PaymentResource, "The payment, with `Prefer: wait=…`."),
  problems: refusalsOf(type),
  handle: onDispute(type)
})

export const disputeRoutes: ReadonlyArray<Route> = [
  {
    method: "GET",
    path: "/v1/disputes",
    summary: "List disputes, newest first",
    operationId: "listDisputes",
    tag: "Disputes",
    audience: "merchant",
    scope: "payments:read",
    query: {
      ...pageQuery,
      status: { schema: DisputeStatus, about: "Only disputes in this state." }
    },
    answers: { 200: page("A page of disputes", ListedDispute) },
    handle: list
  },
  command(
    "dispute_opened",
    "openDispute",
    "operator",
    "",
    "Tell that a gateway opened a dispute",
    Schema.Struct(DisputeOpenedFields)
  ),
  command(
    "dispute_closed",
    "closeDispute",
    "operator",
    "/{dispute_id}/outcome",
    "Tell how a gateway closed a dispute",
    Schema.Struct(DisputeClosedFields)
  ),
  command(
    "dispute_evidence",
    "submitEvidence",
    "merchant",
    "/{dispute_id}/evidence",
    "Submit evidence against a dispute",
    Schema.Struct(EvidenceFields)
  ),
  command(
    "dispute_accept",
    "acceptDispute",
    "merchant",
    "/{dispute_id}/accept",
    "Accept a dispute as lost",
    Nothing
  )
]
