import { Random } from "../random.ts"
import { zipf } from "./zipf.ts"

export interface Buyer {
  readonly customer: { readonly id: string; readonly email: string; readonly locale: string }
  readonly device: { readonly id: string; readonly ip: string }
}

/** Who buys next at a merchant. */
export type Buyers = (merchant: string, index: number) => Buyer

/** Customers of each merchant. */
const CUSTOMERS = 20_000
/** The velocity rules hold what the same customer buys after that within an hour, and measure something else. */
const PURCHASES_MAX = 30
const SEED = 1

const localeOf = (index: number) => index % 3 === 0 ? "en" : "pt-BR"

/**
 * Customers who come back, each with a device of their own: few buy often and most hardly ever, as Zipf
 * says. Whoever has bought as often as the rules allow gives way to somebody new.
 */
export const returningBuyers = (): Buyers => {
  const rank = zipf(CUSTOMERS, 1, new Random(SEED))
  const purchases = new Map<string, number>()
  return (merchant) => {
    const place = rank()
    const key = `${merchant}/${place}`
    const before = purchases.get(key) ?? 0
    purchases.set(key, before + 1)
    const name = `${place}_${Math.floor(before / PURCHASES_MAX)}`
    return {
      customer: { id: `cus_${name}`, email: `c${name}@example.com`, locale: localeOf(place) },
      // 198.18.0.0/15 is set aside for benchmarks (RFC 2544).
      device: { id: `dev_${name}`, ip: `198.18.${place >> 8}.${place & 255}` }
    }
  }
}

/** Somebody new each time, as far as the rules can tell. */
export const newBuyers: Buyers = (_merchant, index) => ({
  customer: {
    id: `cus_${(index * 31) % 200_000}`,
    email: `c${index % 20_000}@example.com`,
    locale: localeOf(index)
  },
  device: { id: `dev_${(index * 17) % 150_000}`, ip: `198.51.100.${index % 250}` }
})

export const buyersFor = (newCustomers: boolean): Buyers =>
  newCustomers ? newBuyers : returningBuyers()
