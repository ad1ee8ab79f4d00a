import { type Kysely, sql } from "kysely"

/**
 * Documents that nobody asks about, as the texts they are: making `jsonb` of one costs PostgreSQL more than
 * writing it (measured), and it is read whole. The tables are written anew, which takes a while where they
 * are large.
 */
export const up = async (db: Kysely<unknown>): Promise<void> => {
  const columns = {
    turns: ["tails", "emitted", "notes"],
    events: ["body"],
    fraud_profiles: ["doc"],
    recon_states: ["doc"],
    webhook_deliveries: ["doc"]
  }
  for (const [table, names] of Object.entries(columns)) {
    const changes = names.map((name) => `alter column ${name} type json using ${name}::json`)
    await sql.raw(`alter table ${table} ${changes.join(", ")}`).execute(db)
  }
}
