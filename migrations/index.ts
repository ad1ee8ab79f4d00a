import type { Kysely } from "kysely"
import * as machine from "./0001_machine.ts"

/** In order; a migration that has run anywhere is never edited. */
export const migrations: Readonly<Record<string, { up: (db: Kysely<unknown>) => Promise<void> }>> =
  {
    "0001_machine": machine
  }
