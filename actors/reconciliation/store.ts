import { sql } from "kysely"
import { derivedId } from "../../src/domain/identifiers.ts"
import type { TurnWrites } from "../../src/runtime/actor.ts"
import { documentTable } from "../../src/runtime/documentTable.ts"
import type { Statement } from "../../src/store/database.ts"
import { rowsOf } from "../../src/store/rowsOf.ts"
import { forAny } from "../../src/store/statements.ts"
import { type FindingRow, findingsOf } from "./breaks.ts"
import { type Operation, type Row, State } from "./state.ts"

const states = documentTable("recon_states", State)

export const { load } = states

export const save = (writes: TurnWrites<State, Row>): ReadonlyArray<Statement> => {
  const operations = writes.states.flatMap(({ isNew, key, merchant, partition, state }) =>
    state._tag === "Operation"
      ? [{ partition, merchant: ownerOf(state, merchant), key, state, isNew }]
      : []
  )
  const closes: Array<Close> = []
  const findings = operations.flatMap(storedOf)
  for (const { at, part, partition, row, seq, step } of writes.rows) {
    if (row._tag === "Close") {
      closes.push({ partition, source: row.source, date: row.date, seq, part, step, at })
    } else findings.push(malformed(row, partition))
  }
  // Findings are forgotten before they are written anew.
  return [
    ...states.save(writes),
    ...forAny(operations.filter(({ isNew }) => !isNew), forgetFindings),
    ...forAny(findings, insertFindings),
    ...forAny(closes, insertCloses)
  ]
}

interface Close {
  readonly partition: number
  readonly source: string
  readonly date: string
  readonly seq: number
  readonly part: number
  readonly step: number
  readonly at: number
}

interface Located {
  readonly partition: number
  readonly merchant: string
  readonly key: string
  readonly state: Operation
  readonly isNew: boolean
}

interface Stored extends Omit<FindingRow, "tag"> {
  readonly partition: number
  readonly merchant: string
  readonly operation: string
  readonly tag: FindingRow["tag"] | "Malformed"
  readonly source: string
  readonly kind: string | undefined
  readonly charge_id: string | undefined
}

const storedOf = ({ key, merchant, partition, state }: Located): Array<Stored> =>
  findingsOf(state).map((finding) => ({
    ...finding,
    partition,
    merchant,
    operation: key,
    source: state.source,
    kind: state.kind,
    charge_id: state.charge_id
  }))

/** What is for no payment belongs to no merchant, whatever the gateway that told of it is called. */
const ownerOf = ({ contradicted }: Operation, merchant: string): string =>
  contradicted !== undefined && contradicted.payment_id === undefined ? "" : merchant

/** Nobody knows whose line it was, so it belongs to no merchant. */
const malformed = (row: Extract<Row, { _tag: "Malformed" }>, partition: number): Stored => ({
  partition,
  merchant: "",
  operation: `file:${row.source}:${row.file}`,
  finding: `${row.part}/${row.row}`,
  tag: "Malformed",
  break_kind: "malformed",
  waits: false,
  source: row.source,
  kind: undefined,
  charge_id: undefined,
  date: row.date,
  at_millis: 0,
  payment_id: undefined,
  expected_amount: undefined,
  actual_amount: undefined,
  currency: undefined,
  actual_currency: undefined,
  reason: `line ${row.row} of part ${row.part} of file ${row.file}: ${row.reason}`
})

/** Findings follow from their operation: they are written anew, never changed. */
const forgetFindings = (operations: ReadonlyArray<Located>): Statement =>
  sql`
    delete from recon_findings f
    using unnest(${operations.map(({ merchant }) => merchant)}::text[],
      ${operations.map(({ key }) => key)}::text[]) as judged (merchant, operation)
    where f.merchant = judged.merchant and f.operation = judged.operation`

const insertFindings = (rows: ReadonlyArray<Stored>): Statement =>
  sql`
    insert into recon_findings (partition, id, merchant, operation, finding, tag, break_kind, waits,
      source, kind, charge_id, date, at_millis, payment_id, expected_amount, actual_amount, currency,
      actual_currency, reason)
    select * from ${
    rowsOf(rows, {
      partition: ["int", (row) => row.partition],
      id: ["text", (row) => derivedId("brk", row.merchant, row.operation, row.finding)],
      merchant: ["text", (row) => row.merchant],
      operation: ["text", (row) => row.operation],
      finding: ["text", (row) => row.finding],
      tag: ["text", (row) => row.tag],
      break_kind: ["text", (row) => row.break_kind],
      waits: ["boolean", (row) => row.waits],
      source: ["text", (row) => row.source],
      kind: ["text", (row) => row.kind],
      charge_id: ["text", (row) => row.charge_id],
      date: ["text", (row) => row.date],
      at_millis: ["bigint", (row) => row.at_millis],
      payment_id: ["text", (row) => row.payment_id],
      expected_amount: ["numeric", (row) => row.expected_amount],
      actual_amount: ["numeric", (row) => row.actual_amount],
      currency: ["text", (row) => row.currency],
      actual_currency: ["text", (row) => row.actual_currency],
      reason: ["text", (row) => row.reason]
    })
  } as new`

const insertCloses = (closes: ReadonlyArray<Close>): Statement =>
  sql`
    insert into recon_closes (partition, source, date, seq, part, step, at_millis)
    select * from unnest(${closes.map(({ partition }) => partition)}::int[],
      ${closes.map(({ source }) => source)}::text[],
      ${closes.map(({ date }) => date)}::text[], ${closes.map(({ seq }) => seq)}::bigint[],
      ${closes.map(({ part }) => part)}::smallint[], ${closes.map(({ step }) => step)}::int[],
      ${closes.map(({ at }) => at)}::bigint[])`
