import { type Migration, Migrator } from "kysely/migration"
import { connect } from "./database.ts"

/** Applies what has not run yet, one process at a time (kysely holds a lock meanwhile). */
export const migrate = async (
  url: string,
  migrations: Readonly<Record<string, Migration>>
): Promise<ReadonlyArray<string>> => {
  const db = connect(url, 1)
  try {
    const migrator = new Migrator({
      // deno-lint-ignore no-explicit-any
      db: db as any,
      provider: { getMigrations: () => Promise.resolve({ ...migrations }) }
    })
    const { error, results } = await migrator.migrateToLatest()
    if (error !== undefined) throw error
    return (results ?? []).map(({ migrationName }) => migrationName)
  } finally {
    await db.destroy()
  }
}
