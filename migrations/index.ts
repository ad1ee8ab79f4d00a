import type { Kysely } from "kysely"
import * as machine from "./0001_machine.ts"
import * as ledger from "./0002_ledger.ts"
import * as payments from "./0003_payments.ts"
import * as fraud from "./0004_fraud.ts"

/** In order; a migration that has run anywhere is never edited. */
export const migrations: Readonly<Record<string, { up: (db: Kysely<unknown>) => Promise<void> }>> =
  {
    "0001_machine": machine,
    "0002_ledger": ledger,
    "0003_payments": payments,
    "0004_fraud": fraud
  }
