/**
 * The chart of accounts. A path names one account of one currency and says all there is to know of
 * it. Accounts of a merchant's book are written by that merchant's partition only; the platform's
 * own accounts are one sub-account per partition, so that no two writers ever meet on one row.
 */
export interface Account {
  readonly path: string
  /** Whose book it belongs to; empty for the platform's own. */
  readonly merchant: string
  readonly currency: string
}

const platform = (path: string, partition: number, currency: string): Account => ({
  path: `${path}:p${String(partition).padStart(2, "0")}:${currency}`,
  merchant: "",
  currency
})

/** Debit side: what a gateway owes us for charges it took. */
export const gatewayReceivable = (gateway: string, partition: number, currency: string) =>
  platform(`assets:gateway:${gateway}:receivable`, partition, currency)

/** Debit side: what a gateway took back while a dispute is open. */
export const gatewayDisputed = (gateway: string, partition: number, currency: string) =>
  platform(`assets:gateway:${gateway}:disputed`, partition, currency)

/** Debit side: disputed money that no leg of the payment could give back any more. */
export const disputeLosses = (partition: number, currency: string) =>
  platform("expense:dispute_losses", partition, currency)

/** Debit side: what gateways paid us, until it is paid out. */
export const bank = (partition: number, currency: string) =>
  platform("assets:bank", partition, currency)

/** Debit side: what gateways keep of what they settle. */
export const gatewayFees = (gateway: string, partition: number, currency: string) =>
  platform(`expense:gateway_fees:${gateway}`, partition, currency)

/** Credit side: payouts sent and not yet confirmed. */
export const payoutsInTransit = (partition: number, currency: string) =>
  platform("liabilities:payouts_in_transit", partition, currency)

/** Either side: transfers on their way between books; nothing over all partitions once they arrived. */
export const transferControl = (partition: number, currency: string) =>
  platform("control:transfers", partition, currency)

/** Either side: what conversions took in, and gave out, in this currency. With all others, our position. */
export const fxTrading = (partition: number, currency: string) =>
  platform("trading:fx", partition, currency)

/** Credit side: what we keep of the value of what is converted. */
export const fxSpread = (partition: number, currency: string) =>
  platform("revenue:fx_spread", partition, currency)

/** Credit side: what is left of whole minor units where amounts are rounded in our favour. */
export const fxRounding = (partition: number, currency: string) =>
  platform("revenue:fx_rounding", partition, currency)

/** Credit side: what was worth less when it came back than when it was sold. */
export const fxGains = (partition: number, currency: string) =>
  platform("revenue:fx_gains", partition, currency)

/** Debit side: what was worth more when it came back than when it was sold. */
export const fxLosses = (partition: number, currency: string) =>
  platform("expense:fx_losses", partition, currency)

/** Credit side: what we earn. */
export const feeRevenue = (partition: number, currency: string) =>
  platform("revenue:fees", partition, currency)

/** Credit side: refunds asked of a gateway and not yet confirmed. */
export const refundsInTransit = (partition: number, currency: string) =>
  platform("liabilities:refunds_in_transit", partition, currency)

/** Credit side: money a gateway says it took against its own earlier answer. */
export const suspense = (gateway: string, partition: number, currency: string) =>
  platform(`liabilities:suspense:${gateway}`, partition, currency)

/** Credit side: what we owe the merchant. */
export const merchantPending = (merchant: string, currency: string): Account => ({
  path: `liabilities:merchant:${merchant}:pending:${currency}`,
  merchant,
  currency
})

/** Credit side: what we owe a recipient of the merchant's splits. */
export const recipientPending = (
  merchant: string,
  recipient: string,
  currency: string
): Account => ({
  path: `liabilities:merchant:${merchant}:recipient:${recipient}:pending:${currency}`,
  merchant,
  currency
})

const bookAccount = (
  name: string
) =>
(merchant: string, recipient: string | undefined, currency: string): Account => ({
  path: recipient === undefined
    ? `liabilities:merchant:${merchant}:${name}:${currency}`
    : `liabilities:merchant:${merchant}:recipient:${recipient}:${name}:${currency}`,
  merchant,
  currency
})

/** Credit side: what can be paid out to the merchant or a recipient. */
export const available = bookAccount("available")

/** Credit side: what is settled and kept back for a while. */
export const reserve = bookAccount("reserve")

/** The side on which an account grows: what we own and spend is debited, the rest credited. */
export const normalSide = (path: string): "debit" | "credit" =>
  /^(assets|expense):/.test(path) ? "debit" : "credit"
