import type { PaymentResource } from "./payment.ts"
import type {
  ConversionResource,
  PayoutResource,
  QuoteResource,
  TransferResource
} from "./wallet.ts"

const AT = "2026-01-02T03:04:05.000Z"

/** A card payment of 100.00 BRL that was captured, but for what is said. */
export const examplePayment = (changes: Partial<PaymentResource> = {}): PaymentResource => ({
  id: "pay_2n9emzyk06k26v63x0fh8r16my",
  merchant: "acme",
  status: "captured",
  amount: 10_000,
  currency: "BRL" as PaymentResource["currency"],
  capture: "automatic",
  payment_method: { type: "card", token: "tok_example" },
  customer: { id: "cus_42" as never, locale: "pt-BR" },
  reference: "order-1001",
  amount_authorized: 10_000,
  amount_captured: 10_000,
  amount_refunded: 0,
  fee: 299,
  risk: { score: 10, decision: "allow", reasons: [] },
  gateway: "simulator",
  charge_id: "ch_1",
  attempts: [{
    key: "pay_2n9emzyk06k26v63x0fh8r16my.charge.1",
    operation: "charge",
    amount: 10_000,
    status: "approved",
    gateway: "simulator",
    charge_id: "ch_1",
    sent_at: AT,
    answered_at: AT,
    took_millis: 12
  }],
  refunds: [],
  created_at: AT,
  updated_at: AT,
  version: 3,
  ...changes
})

export const examplePayout = (changes: Partial<PayoutResource> = {}): PayoutResource => ({
  id: "po_6zq1p4n0d2c8k5w7r3t9v1x0ya",
  merchant: "acme",
  currency: "BRL",
  amount: 1_000,
  status: "in_transit",
  destination: "ba_1",
  scheduled: false,
  created_at: AT,
  updated_at: AT,
  version: 1,
  ...changes
})

export const exampleTransfer = (changes: Partial<TransferResource> = {}): TransferResource => ({
  id: "trf_0c3m8x6b1v5n2k9q4w7e0r3t6y",
  merchant: "acme",
  direction: "out",
  status: "sent",
  currency: "BRL",
  amount: 1_000,
  to: { merchant: "globex", recipient: "seller_b" },
  reference: "invoice-7",
  created_at: AT,
  updated_at: AT,
  version: 1,
  ...changes
})

const exchanged = {
  merchant: "acme",
  from: "BRL",
  to: "USD",
  from_amount: 1_000,
  to_amount: 193,
  rate: "0.1953",
  rates_version: "2026-01-02",
  spread_basis_points: 100,
  spread: 1,
  rounding: 1,
  created_at: AT,
  version: 1
}

export const exampleQuote: QuoteResource = {
  id: "fxq_ah39wgb41evb6n6t4kwr2sfpf4_brlusd",
  ...exchanged,
  status: "open",
  side: "from",
  expires_at: "2026-01-02T03:05:05.000Z"
}

export const exampleConversion = (
  changes: Partial<ConversionResource> = {}
): ConversionResource => ({
  id: "fxc_kmttr6mv5vsq2pqfaem60r2g7h_brlusd",
  ...exchanged,
  status: "completed",
  quote: exampleQuote.id,
  updated_at: AT,
  ...changes
})
