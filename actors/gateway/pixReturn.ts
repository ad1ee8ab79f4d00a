import { Schema } from "effect"
import { parseMinorUnits } from "../../src/domain/currency.ts"
import type { Outcome } from "../../streams/messages/gateway.ts"
import type { AskedAbout } from "./port.ts"

/** Who began a return: the receiver (ORIGINAL where left out), or a bank by the special mechanism (MED). */
const Natureza = Schema.optionalKey(Schema.String)

/** A return (devolução) of what was received. */
export const Devolucao = Schema.Struct({
  id: Schema.String,
  status: Schema.String,
  valor: Schema.String,
  natureza: Natureza,
  motivo: Schema.optionalKey(Schema.String)
})
type Devolucao = typeof Devolucao.Type

export const devolucaoIdOf = (attempt: string): string =>
  attempt.slice(attempt.lastIndexOf("ref_") + "ref_".length)

export const isMed = (natureza: string | undefined): natureza is string =>
  natureza?.startsWith("MED_") === true

const impossible = (valor: string): Outcome => ({
  _tag: "Unknown",
  detail: `the bank tells an impossible amount, ${valor}`
})

/** EM_PROCESSAMENTO is neither: a later inquiry or webhook tells. What was given back is the bank's to say. */
export const outcomeOfReturn = (
  { motivo, status, valor }: Devolucao,
  { charge_id = "", currency }: Pick<AskedAbout, "charge_id" | "currency">
): Outcome => {
  switch (status) {
    case "DEVOLVIDO": {
      const amount = parseMinorUnits(valor, currency)
      return amount === undefined
        ? impossible(valor)
        : { _tag: "Approved", charge_id, captured: true, amount }
    }
    case "NAO_REALIZADO": {
      const detail = "the payer's bank did not take the money back"
      return {
        _tag: "Declined",
        code: "pix_return_failed",
        detail: motivo === undefined ? detail : `${detail}: ${motivo}`,
        soft: false
      }
    }
    default:
      return { _tag: "Unknown", detail: `the return is ${status}` }
  }
}

/**
 * A bank takes back what was paid, by the special mechanism for fraud and failures (MED). It is a
 * dispute that nobody can answer here: open while the bank works on it, lost when the money is gone.
 * Undefined where it is a return of our own.
 */
export const outcomeOfMed = (
  { natureza, status, valor }: Devolucao,
  dispute_id: string,
  currency: string
): Outcome | undefined => {
  if (!isMed(natureza)) return undefined
  const amount = parseMinorUnits(valor, currency)
  return amount === undefined ? impossible(valor) : {
    _tag: "Disputed",
    dispute_id,
    amount,
    currency,
    fee: 0n,
    reason: natureza,
    status: status === "DEVOLVIDO" ? "lost" : status === "NAO_REALIZADO" ? "won" : "under_review"
  }
}
