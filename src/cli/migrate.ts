import { databaseRefused } from "../stack/checks.ts"
import { StackError } from "../stack/stack.ts"
import { checkServer, ensureDatabase } from "../store/provision.ts"
import type { CliCommand } from "../house/command.ts"
import { migrated } from "../house/migrated.ts"
import { takesNothing } from "../house/usage.ts"

const usage = `Usage: lastro migrate

Brings the database that DATABASE_URL names to this version, forward only, and creates it where it is
not there. Workers and edges of the version before go on meanwhile. Streams are the work of
"lastro topology apply".

  DATABASE_URL    postgres://user:password@host:5432/database, of a user who may create tables`

export const migrate: CliCommand = {
  summary: "Bring the database to this version",
  usage,
  run: async (args, environment) => {
    takesNothing(args)
    const url = environment["DATABASE_URL"]
    if (url === undefined) {
      throw new StackError("lastro migrate needs DATABASE_URL: postgres://user@host:5432/database")
    }
    await checkServer(url).catch((error) => {
      if ((error as { code?: string }).code !== "3D000") throw databaseRefused(url, error)
      return ensureDatabase(url)
    })
    const applied = await migrated(url)
    console.log(applied.length === 0 ? "Nothing to do." : `Applied: ${applied.join(", ")}`)
    return 0
  }
}
