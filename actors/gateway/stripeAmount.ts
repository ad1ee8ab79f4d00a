import { exponentOf } from "../../src/domain/currency.ts"

/** Currencies that Stripe counts in whole units (docs.stripe.com/currencies, "zero-decimal"). */
const WHOLE: ReadonlySet<string> = new Set(
  "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split(" ")
)
/** Counted in thousandths, of which the last digit must be 0. */
const THOUSANDTHS: ReadonlySet<string> = new Set(["BHD", "JOD", "KWD", "OMR", "TND"])

const stripeExponentOf = (currency: string): number =>
  WHOLE.has(currency) ? 0 : THOUSANDTHS.has(currency) ? 3 : 2

/**
 * Minor units of ISO 4217 as the integer Stripe wants: its exponents differ for ISK, MGA, UGX and
 * others. Undefined where the amount cannot be said there.
 */
export const toStripe = (amount: bigint, currency: string): number | undefined => {
  const shift = stripeExponentOf(currency) - exponentOf(currency)
  const scale = 10n ** BigInt(Math.abs(shift))
  if (shift < 0 && amount % scale !== 0n) return undefined
  const scaled = shift < 0 ? amount / scale : amount * scale
  if (THOUSANDTHS.has(currency) && scaled % 10n !== 0n) return undefined
  return scaled <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(scaled) : undefined
}

/** The reverse. What does not come out whole is undefined: it cannot be an amount of ours. */
export const fromStripe = (amount: number, currency: string): bigint | undefined => {
  const shift = stripeExponentOf(currency) - exponentOf(currency)
  const scale = 10n ** BigInt(Math.abs(shift))
  const whole = BigInt(amount)
  if (shift > 0) return whole % scale === 0n ? whole / scale : undefined
  return whole * scale
}
