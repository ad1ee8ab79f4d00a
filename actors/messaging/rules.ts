import type { EventWith } from "../../streams/events.ts"

/** Which event writes to whom, with which template. Merchants choose their own events per endpoint. */
export interface NotificationRule {
  readonly event: EventWith<"payment">
  readonly audience: "customer"
  readonly template: TemplateName
}

export const rules = [
  { event: "payment.captured", audience: "customer", template: "receipt" },
  { event: "payment.refunded", audience: "customer", template: "refund" },
  { event: "payment.failed", audience: "customer", template: "failure" },
  { event: "payment.requires_action", audience: "customer", template: "action" }
] as const satisfies ReadonlyArray<NotificationRule>

export type TemplateName = "receipt" | "refund" | "failure" | "action"
export type Locale = "pt-BR" | "en"

/** Brazil first: who did not say is written to in Portuguese. */
export const DEFAULT_LOCALE: Locale = "pt-BR"

export interface Template {
  readonly subject: string
  readonly text: string
}

/** `{name}` stands for a value; a name that has none is an error of ours, found by a test. */
export const templates: Readonly<Record<TemplateName, Readonly<Record<Locale, Template>>>> = {
  receipt: {
    "pt-BR": {
      subject: "Pagamento aprovado: {amount}",
      text: "Olá! Seu pagamento de {amount} para {merchant} foi aprovado.\n" +
        "Pedido: {reference}\nComprovante: {payment}\n"
    },
    en: {
      subject: "Payment approved: {amount}",
      text: "Hello! Your payment of {amount} to {merchant} was approved.\n" +
        "Order: {reference}\nReceipt: {payment}\n"
    }
  },
  refund: {
    "pt-BR": {
      subject: "Reembolso enviado: {amount}",
      text: "Olá! {merchant} devolveu {amount} a você. O valor aparece na sua fatura em até " +
        "alguns dias úteis.\nPedido: {reference}\nPagamento: {payment}\n"
    },
    en: {
      subject: "Refund sent: {amount}",
      text: "Hello! {merchant} refunded {amount} to you. It shows on your statement within a few " +
        "business days.\nOrder: {reference}\nPayment: {payment}\n"
    }
  },
  failure: {
    "pt-BR": {
      subject: "Pagamento não concluído: {amount}",
      text:
        "Olá! Seu pagamento de {amount} para {merchant} não foi concluído e nada foi cobrado.\n" +
        "Pedido: {reference}\nPagamento: {payment}\n"
    },
    en: {
      subject: "Payment not completed: {amount}",
      text: "Hello! Your payment of {amount} to {merchant} was not completed, and you were not " +
        "charged.\nOrder: {reference}\nPayment: {payment}\n"
    }
  },
  action: {
    "pt-BR": {
      subject: "Confirme seu pagamento de {amount}",
      text: "Olá! Confirme no seu banco o pagamento de {amount} para {merchant}: {url}\n" +
        "Pedido: {reference}\n"
    },
    en: {
      subject: "Confirm your payment of {amount}",
      text: "Hello! Please confirm your payment of {amount} to {merchant} with your bank: {url}\n" +
        "Order: {reference}\n"
    }
  }
}
