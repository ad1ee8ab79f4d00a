import { Effect, Schema } from "effect"
import { Database, type Statement } from "../store/database.ts"
import { documentsOf, saveDocuments } from "../store/documents.ts"
import { forAny } from "../store/statements.ts"
import { type SavedState, type StateKey, stateKey } from "./actor.ts"

/**
 * States kept as one document each, in a table of `merchant`, `key` (together its primary key) and `doc`.
 * Whatever else is asked of them wants columns, and SQL of its own.
 */
export const documentTable = <State>(table: string, schema: Schema.Codec<State, unknown>) => {
  const decode = Schema.decodeUnknownSync(schema)
  return {
    load: Effect.fnUntraced(function* (keys: ReadonlyArray<StateKey>) {
      const database = yield* Database
      const rows = yield* database.query(
        `${table}.load`,
        (db) => documentsOf(db, table, keys)
      )
      return new Map(
        rows.map(({ doc, key, merchant }) => [stateKey(merchant, key), decode(doc)] as const)
      )
    }),
    save: (
      { states }: { readonly states: ReadonlyArray<SavedState<State>> }
    ): ReadonlyArray<Statement> => forAny(states, (some) => saveDocuments(table, some))
  }
}
