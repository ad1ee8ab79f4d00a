import { sql } from "kysely"
import { type Migration, Migrator } from "kysely/migration"
import { OLDEST } from "../../migrations/index.ts"
import { connect, type Db } from "./database.ts"

type Migrations = Readonly<Record<string, Migration>>

/** The database is not one that this version can go on with. Nothing was done to it. */
export class DatabaseOfOtherVersion extends Error {}

const withMigrator = async <A>(
  url: string,
  migrations: Migrations,
  use: (migrator: Migrator, db: Db) => Promise<A>
): Promise<A> => {
  const db = connect(url, 1)
  try {
    const migrator = new Migrator({
      // deno-lint-ignore no-explicit-any
      db: db as any,
      provider: { getMigrations: () => Promise.resolve({ ...migrations }) },
      // Several were written at once, and some of a lower number came into use after those of a higher one.
      allowUnorderedMigrations: true
    })
    return await use(migrator, db)
  } finally {
    await db.destroy()
  }
}

/** Applies what has not run yet, one process at a time (kysely holds a lock meanwhile). */
export const migrate = (url: string, migrations: Migrations): Promise<ReadonlyArray<string>> =>
  withMigrator(url, migrations, async (migrator, db) => {
    refuseOthers(await executed(db), migrations)
    const { error, results } = await migrator.migrateToLatest()
    if (error !== undefined) throw error
    return (results ?? []).map(({ migrationName }) => migrationName)
  })

/** What has run on it, by whatever version. */
const executed = async (db: Db): Promise<ReadonlyArray<string>> => {
  const { rows } = await sql<{ made: boolean }>`
    select to_regclass('kysely_migration') is not null as made`.execute(db)
  if (!rows[0]!.made) return []
  const { rows: ran } = await sql<{ name: string }>`
    select name from kysely_migration order by name`.execute(db)
  return ran.map(({ name }) => name)
}

const refuseOthers = (ran: ReadonlyArray<string>, migrations: Migrations): void => {
  const unknown = ran.filter((name) => !(name in migrations))
  if (unknown.length > 0) {
    throw new DatabaseOfOtherVersion(
      `the database is of a newer version than this one, which does not know ${
        unknown.join(", ")
      }: ` +
        "nothing was done. Start that version again, or restore a copy from before it."
    )
  }
  if (ran.length > 0 && !ran.includes(OLDEST)) {
    throw new DatabaseOfOtherVersion(
      `the database is of a version before ${OLDEST}, and its turns cannot be read any more: ` +
        "nothing was done. Go on with the version that made it, or start on an empty one."
    )
  }
}

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
