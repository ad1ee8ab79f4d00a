import { Context, Effect, Layer, Scope } from "effect"
import { migrations } from "../../migrations/index.ts"
import { writeJournal } from "../../src/ledger/write.ts"
import type { Booked } from "../../src/ledger/journal.ts"
import { connect, Database, type Db, type Statement } from "../../src/store/database.ts"
import { migrate } from "../../src/store/migrate.ts"
import { dropDatabase, ensureDatabase } from "../../src/store/provision.ts"
import { freshDatabaseUrl } from "./lastro.ts"

/** A migrated database and the ledger's own way of writing into it. */
export interface Journals {
  readonly databaseUrl: string
  readonly db: Db
  /** One turn: all of it or nothing. */
  readonly write: (booked: ReadonlyArray<Booked>) => Promise<void>
  /** What a family saves of one turn. */
  readonly together: (statements: () => ReadonlyArray<Statement>) => Promise<void>
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
  const together: Journals["together"] = (statements) =>
    Effect.runPromise(database.together("test.write", statements))
  return {
    databaseUrl,
    db,
    write: (booked) => together(() => writeJournal(booked)),
    together,
    stop: async () => {
      await Effect.runPromise(Scope.close(scope, { _tag: "Success", value: undefined } as never))
      await db.destroy()
      await dropDatabase(databaseUrl)
    }
  }
}
