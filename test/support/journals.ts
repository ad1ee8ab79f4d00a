import { Context, Effect, Layer, Scope } from "effect"
import { migrations } from "../../migrations/index.ts"
import { type Booked, writeJournal } from "../../src/ledger/write.ts"
import { connect, Database, type Db } from "../../src/store/database.ts"
import { migrate } from "../../src/store/migrate.ts"
import { dropDatabase, ensureDatabase } from "../../src/store/provision.ts"
import { freshDatabaseUrl } from "./lastro.ts"

/** A migrated database and the ledger's own way of writing into it. */
export interface Journals {
  readonly databaseUrl: string
  readonly db: Db
  /** One turn: all of it or nothing. */
  readonly write: (booked: ReadonlyArray<Booked>) => Promise<void>
  readonly stop: () => Promise<void>
}

export const startJournals = async (): Promise<Journals> => {
  const databaseUrl = freshDatabaseUrl()
  await ensureDatabase(databaseUrl)
  await migrate(databaseUrl, migrations)
  const db = connect(databaseUrl, 4)
  const scope = Scope.makeUnsafe()
  const context = await Effect.runPromise(
    Layer.buildWithScope(Database.layerOf(databaseUrl, 4), scope)
  )
  const database = Context.get(context, Database)
  return {
    databaseUrl,
    db,
    write: (booked) =>
      Effect.runPromise(database.transaction("test.write", (trx) => writeJournal(trx, booked))),
    stop: async () => {
      await Effect.runPromise(Scope.close(scope, { _tag: "Success", value: undefined } as never))
      await db.destroy()
      await dropDatabase(databaseUrl)
    }
  }
}
