import { migrations } from "../../migrations/index.ts"
import { type Mailbox, mailboxes } from "../../streams/mailboxes.ts"
import { StackError } from "../stack/stack.ts"
import { connect } from "../store/database.ts"
import { cursorFamilies } from "../store/machine.ts"
import { DatabaseOfOtherVersion, migrate } from "../store/migrate.ts"

/** Brings a database to this version and answers what was applied; one of another version is refused in a sentence. */
export const migrated = async (
  url: string,
  layout: ReadonlyArray<Mailbox> = mailboxes
): Promise<ReadonlyArray<string>> => {
  const db = connect(url, 1)
  const apart = (await cursorFamilies(db).finally(() => db.destroy()))
    .filter((family) => !layout.some(({ mailbox }) => mailbox === family))
  if (apart.length > 0) {
    throw new StackError(
      `the database is one whose families ${
        apart.join(", ")
      } have cursors of their own, which no mailbox ` +
        "of this version goes on from: nothing was done. " +
        "Go on with the version that made it, or begin anew with another database (docs/upgrades.md)."
    )
  }
  return await migrate(url, migrations).catch((error) => {
    throw error instanceof DatabaseOfOtherVersion ? new StackError(error.message) : error
  })
}
