import { Schema } from "effect"
import { Share } from "../../src/domain/allocation.ts"
import { CurrencyInUse } from "../../src/domain/currency.ts"
import { CommandId, CustomerId, PaymentId } from "../../src/domain/identifiers.ts"
import { Amount } from "../../src/domain/money.ts"
import { Metadata, Reference, Text, Token } from "../../src/domain/text.ts"
import { DisputeMessages } from "./disputes.ts"
import { FeeBearer } from "./fees.ts"
import { PayoutMessages } from "./payouts.ts"
import { TransferMessages } from "./transfers.ts"
import { Risk } from "./fraud.ts"
import { FxMessages, QuoteId, ReversalRate } from "./fx.ts"
import { MerchantMessages } from "./merchants.ts"
import { MethodType } from "./methods.ts"
import {
  Answered,
  DisputeNotified,
  Notified,
  PayoutNotified,
  PixTerms,
  TakenPixTerms
} from "./gateway.ts"

export const CaptureMode = Schema.Literals(["automatic", "manual"])

/** As it stands in payments, whatever the rules were when it was taken. */
export const TakenMethod = Schema.Struct({
  type: MethodType,
  token: Schema.optionalKey(Schema.String),
  ...TakenPixTerms.fields
})

/** A card by its gateway's token, or Pix: then the payer gets a code to read. */
const PaymentMethod = Schema.Struct({
  type: MethodType,
  token: Schema.optionalKey(Token),
  ...PixTerms.fields
}).check(
  Schema.makeFilter(({ due_date, expires_in, payer, token, type }) => {
    const wrong = (path: string, issue: string) => ({ path: [path], issue })
    if (type === "card") {
      if (token === undefined) return wrong("token", "a card needs a token")
      const [extra] = Object.entries({ due_date, expires_in, payer })
        .filter(([, value]) => value !== undefined)
      return extra && wrong(extra[0], "is for pix only")
    }
    if (token !== undefined) return wrong("token", "is for cards only")
    if (due_date !== undefined && expires_in !== undefined) {
      return wrong("expires_in", "a charge has a due date or an expiry")
    }
    return due_date !== undefined && payer === undefined
      ? wrong("payer", "a charge with a due date names its payer")
      : undefined
  })
)

export const Customer = Schema.Struct({
  id: CustomerId,
  email: Schema.optionalKey(
    Text(254).check(
      Schema.isPattern(/^[^@\s]+@[^@\s]+\.[^@\s]+$/u, { message: "an e-mail address" })
    )
  ),
  locale: Schema.optionalKey(Schema.Literals(["pt-BR", "en"]))
})

export const Device = Schema.Struct({
  ip: Schema.optionalKey(Text(45)),
  id: Schema.optionalKey(Text(128))
})

/** One recipient's part of the payment: a share of what is left after fees, or a fixed amount. */
export const Split = Schema.Struct({
  recipient: Text(64).check(Schema.isPattern(/^[a-z0-9_\-]{1,64}$/u)),
  share: Schema.optionalKey(Share),
  amount: Schema.optionalKey(Amount)
})

/** Recipients of one payment. More is refused: a payment's postings must stay one small entry. */
const SPLITS_MAX = 20

/** The body of `POST /v1/payments`; through NATS with `command_id` beside it. */
export const CreateFields = {
  amount: Amount,
  currency: CurrencyInUse,
  capture: Schema.optionalKey(CaptureMode),
  payment_method: PaymentMethod,
  customer: Schema.optionalKey(Customer),
  device: Schema.optionalKey(Device),
  /** Who pays the fee. Left out: recipients by share bear their part, agreed amounts arrive whole. */
  fee_bearer: Schema.optionalKey(FeeBearer),
  splits: Schema.optionalKey(Schema.Array(Split).check(Schema.isMaxLength(SPLITS_MAX))),
  /** The price is paid in `currency` and credited in another, at this quote. */
  quote_id: Schema.optionalKey(QuoteId),
  /** At which rate what is refunded comes back. That of the quote where left out. */
  refund_rate: Schema.optionalKey(ReversalRate),
  reference: Schema.optionalKey(Reference),
  description: Schema.optionalKey(Text(500)),
  metadata: Schema.optionalKey(Metadata)
}
/** `final` gives the rest of the authorization back with this capture. */
export const CaptureFields = {
  amount: Schema.optionalKey(Amount),
  final: Schema.optionalKey(Schema.Boolean)
}
/** What is authorized beyond what was. */
export const IncrementFields = { amount: Amount }
const VoidFields = {}
/** `charge_id` names money that reached the gateway beside what was captured. */
export const RefundFields = {
  amount: Schema.optionalKey(Amount),
  charge_id: Schema.optionalKey(
    Schema.String.check(
      Schema.isPattern(/^[\x21-\x7e]{1,255}$/u, {
        message: "must be 1 to 255 printable characters"
      })
    )
  ),
  reason: Schema.optionalKey(Text(255))
}
export const ReviewFields = { decision: Schema.Literals(["approve", "reject"]) }

const command = { command_id: CommandId }
const onPayment = { ...command, payment_id: PaymentId }

const Create = Schema.Struct({ ...command, ...CreateFields })
const Capture = Schema.Struct({ ...onPayment, ...CaptureFields })
const Increment = Schema.Struct({ ...onPayment, ...IncrementFields })
const Void = Schema.Struct({ ...onPayment, ...VoidFields })
const Refund = Schema.Struct({ ...onPayment, ...RefundFields })
/** A person's decision on a held payment; only the edge may publish it. */
const Review = Schema.Struct({ ...onPayment, ...ReviewFields, by: Text(64) })

const Scored = Schema.Struct({ payment_id: Schema.String, risk: Risk })

/** A timer of a payment fired. State names the timer it awaits; any other wake is a no-op. */
const Wake = Schema.Struct({
  payment_id: Schema.String,
  timer: Schema.String,
  due: Schema.Finite
})

export const PaymentsMessages = {
  create: Create,
  capture: Capture,
  increment: Increment,
  void: Void,
  refund: Refund,
  review: Review,
  ...DisputeMessages,
  ...PayoutMessages,
  ...TransferMessages,
  ...FxMessages,
  ...MerchantMessages,
  notified: Notified,
  dispute_notified: DisputeNotified,
  payout_notified: PayoutNotified,
  scored: Scored,
  answered: Answered,
  wake: Wake
}
