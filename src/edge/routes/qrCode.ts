import { Effect } from "effect"
import QRCode from "qrcode"
import { findPayment } from "../../../actors/payments/read.ts"
import { problem } from "../problem.ts"
import { read } from "../reading.ts"
import { type Asked, merchantOf, MerchantQuery, type Route } from "../route.ts"
import { text } from "../shape.ts"
import { assertPaymentId, notFound } from "./payments.ts"

/** The code a payer reads with the bank's app, as an image that any page can show. */
const show = Effect.fnUntraced(function* (asked: Asked) {
  const merchant = yield* merchantOf(asked)
  const id = asked.path["id"]!
  yield* assertPaymentId(id)
  const payment = yield* read("edge.payment", (db) => findPayment(db, merchant, id))
  if (payment === undefined) return yield* notFound(id)
  const code = payment.void_requested === true ? undefined : payment.next_action?.br_code
  if (code === undefined) {
    return yield* problem("qr_code_not_found", "the payment does not wait for a Pix")
  }
  // Level M still reads with a seventh of the image gone, and keeps a long code small.
  const svg = yield* Effect.promise(() =>
    QRCode.toString(code, { type: "svg", errorCorrectionLevel: "M" })
  )
  return {
    status: 200,
    raw: svg,
    headers: { "content-type": "image/svg+xml", "cache-control": "private, max-age=60" }
  }
})

export const qrCodeRoutes: ReadonlyArray<Route> = [{
  method: "GET",
  path: "/v1/payments/{id}/qr-code",
  summary: "The Pix code of a payment as an image (SVG)",
  operationId: "getPaymentQrCode",
  tag: "Payments",
  audience: "merchant",
  scope: "payments:read",
  query: { merchant: MerchantQuery },
  answers: { 200: text("The image", "image/svg+xml") },
  problems: ["payment_not_found", "qr_code_not_found"],
  handle: show
}]
