import { Schema } from "effect"

/**
 * Exponents of ISO 4217, pinned: the minor units of a currency must not depend on the runtime's
 * `Intl` data, which follows usage rather than the standard (it gives HUF 0, IQD 0).
 * Left out: metals, funds' units of account and test codes (XAU, XDR, XTS …), which have no minor unit.
 */
const codesByExponent = {
  0: `
    BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF
  `,
  2: `
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN
    BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP
    GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK
    LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK
    NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP
    STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR
    ZMW ZWG
  `,
  3: `
    BHD IQD JOD KWD LYD OMR TND
  `,
  4: `
    CLF UYW
  `
} as const

/** The state of the standard that the table has: the maintenance agency's last amendment in it. */
export const ISO_4217 = { amendment: 180, published: "2025-09-22", compared: "2026-11-30" } as const

/**
 * Since when a currency is none any more (list three), and what took its place. Payments in it can be read,
 * captured, refunded and paid out for ever; no new one is taken.
 */
export const withdrawn: ReadonlyMap<string, { readonly since: string; readonly by: string }> =
  new Map([
    ["ANG", { since: "2025-03-31", by: "XCG" }],
    ["BGN", { since: "2026-01-01", by: "EUR" }],
    ["CUC", { since: "2021-06-30", by: "CUP" }]
  ])

const exponents = new Map<string, number>(
  Object.entries(codesByExponent).flatMap(([exponent, codes]) =>
    codes.trim().split(/\s+/).map((code) => [code, Number(exponent)] as const)
  )
)

/** Every code, sorted: the list a message may be compared with. */
export const currencyCodes: ReadonlyArray<string> = [...exponents.keys()].sort()

export const Currency = Schema.Literals(currencyCodes)
  .annotate({ message: "must be an ISO 4217 currency code such as BRL" })
  .pipe(Schema.brand("Currency"))
export type Currency = typeof Currency.Type

/** A currency in which something new is begun. */
export const CurrencyInUse = Currency.check(
  Schema.makeFilter((code: string) => {
    const end = withdrawn.get(code)
    return end === undefined || `was withdrawn on ${end.since}: use ${end.by}`
  })
)

/** Decimal places between the currency's unit and its minor unit: 2 for BRL, 0 for JPY. */
export const exponentOf = (currency: string): number => {
  const exponent = exponents.get(currency)
  if (exponent === undefined) throw new RangeError(`${currency} is not an ISO 4217 currency`)
  return exponent
}

/** "100.00": for people, files and logs. */
export const formatMinorUnits = (minorUnits: bigint, currency: string): string => {
  const exponent = exponentOf(currency)
  const sign = minorUnits < 0n ? "-" : ""
  const digits = (minorUnits < 0n ? -minorUnits : minorUnits).toString().padStart(exponent + 1, "0")
  if (exponent === 0) return sign + digits
  return `${sign}${digits.slice(0, -exponent)}.${digits.slice(-exponent)}`
}

/** The exact inverse of `formatMinorUnits`; undefined for anything that is not such a decimal. */
export const parseMinorUnits = (text: string, currency: string): bigint | undefined => {
  const exponent = exponentOf(currency)
  const match = /^(-?)(\d{1,19})(?:\.(\d+))?$/.exec(text)
  if (match === null) return undefined
  const fraction = match[3] ?? ""
  if (fraction.length > exponent) return undefined
  const magnitude = BigInt(match[2]! + fraction.padEnd(exponent, "0"))
  return match[1] === "-" ? -magnitude : magnitude
}
