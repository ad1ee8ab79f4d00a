import { Effect, Result, Schema } from "effect"
import { sql } from "kysely"
import {
  type Decision,
  keyed,
  type MessageOf,
  type Received,
  type SavedState,
  type StateKey,
  stateKey,
  type States,
  type TurnWrites
} from "../../src/runtime/actor.ts"
import type { AnyKeyed } from "../../src/runtime/registry.ts"
import { Escalate, Restart, Resume, Retry, Stop } from "../../src/runtime/supervision.ts"
import { Database, type Statement } from "../../src/store/database.ts"
import { query } from "./query.ts"

/** A keyed actor that writes down what it is told, and does on demand whatever an actor may do. */
export const Note = Schema.Struct({
  key: Schema.String,
  text: Schema.String,
  /** Further keys it touches. */
  and: Schema.optionalKey(Schema.Array(Schema.String)),
  /** A row for the table; PostgreSQL takes only positive amounts. */
  amount: Schema.optionalKey(Schema.Finite),
  emit: Schema.optionalKey(Schema.Int),
  /** The mailbox emissions go to. */
  to: Schema.optionalKey(Schema.String),
  event: Schema.optionalKey(Schema.Boolean),
  /** Milliseconds from the decision clock. */
  ringIn: Schema.optionalKey(Schema.Finite),
  refuse: Schema.optionalKey(Schema.Boolean),
  defect: Schema.optionalKey(Schema.Boolean),
  /** Bytes of text to emit, to see what is too large. */
  bytes: Schema.optionalKey(Schema.Int)
})
export type Note = typeof Note.Type

const Rang = Schema.Struct({ key: Schema.String, timer: Schema.String, due: Schema.Finite })
const NotebookMessages = { note: Note, rang: Rang }
type Message = MessageOf<typeof NotebookMessages>

export const Label = Schema.Struct({ label: Schema.String })

export const Page = Schema.Struct({
  texts: Schema.Array(Schema.String),
  /** Decision clocks, one for each text. */
  at: Schema.Array(Schema.Finite),
  label: Schema.String,
  awaits: Schema.optionalKey(Schema.Struct({ timer: Schema.String, due: Schema.Finite }))
})
export type Page = typeof Page.Type

type Row =
  | { readonly _tag: "Line"; readonly text: string; readonly amount: number }
  | {
    readonly _tag: "Wait"
    readonly key: string
    readonly timer: string
    readonly due: number | undefined
  }

class NotNow extends Schema.TaggedError<NotNow>()("NotNow", {}) {}
class Gone extends Schema.TaggedError<Gone>()("Gone", {}) {}
class Broken extends Schema.TaggedError<Broken>()("Broken", {}) {}
class Confused extends Schema.TaggedError<Confused>()("Confused", {}) {}
class Lost extends Schema.TaggedError<Lost>()("Lost", {}) {}

const failures = { NotNow, Gone, Broken, Confused, Lost }
export type Fault = keyof typeof failures

/** A key that is tried again waits for so long, unless a test says otherwise. */
export const RETRY_MILLIS = 500

/** Asking for its key is a defect of the actor. */
export const UNKEYABLE = "unkeyable"

export interface Notebook {
  readonly actor: AnyKeyed
  /** Loading these keys fails so, until the entry is taken out. */
  readonly faults: Map<string, Fault>
  /** Every key loaded, in order. */
  readonly loads: Array<string>
  /** Loads that began, also those that are held. */
  begun: number
  /** Awaited by every load: a test holds a turn here. */
  hold: Promise<void>
}

const empty: Page = { texts: [], at: [], label: "", awaits: undefined as never }

export const notebook = (
  settings: { readonly delays?: ReadonlyArray<number>; readonly family?: string } = {}
): Notebook => {
  const faults = new Map<string, Fault>()
  const loads: Array<string> = []
  const self = { faults, loads, begun: 0, hold: Promise.resolve() }
  const load = Effect.fnUntraced(function* (keys: ReadonlyArray<StateKey>) {
    const database = yield* Database
    self.begun++
    yield* Effect.promise(() => self.hold)
    for (const { key } of keys) {
      loads.push(key)
      const fault = faults.get(key)
      if (fault !== undefined) return yield* new failures[fault]()
    }
    return yield* database.query("notebook.load", (db) => pages(db, keys))
  })
  const actor = keyed({
    family: settings.family ?? "fraud",
    messages: NotebookMessages,
    ingress: ["note"],
    keysOf: (message: Message) => {
      if (message.body.key === UNKEYABLE) throw new Error("this note has no key")
      return message.type === "note"
        ? [message.body.key, ...message.body.and ?? []] as const
        : [message.body.key] as const
    },
    config: { schema: Label, initial: { label: "first" } },
    decide,
    load,
    save,
    overdue,
    supervision: {
      DatabaseUnavailable: Restart,
      NotNow: Retry(...settings.delays ?? Array.from({ length: 20 }, () => RETRY_MILLIS)),
      Gone: Resume,
      Broken: Stop,
      Confused: Restart,
      Lost: Escalate
    }
  })
  return Object.assign(self, { actor: actor as unknown as AnyKeyed })
}

const decide = (
  states: States<Page>,
  message: Message,
  received: Received<typeof Label.Type>
): Result.Result<Decision<Page, Row>, { readonly code: "told_to"; readonly detail: string }> => {
  const { at, config, merchant, seq } = received
  if (message.type === "rang") {
    const { due, key, timer } = message.body
    const page = states.get(key)
    if (page?.awaits?.timer !== timer || page.awaits.due !== due) return Result.succeed({})
    const { awaits: _, ...rest } = page
    return Result.succeed({
      put: [[key, written(rest, `rang ${timer}`, at, config.label)]],
      rows: [{ _tag: "Wait", key, timer, due: undefined }]
    })
  }
  const { body } = message
  if (body.defect === true) throw new Error(`cannot write ${body.text}`)
  if (body.refuse === true) return Result.fail({ code: "told_to", detail: body.text })
  const timer = `${merchant}-${body.key}`
  const due = at + (body.ringIn ?? 0)
  return Result.succeed({
    put: [body.key, ...body.and ?? []].map((key, index) => {
      const page = written(states.get(key) ?? empty, body.text, at, config.label)
      const waits = index === 0 && body.ringIn !== undefined
      return [key, waits ? { ...page, awaits: { timer, due } } : page]
    }),
    rows: [
      ...body.amount === undefined
        ? []
        : [{ _tag: "Line" as const, text: body.text, amount: body.amount }],
      ...body.ringIn === undefined ? [] : [{ _tag: "Wait" as const, key: body.key, timer, due }]
    ],
    emit: Array.from({ length: body.bytes === undefined ? body.emit ?? 0 : 1 }, (_, index) => ({
      to: body.to ?? "payments",
      type: "noted",
      key: merchant,
      body: { text: body.bytes === undefined ? `${body.text} ${index}` : "x".repeat(body.bytes) }
    })),
    events: body.event === true
      ? [{
        id: `evt_${merchant}_${seq}`,
        type: "note.taken",
        about: body.key,
        body: { text: body.text }
      }]
      : [],
    timers: body.ringIn === undefined
      ? []
      : [{ id: timer, atMillis: due, type: "rang", body: { key: body.key, timer, due } }]
  })
}

const written = (page: Page, text: string, at: number, label: string): Page => ({
  texts: [...page.texts, text],
  at: [...page.at, at],
  label,
  ...page.awaits !== undefined && { awaits: page.awaits }
})

const pages = async (
  db: Parameters<Parameters<Database["Service"]["query"]>[1]>[0],
  keys: ReadonlyArray<StateKey>
) => {
  const { rows } = await sql<{ merchant: string; key: string; doc: Page }>`
    select merchant, key, doc from unnest(${keys.map(({ merchant }) => merchant)}::text[],
      ${keys.map(({ key }) => key)}::text[]) as wanted (merchant, key)
    join notes using (merchant, key)`.execute(db)
  return new Map(rows.map(({ doc, key, merchant }) => [stateKey(merchant, key), doc]))
}

const save = (writes: TurnWrites<Page, Row>): ReadonlyArray<Statement> => [
  savePages(writes.states),
  ...writes.rows.map(({ merchant, partition, row, seq }) => {
    if (row._tag === "Line") {
      return sql`insert into lines (partition, seq, merchant, text, amount)
        values (${partition}, ${seq}, ${merchant}, ${row.text}, ${row.amount})`
    }
    if (row.due === undefined) return sql`delete from waits where timer = ${row.timer}`
    return sql`insert into waits (timer, partition, merchant, key, due)
        values (${row.timer}, ${partition}, ${merchant}, ${row.key}, ${row.due})
        on conflict (timer) do update set due = excluded.due`
  })
]

const savePages = (states: ReadonlyArray<SavedState<Page>>): Statement =>
  sql`insert into notes (merchant, key, doc)
    select merchant, key, doc::jsonb from unnest(${states.map(({ merchant }) => merchant)}::text[],
      ${states.map(({ key }) => key)}::text[], ${states.map(({ json }) => json)}::text[])
      as changed (merchant, key, doc)
    on conflict (merchant, key) do update set doc = excluded.doc`

const overdue = Effect.fnUntraced(function* (partition: number, before: number) {
  const database = yield* Database
  const { rows } = yield* database.query(
    "notebook.overdue",
    (db) =>
      sql<{ timer: string; merchant: string; key: string; due: string }>`
      select * from waits where partition = ${partition} and due < ${before}`.execute(db)
  )
  return rows.map(({ due, key, merchant, timer }) => ({
    id: timer,
    merchant,
    atMillis: Number(due),
    type: "rang",
    body: { key, timer, due: Number(due) }
  }))
})

/** The notebook's own tables. */
export const makeNotebookTables = async (databaseUrl: string): Promise<void> => {
  for (
    const statement of [
      `create table notes (merchant text, key text, doc jsonb, primary key (merchant, key))`,
      `create table lines (partition int, seq bigint, merchant text, text text,
        amount int check (amount > 0))`,
      `create table waits (timer text primary key, partition int, merchant text, key text,
        due bigint)`
    ]
  ) await query(databaseUrl, statement)
}

/** What is written on one page. */
export const pageOf = async (
  databaseUrl: string,
  merchant: string,
  key: string
): Promise<Page | undefined> =>
  (await query(databaseUrl, "select doc from notes where merchant = $1 and key = $2", [
    merchant,
    key
  ]))[0]?.doc
