import { Schema } from "effect"
import { dynamicBrCode } from "../../src/domain/brCode.ts"
import { formatMinorUnits, parseMinorUnits } from "../../src/domain/currency.ts"
import { endInBrazil } from "../../src/domain/day.ts"
import { LAST_MILLIS, millisOf } from "../../src/domain/moment.ts"
import { isCnpj } from "../../src/domain/taxId.ts"
import type { Call, Outcome } from "../../streams/messages/gateway.ts"
import type { AskedAbout } from "./port.ts"

/** A charge that is not paid by then cannot be paid any more. */
const EXPIRES_SECONDS = 3_600
/** Clocks differ, and a payment of the last moment is told a little later. */
const GRACE_MILLIS = 60_000

/** A charge to be paid within seconds (cob), or until a day by somebody who is named (cobv). */
export const Cob = Schema.Struct({
  status: Schema.String,
  calendario: Schema.Struct({
    criacao: Schema.String,
    expiracao: Schema.optionalKey(Schema.Finite),
    dataDeVencimento: Schema.optionalKey(Schema.String),
    validadeAposVencimento: Schema.optionalKey(Schema.Finite)
  }),
  location: Schema.optionalKey(Schema.String),
  loc: Schema.optionalKey(Schema.Struct({ location: Schema.optionalKey(Schema.String) })),
  pixCopiaECola: Schema.optionalKey(Schema.String),
  pix: Schema.optionalKey(
    Schema.Array(Schema.Struct({ endToEndId: Schema.String, valor: Schema.String }))
  )
})
type Cob = typeof Cob.Type

/** What neither an inquiry nor a removal says of itself: both are looked for. */
export const KINDS = ["cob", "cobv"] as const

/**
 * `pay_<26>.charge.<n>` as a txid of 28 letters and digits, and back: what comes from the bank names
 * the payment by it.
 */
export const txidOf = (attempt: string): string => {
  const match = /^pay_([0-9a-z]{26})\.charge\.(\d{1,2})$/.exec(attempt)
  if (match === null) throw new Error(`${attempt} is no charge`)
  return match[1]! + match[2]!.padStart(2, "0")
}
export const paymentOfTxid = (txid: string) => {
  const match = /^([0-9a-z]{26})(\d{2})$/.exec(txid)
  return match === null
    ? undefined
    : { payment_id: `pay_${match[1]}`, attempt: `pay_${match[1]}.charge.${Number(match[2])}` }
}

export const pathOf = (call: typeof Call.Type): string =>
  `/${call.pix?.due_date === undefined ? "cob" : "cobv"}/${txidOf(call.attempt)}`

export const chargeOf = (key: string, { amount, currency, pix }: typeof Call.Type) => ({
  calendario: pix?.due_date === undefined
    ? { expiracao: pix?.expires_in ?? EXPIRES_SECONDS }
    : { dataDeVencimento: pix.due_date, validadeAposVencimento: 0 },
  ...(pix?.payer && { devedor: debtorOf(pix.payer) }),
  valor: { original: formatMinorUnits(amount, currency) },
  chave: key
})

const debtorOf = ({ name: nome, tax_id }: { readonly name: string; readonly tax_id: string }) =>
  isCnpj(tax_id) ? { cnpj: tax_id, nome } : { cpf: tax_id, nome }

const declined = (code: string, detail: string): Outcome => ({
  _tag: "Declined",
  code,
  detail,
  soft: false
})

type Asked = Pick<
  AskedAbout,
  "amount" | "attempt" | "charge_id" | "currency" | "first_sent_at"
>

interface Receiver {
  readonly receiverName: string
  readonly receiverCity: string
}

/** How a charge stands. Money that was received counts, whatever the bank calls the charge. */
export const outcomeOfCob =
  ({ receiverCity: city, receiverName: name }: Receiver) => (cob: Cob, asked: Asked): Outcome => {
    const { pix = [], status } = cob
    if (pix.length > 0) return paid(pix, asked)
    switch (status) {
      case "CONCLUIDA":
        return { _tag: "Unknown", detail: "the charge is paid, and by what is not told yet" }
      case "ATIVA": {
        const ends = endOf(cob, asked.first_sent_at ?? Date.now())
        if (ends === undefined) return declined("pix_no_due_date", "its due date is no day")
        if (Date.now() > ends + GRACE_MILLIS) {
          return declined("pix_expired", "nobody paid in time")
        }
        const location = cob.location ?? cob.loc?.location ?? ""
        return {
          _tag: "RequiresAction",
          charge_id: txidOf(asked.attempt),
          url: "",
          expires_at: new Date(ends).toISOString(),
          br_code: cob.pixCopiaECola ?? dynamicBrCode({ city, location, name })
        }
      }
      default:
        return declined("pix_removed", `the charge is ${status}`)
    }
  }

/** One payment is the charge: the one it was before, or one of the right amount. The others are too many. */
const paid = (
  pix: NonNullable<Cob["pix"]>,
  { amount: wanted, charge_id, currency }: Asked
): Outcome => {
  const received = pix.map(({ endToEndId, valor }) => ({
    charge_id: endToEndId,
    amount: parseMinorUnits(valor, currency)
  }))
  const known = received.filter((one) => one.amount !== undefined) as ReadonlyArray<
    { readonly charge_id: string; readonly amount: bigint }
  >
  if (known.length < received.length) {
    return { _tag: "Unknown", detail: "the bank tells an impossible amount" }
  }
  const main = known.find((one) => one.charge_id === charge_id) ??
    known.find(({ amount }) => amount === wanted) ?? known[0]!
  const others = known.filter((one) => one !== main)
  return { _tag: "Approved", captured: true, ...main, ...(others.length > 0 && { others }) }
}

/** What came of removing a charge; undefined while it still waits for its payer. */
export const outcomeOfRemoval = (
  { pix = [], status }: Cob,
  { amount, charge_id = "" }: Pick<AskedAbout, "amount" | "charge_id">
): Outcome | undefined => {
  if (pix.length > 0 || status === "CONCLUIDA") {
    return declined("pix_paid", "the payer has paid it already")
  }
  return status === "ATIVA" ? undefined : { _tag: "Approved", charge_id, captured: false, amount }
}

const DAY_MILLIS = 86_400_000

/** The last moment in which it can be paid; undefined where it is due on a day that never comes. */
const endOf = ({ calendario }: Cob, sentMillis: number): number | undefined => {
  const { criacao, dataDeVencimento, expiracao, validadeAposVencimento = 30 } = calendario
  const [from, lives] = dataDeVencimento === undefined
    // Some banks leave the zone out: then our own time is nearer than a guess of theirs.
    ? [millisOf(criacao) ?? sentMillis, (expiracao ?? EXPIRES_SECONDS) * 1_000]
    : [endInBrazil(dataDeVencimento), validadeAposVencimento * DAY_MILLIS]
  return from === undefined ? undefined : Math.min(from + lives, LAST_MILLIS)
}
