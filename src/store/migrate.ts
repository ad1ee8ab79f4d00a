import { type Migration, Migrator } from "kysely/migration"
import { connect } from "./database.ts"

type Migrations = Readonly<Record<string, Migration>>

const withMigrator = async <A>(
  url: string,
  migrations: Migrations,
  use: (migrator: Migrator) => Promise<A>
): Promise<A> => {
  const db = connect(url, 1)
  try {
    return await use(
      new Migrator({
        // deno-lint-ignore no-explicit-any
        db: db as any,
        provider: { getMigrations: () => Promise.resolve({ ...migrations }) }
      })
    )
  } finally {
    await db.destroy()
  }
}

/** Applies what has not run yet, one process at a time (kysely holds a lock meanwhile). */
export const migrate = (url: string, migrations: Migrations): Promise<ReadonlyArray<string>> =>
  withMigrator(url, migrations, async (migrator) => {
    const { error, results } = await migrator.migrateToLatest()
    if (error !== undefined) throw error
    return (results ?? []).map(({ migrationName }) => migrationName)
  })

/** What this version needs and the database has not got. A newer database than this version is fine. */
export const pendingMigrations = (
  url: string,
  migrations: Migrations
): Promise<ReadonlyArray<string>> =>
  withMigrator(
    url,
    migrations,
    async (migrator) =>
      (await migrator.getMigrations()).filter(({ executedAt }) => executedAt === undefined)
        .map(({ name }) => name)
  )
