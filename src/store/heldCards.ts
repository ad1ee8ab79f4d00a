import { sql } from "kysely"
import { cardPointersIn } from "../domain/cardPointers.ts"
import { withoutLongNumbers } from "../domain/cardNumber.ts"
import type { Db } from "./database.ts"

/** Rows looked at of one table: all of a small one, a sample of its blocks where it is larger. */
export const ROWS_LOOKED_AT_MAX = 2_000

/** What merchants and producers may have written into, by table. Bytes of letters are shown to nobody. */
const columnsByTable = {
  accounts: "path",
  action_chain: "entry",
  api_keys: "name, merchant",
  balances: "id, doc",
  dead_letters: "merchant, actor_key, type, cause",
  disputes: "dispute_id, doc",
  events: "about, body",
  fx_conversions: "doc",
  fx_quotes: "doc",
  idempotency_keys: "key, operation, refusal",
  notifications: "recipient, subject, body",
  operator_actions: "who, actor_key, why, outcome",
  parked_keys: "merchant, actor_key, reason",
  payment_past: "doc",
  payments: "doc",
  payouts: "doc",
  recon_findings: "charge_id, reason",
  refused_commands: "doc",
  transfers: "doc",
  webhook_deliveries: "doc",
  webhook_directories: "doc"
} as const

/** Money in minor units, written as decimal strings: by chance it may look like any number. */
const AMOUNTS = new RegExp(
  "/(amount(_[a-z]+)?|surcharge|fee|gross|net|captured|refunded|disputed|cleared|cleared_once|returned" +
    "|given|released|taken|paid|gain|spread|spread_back|rounding|rounding_back|sold|bought" +
    "|available|in_transit|minimum|maximum|fixed|from|legs)(/\\d+)?$"
)

/** What is the merchant's own words, whatever it is called. */
const WORDS = /\/metadata\//

const isAmount = (pointer: string): boolean => AMOUNTS.test(pointer) && !WORDS.test(pointer)

/** JSON Pointers of what looks like a card number in these rows and is no amount. */
export const cardsIn = (rows: ReadonlyArray<unknown>): ReadonlyArray<string> =>
  cardPointersIn(rows).filter((pointer) => !isAmount(pointer))

/** Where card numbers stand: `payments /doc/customer/id`. The numbers themselves are not told. */
export const heldCards = async (db: Db): Promise<ReadonlyArray<string>> => {
  const places = new Set<string>()
  for (const [table, columns] of Object.entries(columnsByTable)) {
    const { rows } = await sql<Record<string, unknown>>`
      select ${sql.raw(columns)} from ${sql.table(table)}
      tablesample system (${await sampledPercent(db, table)}) limit ${ROWS_LOOKED_AT_MAX}`
      .execute(db)
    for (const pointer of cardsIn(rows)) {
      // Without the number of the row.
      places.add(`${table} ${withoutLongNumbers(pointer.replace(/^\/\d+/, ""))}`)
    }
  }
  return [...places]
}

/** A table that was never analyzed is small, and read whole. */
const sampledPercent = async (db: Db, table: string): Promise<number> => {
  const { rows } = await sql<{ rows: number }>`
    select reltuples as rows from pg_class where oid = ${table}::regclass`.execute(db)
  const { rows: known } = rows[0]!
  return known <= ROWS_LOOKED_AT_MAX ? 100 : (100 * ROWS_LOOKED_AT_MAX) / known
}
