import pg from "pg"
import { Effect } from "effect"
import { open } from "../../bus/connection.ts"
import { streamFacts } from "../../bus/tail.ts"
import type { Stack } from "../../stack/stack.ts"
import { mailboxes } from "../../../streams/mailboxes.ts"

export interface Counts {
  readonly payments: number
  /** Rows inserted and updated, as PostgreSQL counts them. */
  readonly rowsWritten: number
  /** Messages stored by JetStream, timers aside. */
  readonly messages: number
}

export const counts = async (stack: Stack): Promise<Counts> => {
  const client = new pg.Client({ connectionString: stack.databaseUrl })
  await client.connect()
  const { rows: [row] } = await client.query(`
    select (select count(*)::int from payments) as payments,
      (select sum(n_tup_ins + n_tup_upd)::int from pg_stat_user_tables) as written`)
  await client.end()
  const { password, user } = stack.nats.admin
  const messages = await Effect.runPromise(Effect.scoped(Effect.gen(function* () {
    const { nc } = yield* open({ urls: stack.natsUrls, user, password, name: "lastro-counts" })
    const facts = yield* Effect.forEach(
      [...mailboxes.map(({ stream }) => stream), "EVENTS"],
      (stream) => streamFacts(nc, stream)
    )
    return facts.reduce((sum, { lastSeq }) => sum + lastSeq, 0)
  })))
  return { payments: row.payments, rowsWritten: row.written, messages }
}
