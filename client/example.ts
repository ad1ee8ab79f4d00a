import { lastro } from "./generated/client.ts"

/** A payment's life by the generated client: made, read, refunded, listed. */
export const paymentsLife = async (url: string, key: string) => {
  const api = lastro({ url, key })
  const made = await api.POST("/v1/payments", {
    params: { header: { "Idempotency-Key": "client-order-1", Prefer: "wait=30" } },
    body: {
      amount: 10_000,
      currency: "BRL",
      payment_method: { type: "card", token: "tok_approved" },
      reference: "order-1001"
    }
  })
  if (made.data === undefined || !("amount" in made.data)) {
    throw new Error(`not made: ${made.error?.code}`)
  }
  const { id } = made.data
  const read = await api.GET("/v1/payments/{id}", { params: { path: { id } } })
  const refunded = await api.POST("/v1/payments/{id}/refunds", {
    params: { path: { id }, header: { "Idempotency-Key": "client-refund-1", Prefer: "wait=30" } },
    body: { amount: 2_500 }
  })
  const listed = await api.GET("/v1/payments", { params: { query: { status: "captured" } } })
  const missing = await api.GET("/v1/payments/{id}", { params: { path: { id: "pay_none" } } })
  return {
    id,
    captured: read.data?.amount_captured,
    refunded: refunded.data !== undefined && "amount" in refunded.data
      ? refunded.data.amount_refunded
      : undefined,
    listed: listed.data?.data.map((payment) => payment.id),
    missing: missing.error?.code
  }
}
