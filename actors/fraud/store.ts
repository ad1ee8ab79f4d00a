import { Effect, Schema } from "effect"
import { sql } from "kysely"
import type { SavedState, StateKey } from "../../src/runtime/actor.ts"
import { stateKey } from "../../src/runtime/actor.ts"
import { Database, type Statement } from "../../src/store/database.ts"
import { rowsOf } from "../../src/store/rowsOf.ts"
import { forAny } from "../../src/store/statements.ts"
import { Profile } from "./state.ts"

interface ProfileRow {
  readonly merchant: string
  readonly key: string
  readonly doc: unknown
}

const decode = Schema.decodeUnknownSync(Profile)

export const load = Effect.fnUntraced(function* (keys: ReadonlyArray<StateKey>) {
  const database = yield* Database
  const { rows } = yield* database.query("fraud.load", (db) =>
    sql<ProfileRow>`
      select merchant, key, doc
      from unnest(
        ${keys.map(({ merchant }) => merchant)}::text[],
        ${keys.map(({ key }) => key)}::text[]
      ) as wanted (merchant, key)
      join fraud_profiles using (merchant, key)
    `.execute(db))
  return new Map(rows.map((row) => [stateKey(row.merchant, row.key), decode(row.doc)]))
})

export const save = (
  { states }: { readonly states: ReadonlyArray<SavedState<Profile>> }
): ReadonlyArray<Statement> => forAny(states, saveProfiles)

const saveProfiles = (states: ReadonlyArray<SavedState<Profile>>): Statement =>
  sql`
    insert into fraud_profiles (merchant, key, doc)
    select * from ${
    rowsOf(states, {
      merchant: ["text", ({ merchant }) => merchant],
      key: ["text", ({ key }) => key],
      doc: ["jsonb", ({ json }) => json]
    })
  } as changed
    on conflict (merchant, key) do update set doc = excluded.doc`
