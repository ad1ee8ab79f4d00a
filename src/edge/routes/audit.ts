import { Effect, Schema } from "effect"
import { auditExport } from "../../ledger/auditExport.ts"
import { checkpointOf, consistencyOf, receiptOf, verifierKeys } from "../../ledger/receipt.ts"
import { findPayment } from "../../../actors/payments/read.ts"
import { Database } from "../../store/database.ts"
import { problem } from "../problem.ts"
import { read } from "../reading.ts"
import { type Asked, merchantOf, MerchantQuery, ok, type Route } from "../route.ts"
import { Checkpoint, Consistency, Receipt } from "../resources/audit.ts"
import { json, text } from "../shape.ts"
import { assertPaymentId, notFound } from "./payments.ts"

const JSON_LINES = "application/jsonl"

const noCheckpoint = problem("checkpoint_not_found", "there is no such checkpoint")

const receipt = Effect.fnUntraced(function* (asked: Asked) {
  const merchant = yield* merchantOf(asked)
  const id = asked.path["id"]!
  yield* assertPaymentId(id)
  const payment = yield* read("edge.payment", (db) => findPayment(db, merchant, id))
  if (payment === undefined) return yield* notFound(id)
  const [found, keys] = yield* Effect.all([
    read("edge.receipt", (db) => receiptOf(db, merchant, id)),
    read("edge.auditKeys", verifierKeys)
  ])
  return ok({
    payment: id,
    keys,
    checkpoint: found?.checkpoint.note ?? null,
    entries: found?.entries ?? [],
    // Asked again a moment later, these are covered, too.
    uncovered: found?.uncovered ?? []
  })
})

const checkpoint = Effect.fnUntraced(function* () {
  const [newest, keys] = yield* Effect.all([
    read("edge.checkpoint", (db) => checkpointOf(db)),
    read("edge.auditKeys", verifierKeys)
  ])
  if (newest === undefined) return yield* noCheckpoint
  return ok({ keys, size: newest.size, checkpoint: newest.note })
})

const size = (about: string) => ({
  schema: Schema.String.check(
    Schema.isPattern(/^[1-9]\d{0,14}$/u, { message: "must be the size of a tree" })
  ),
  about
})

const consistency = Effect.fnUntraced(function* (asked: Asked) {
  const { first, second } = asked.query
  if (first === undefined || second === undefined) {
    return yield* problem("sizes_needed", "first and second are sizes of checkpoints")
  }
  const [older, newer] = yield* Effect.all([
    read("edge.checkpoint", (db) => checkpointOf(db, Number(first))),
    read("edge.checkpoint", (db) => checkpointOf(db, Number(second)))
  ])
  if (older === undefined || newer === undefined || older.size > newer.size) {
    return yield* noCheckpoint
  }
  const proof = yield* read("edge.consistency", (db) => consistencyOf(db, older.size, newer.size))
  return ok({ first: older.note, second: newer.note, proof })
})

const exported = Effect.fnUntraced(function* () {
  const database = yield* Database
  const utf8 = new TextEncoder()
  const pages = auditExport((run) => Effect.runPromise(database.query("edge.audit.export", run)))
  return {
    status: 200,
    headers: {
      "content-type": JSON_LINES,
      "content-disposition": 'attachment; filename="audit.jsonl"',
      "cache-control": "no-store"
    },
    raw: new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        const { done, value } = await pages.next()
        if (done === true) return controller.close()
        const text = value.map((line) => JSON.stringify(line) + "\n").join("")
        controller.enqueue(utf8.encode(text))
      },
      cancel: async () => {
        await pages.return(undefined)
      }
    })
  }
})

export const auditRoutes: ReadonlyArray<Route> = [
  {
    method: "GET",
    path: "/v1/payments/{id}/receipt",
    summary: "Every journal entry of a payment with the proof that it is in the signed tree",
    operationId: "getReceipt",
    tag: "Audit",
    audience: "merchant",
    scope: "ledger:read",
    query: { merchant: MerchantQuery },
    answers: { 200: json("The receipt; docs/audit.md says how to check it", Receipt) },
    problems: ["payment_not_found"],
    handle: receipt
  },
  {
    method: "GET",
    path: "/v1/audit/checkpoint",
    summary: "The newest signed checkpoint of the journal and the key that verifies it",
    operationId: "getCheckpoint",
    tag: "Audit",
    audience: "public",
    answers: { 200: json("The checkpoint", Checkpoint) },
    problems: ["checkpoint_not_found"],
    handle: checkpoint
  },
  {
    method: "GET",
    path: "/v1/audit/consistency",
    summary: "The proof that a later tree begins with an earlier one",
    operationId: "proveConsistency",
    tag: "Audit",
    audience: "public",
    query: { first: size("Size of the earlier checkpoint."), second: size("Of the later one.") },
    answers: { 200: json("Both checkpoints and the proof", Consistency) },
    problems: ["checkpoint_not_found", "sizes_needed"],
    handle: consistency
  },
  {
    method: "GET",
    path: "/v1/audit/export",
    summary: "The whole journal with its tree, as JSON lines, for `lastro audit verify`",
    operationId: "exportJournal",
    tag: "Audit",
    audience: "operator",
    scope: "audit:read",
    answers: {
      200: text("One JSON object a line; the order is part of what is verified", JSON_LINES)
    },
    handle: exported
  }
]
