import { Effect, Result, Schema } from "effect"
import { sql } from "kysely"
import { keyed, type StateKey, stateKey, type States } from "../../runtime/actor.ts"
import { type AnyKeyed, anyKeyed } from "../../runtime/registry.ts"
import { Restart, Retry } from "../../runtime/supervision.ts"
import { Database } from "../../store/database.ts"
import { rowsOf } from "../../store/rowsOf.ts"

/** `poison` cannot be decided. */
const Count = Schema.Struct({ key: Schema.String, poison: Schema.optionalKey(Schema.Boolean) })
const Total = Schema.Struct({ total: Schema.Int })

class NotNow extends Schema.TaggedError<NotNow>()("NotNow", {}) {}

export const COUNTERS = "create table bench_counters (id text primary key, doc jsonb not null)"
const RETRY_MILLIS = 200
/** More than any measurement lasts. */
const RETRIES_MAX = 1_000

const load = (failing: ReadonlySet<string>) =>
  Effect.fnUntraced(function* (keys: ReadonlyArray<StateKey>) {
    if (keys.some(({ key }) => failing.has(key))) return yield* new NotNow()
    const database = yield* Database
    const { rows } = yield* database.query(
      "counters",
      (db) =>
        sql<{ id: string; doc: typeof Total.Type }>`select id, doc from bench_counters
            where id = any(${keys.map(({ key, merchant }) => stateKey(merchant, key))})`.execute(db)
    )
    return new Map(rows.map(({ doc, id }) => [id, doc]))
  })

/** Counts what it is told, key by key; keys in `failing` cannot be loaded as long as they are there. */
export const counter = (failing: ReadonlySet<string>): AnyKeyed =>
  anyKeyed(keyed({
    family: "fraud",
    messages: { count: Count },
    ingress: ["count"],
    keysOf: ({ body }) => [body.key],
    decide: (states: States<typeof Total.Type>, { body }, { cause }) => {
      if (body.poison === true) throw new Error("poison")
      const total = (states.get(body.key)?.total ?? 0) + 1
      return Result.succeed({
        put: [[body.key, { total }]],
        events: [{ id: `evt_${cause}`, type: "bench.counted", about: body.key, body: { cause } }]
      })
    },
    load: load(failing),
    save: ({ states }) => {
      const rows = rowsOf(states, {
        id: ["text", ({ key, merchant }) => stateKey(merchant, key)],
        doc: ["jsonb", ({ json }) => json]
      })
      return [sql`insert into bench_counters select * from ${rows} as new
        on conflict (id) do update set doc = excluded.doc`]
    },
    supervision: {
      DatabaseUnavailable: Restart,
      NotNow: Retry(...Array.from({ length: RETRIES_MAX }, () => RETRY_MILLIS))
    }
  }))
