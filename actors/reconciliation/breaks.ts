import { formatMinorUnits } from "../../src/domain/currency.ts"
import { type Finding, findingId, judge } from "./judge.ts"
import type { BreakKind, Line, Operation } from "./state.ts"

/** A finding as it is stored. Which of them are breaks is asked of the table and the closes. */
export interface FindingRow {
  /** Unique within its operation. */
  readonly finding: string
  readonly tag: Finding["_tag"]
  /** What it is when it is a break; a match never is. */
  readonly break_kind: BreakKind | undefined
  /** A break only once a day not before `date` was closed, and not before `at_millis`. */
  readonly waits: boolean
  readonly date: string
  readonly at_millis: number
  readonly payment_id: string | undefined
  readonly expected_amount: bigint | undefined
  readonly actual_amount: bigint | undefined
  readonly currency: string | undefined
  /** Of the actual amount, where it is not that of the expected one. */
  readonly actual_currency: string | undefined
  readonly reason: string
}

interface Sum {
  readonly amount: bigint
  readonly currency: string
}

const shown = ({ amount, currency }: Sum): string =>
  `${formatMinorUnits(amount, currency)} ${currency}`

const place = ({ line, settlement_id }: Line): string => `line ${line} of ${settlement_id}`

/** What is found about one operation, with the words a person reads. */
export const findingsOf = (operation: Operation): ReadonlyArray<FindingRow> =>
  judge(operation).map((finding) => {
    const row = rowOf(operation, finding)
    return row.break_kind === undefined || operation.uncounted === 0
      ? row
      : { ...row, reason: `${row.reason}; ${operation.uncounted} more lines are not kept` }
  })

const rowOf = (operation: Operation, finding: Finding): FindingRow => {
  const { kind } = operation
  const base = { finding: findingId(finding), tag: finding._tag }
  switch (finding._tag) {
    case "Matched":
      return {
        ...base,
        ...atOnce(undefined, finding.line),
        payment_id: finding.expected.payment_id,
        expected_amount: finding.expected.amount,
        reason: ""
      }
    case "Amount": {
      const { expected, line } = finding
      return {
        ...base,
        ...atOnce("amount", line),
        payment_id: expected.payment_id,
        expected_amount: expected.amount,
        currency: expected.currency,
        actual_currency: line.currency === expected.currency ? undefined : line.currency,
        reason: `the ${kind} is ${shown(expected)}, but ${place(line)} says ${shown(line)}`
      }
    }
    case "Duplicate":
      return {
        ...base,
        ...atOnce("duplicate", finding.line),
        reason: `${place(finding.line)} repeats ${place(finding.of)}: ${shown(finding.line)}`
      }
    case "AwaitsEvent":
      return {
        ...base,
        ...atOnce("unexpected", finding.line),
        waits: true,
        reason: `${place(finding.line)} settles a ${kind} of ${shown(finding.line)} nobody made`
      }
    case "AwaitsLine": {
      const { expected } = finding
      return {
        ...base,
        break_kind: "missing",
        waits: true,
        date: expected.day,
        // A file made before the money moved cannot hold it, even where it is the file of that day.
        at_millis: expected.at,
        payment_id: expected.payment_id,
        expected_amount: expected.amount,
        actual_amount: undefined,
        currency: expected.currency,
        actual_currency: undefined,
        reason: `the ${kind} of ${shown(expected)} is in no file up to its day`
      }
    }
    case "Contradicted": {
      const { detail, payment_id } = operation.contradicted!
      const line = finding.line ?? operation.contradicted!
      return { ...base, ...atOnce("unexpected", line), payment_id, reason: detail }
    }
  }
}

/** What the line alone says. */
const atOnce = (
  break_kind: BreakKind | undefined,
  line: {
    readonly day: string
    readonly currency: string
    readonly payment_id?: string
    readonly amount?: bigint
  }
) => ({
  break_kind,
  waits: false,
  date: line.day,
  at_millis: 0,
  payment_id: line.payment_id,
  expected_amount: undefined,
  actual_amount: line.amount,
  currency: line.currency,
  actual_currency: undefined
})
