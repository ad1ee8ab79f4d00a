import { feeOf } from "../../domain/allocation.ts"
import { formatMinorUnits } from "../../domain/currency.ts"
import type { SettlementRow } from "./book.ts"

/** What the simulated gateway keeps: 0.80 % of what it took. */
const GATEWAY_FEE = { percentageBasisPoints: 80n, fixed: 0n }

export type BreakKind = "missing" | "unexpected" | "amount" | "duplicate"
const breakKinds: ReadonlyArray<BreakKind> = ["missing", "unexpected", "amount", "duplicate"]

export interface Planted {
  readonly kind: BreakKind
  readonly merchant: string
  readonly charge_id: string
}

export const header =
  "settlement_id,line,merchant,payment_id,charge_id,kind,currency,gross,fee,net,occurred_at"

/** `missing:2,amount:1` → how many of each kind. */
export const parseBreaks = (text: string): ReadonlyMap<BreakKind, number> =>
  new Map(
    text.split(",").flatMap((part): Array<[BreakKind, number]> => {
      const [kind, count] = part.split(":")
      const known = breakKinds.find((one) => one === kind)
      return known === undefined ? [] : [[known, Number(count ?? 1)]]
    })
  )

/**
 * The day's file, with faults planted where asked for. They are spread over the charges of the day
 * and never meet on one line, so that each can be told from the others.
 */
export const settlementFile = (
  date: string,
  rows: ReadonlyArray<SettlementRow>,
  breaks: ReadonlyMap<BreakKind, number>
): { readonly text: string; readonly planted: ReadonlyArray<Planted> } => {
  const id = `set_${date.replaceAll("-", "")}`
  const planted: Array<Planted> = []
  // A charge with one line only: two faults could otherwise explain each other.
  const perCharge = Map.groupBy(rows, (row) => row.charge_id)
  const victims = rows.filter((row) =>
    row.kind !== "refund" && perCharge.get(row.charge_id)!.length === 1
  )
  const wanted = breakKinds.flatMap((kind) =>
    Array.from({ length: breaks.get(kind) ?? 0 }, () => kind)
  )
  const faults = new Map<SettlementRow, BreakKind>()
  wanted.slice(0, victims.length).forEach((kind, index) => {
    faults.set(victims[Math.floor((index * victims.length) / wanted.length)]!, kind)
  })
  const lines: Array<string> = []
  const add = (row: SettlementRow, chargeId: string, paymentId: string, amount: number) => {
    const refund = row.kind === "refund"
    const gross = BigInt(refund ? -amount : amount)
    const fee = refund ? 0n : feeOf(gross, GATEWAY_FEE)
    lines.push(
      [
        id,
        lines.length + 1,
        row.merchant,
        paymentId,
        chargeId,
        refund ? "refund" : "charge",
        row.currency,
        formatMinorUnits(gross, row.currency),
        formatMinorUnits(fee, row.currency),
        formatMinorUnits(gross - fee, row.currency),
        new Date(row.at_millis).toISOString()
      ].join(",")
    )
  }
  for (const row of rows) {
    const fault = faults.get(row)
    const note = (chargeId: string) =>
      planted.push({ kind: fault!, merchant: row.merchant, charge_id: chargeId })
    if (fault === "missing") {
      note(row.charge_id)
      continue
    }
    add(row, row.charge_id, row.payment_id, fault === "amount" ? row.amount + 1 : row.amount)
    if (fault === "amount") note(row.charge_id)
    if (fault === "duplicate") {
      note(row.charge_id)
      add(row, row.charge_id, row.payment_id, row.amount)
    }
    if (fault === "unexpected") {
      const stranger = `${row.charge_id}x`
      note(stranger)
      add(row, stranger, "", row.amount)
    }
  }
  return { text: [header, ...lines, ""].join("\n"), planted }
}
