import { Effect } from "effect"
import { request } from "../../bus/api.ts"
import { open } from "../../bus/connection.ts"
import { query } from "../query.ts"
import type { RunningCheckout } from "./checkout.ts"
import type { Figures } from "./figures.ts"
import { type Processors, processorsOf } from "./processors.ts"

/** What a Lastro has used and written so far. */
interface Reading {
  readonly processors: Processors | undefined
  readonly walBytes: number
  readonly turns: number
  /** Rows inserted and updated, as PostgreSQL counts them. */
  readonly rows: number
  /** Messages stored by JetStream; timers, leases and controls aside. */
  readonly messages: number
}

const QUIET_MILLIS = 1_000
const QUIET_MILLIS_MAX = 30_000

/** What `run` costs for each payment, with what follows them: receipts, books, webhooks. */
export const costsOf = async <A>(
  lastro: RunningCheckout,
  run: () => Promise<A>,
  paymentsOf: (done: A) => number
): Promise<readonly [A, Figures]> => {
  await quiet(lastro)
  const before = await readingOf(lastro)
  const done = await run()
  await quiet(lastro)
  const after = await readingOf(lastro)
  return [done, perPayment(before, after, paymentsOf(done))]
}

const perPayment = (before: Reading, after: Reading, payments: number): Figures => {
  const each = (of: (one: Reading) => number) => (of(after) - of(before)) / payments
  const processors = (of: (one: Processors) => number) => each((one) => of(one.processors!))
  return {
    turns_per_payment: each(({ turns }) => turns),
    messages_per_payment: each(({ messages }) => messages),
    rows_per_payment: each(({ rows }) => rows),
    wal_bytes_per_payment: each(({ walBytes }) => walBytes),
    ...(before.processors !== undefined && {
      processor_ms_per_payment: processors((one) =>
        one.worker + one.collector + one.loadGateway + one.nats + one.postgres
      ),
      worker_ms_per_payment: processors(({ worker }) => worker),
      collector_ms_per_payment: processors(({ collector }) => collector),
      load_gateway_ms_per_payment: processors(({ loadGateway }) => loadGateway),
      nats_ms_per_payment: processors(({ nats }) => nats),
      postgres_ms_per_payment: processors(({ postgres }) => postgres)
    })
  }
}

/** Waits until nothing is stored any more. */
export const quiet = async (lastro: RunningCheckout): Promise<void> => {
  const end = performance.now() + QUIET_MILLIS_MAX
  let [known, since] = [-1, performance.now()]
  while (performance.now() - since < QUIET_MILLIS && performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, QUIET_MILLIS / 4))
    const messages = await messagesOf(lastro)
    if (messages !== known) [known, since] = [messages, performance.now()]
  }
}

const readingOf = async (lastro: RunningCheckout): Promise<Reading> => {
  const processors = processorsOf(lastro.pid)
  const [row] = await query(
    lastro.stack.databaseUrl,
    `select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8 as wal,
       (select count(*)::int from turns) as turns,
       (select sum(n_tup_ins + n_tup_upd)::float8 from pg_stat_user_tables) as rows`
  )
  return {
    processors,
    walBytes: row.wal,
    turns: row.turns,
    rows: row.rows,
    messages: await messagesOf(lastro)
  }
}

interface Listed {
  readonly config: { readonly name: string }
  readonly state: { readonly last_seq: number }
}

const isBookkeeping = (stream: string) => stream.startsWith("KV_") || stream === "TIMERS"

/** By what the server lists: another version may have other streams. */
const messagesOf = ({ stack }: RunningCheckout): Promise<number> =>
  Effect.runPromise(Effect.scoped(Effect.gen(function* () {
    const link = yield* open({ urls: stack.natsUrls, ...stack.nats.admin, name: "lastro-costs" })
    const { streams } = yield* request<{ streams: ReadonlyArray<Listed> }>(
      link.nc,
      "STREAM.LIST",
      {}
    )
    return streams.filter(({ config }) => !isBookkeeping(config.name))
      .reduce((sum, { state }) => sum + state.last_seq, 0)
  })))
