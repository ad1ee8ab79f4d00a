import type { Expectation, Line, Operation } from "./state.ts"

/** What an operation looks like from both sides. */
export type Finding =
  | { readonly _tag: "Matched"; readonly expected: Expectation; readonly line: Line }
  /** A line for it, but not of its amount or currency. */
  | { readonly _tag: "Amount"; readonly expected: Expectation; readonly line: Line }
  | { readonly _tag: "Duplicate"; readonly line: Line; readonly of: Line }
  /** Missing, once its day is closed. */
  | { readonly _tag: "AwaitsLine"; readonly expected: Expectation }
  /** Unexpected, once its file is closed: the event may still be on its way. */
  | { readonly _tag: "AwaitsEvent"; readonly line: Line }
  /** The gateway spoke against its own word, or of what nobody asked for: a break at once. */
  | { readonly _tag: "Contradicted"; readonly line: Line | undefined }

interface Sameness {
  readonly amount: bigint
  readonly currency: string
}

const same = (left: Sameness, right: Sameness): boolean =>
  left.amount === right.amount && left.currency === right.currency

/** A copy: the same money at the same rank as another line, whatever it was paired with. */
const copyOf = (line: Line, paired: ReadonlyArray<Line>): Line | undefined =>
  paired.find((other) => same(line, other))

const byName = (left: string, right: string): number => left < right ? -1 : left > right ? 1 : 0

const byTime = (left: Expectation, right: Expectation): number =>
  left.at - right.at || byName(left.id, right.id)

const byPlace = (left: Line, right: Line): number =>
  byName(left.settlement_id, right.settlement_id) || left.line - right.line ||
  byName(left.id, right.id)

/** What was taken back before any file told of it is in none, and neither is what took it back. */
const withoutTakenBack = (open: ReadonlyArray<Expectation>): Array<Expectation> => {
  const left: Array<Expectation> = []
  for (const one of open) {
    const other = left.findIndex(({ amount, currency }) =>
      amount === -one.amount && currency === one.currency
    )
    if (other < 0) left.push(one)
    else left.splice(other, 1)
  }
  return left
}

/**
 * Pairs what is expected with what was settled: equal amounts first, then copies set aside, then what
 * is left in a fixed order as differing amounts. A function of the two sets, not of their order.
 */
export const judge = (operation: Operation): ReadonlyArray<Finding> => {
  const expected = [...operation.expected].sort(byTime)
  const lines = [...operation.lines].sort(byPlace)
  const isContradicted = operation.contradicted !== undefined
  const findings: Array<Finding> = []
  const paired: Array<Line> = []
  const unpaired: Array<Expectation> = []
  for (const one of expected) {
    const index = lines.findIndex((line) => same(line, one))
    if (index < 0) {
      unpaired.push(one)
      continue
    }
    const line = lines.splice(index, 1)[0]!
    paired.push(line)
    findings.push({ _tag: "Matched", expected: one, line })
  }
  const open = withoutTakenBack(unpaired)
  for (const line of lines) {
    const of = copyOf(line, paired)
    const one = of === undefined ? open.shift() : undefined
    if (of !== undefined) findings.push({ _tag: "Duplicate", line, of })
    else if (one !== undefined) {
      paired.push(line)
      findings.push({ _tag: "Amount", expected: one, line })
    } else findings.push({ _tag: isContradicted ? "Contradicted" : "AwaitsEvent", line })
  }
  if (isContradicted && findings.every(({ _tag }) => _tag !== "Contradicted")) {
    findings.push({ _tag: "Contradicted", line: undefined })
  }
  for (const one of open) findings.push({ _tag: "AwaitsLine", expected: one })
  return findings
}

/** Names a finding across judgements of the same operation. */
export const findingId = (finding: Finding): string => {
  switch (finding._tag) {
    case "Matched":
    case "Amount":
    case "AwaitsLine":
      return `${finding._tag}:${finding.expected.id}`
    case "Duplicate":
    case "AwaitsEvent":
      return `${finding._tag}:${finding.line.id}`
    case "Contradicted":
      return `${finding._tag}:${finding.line?.id ?? ""}`
  }
}
