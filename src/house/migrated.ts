import { migrations } from "../../migrations/index.ts"
import { StackError } from "../stack/stack.ts"
import { DatabaseOfOtherVersion, migrate } from "../store/migrate.ts"

/** Brings a database to this version and answers what was applied; one of another version is refused in a sentence. */
export const migrated = (url: string): Promise<ReadonlyArray<string>> =>
  migrate(url, migrations).catch((error) => {
    throw error instanceof DatabaseOfOtherVersion ? new StackError(error.message) : error
  })
