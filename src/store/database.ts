import { Context, Effect, Layer, Schema } from "effect"
import { Kysely, PostgresDialect } from "kysely"
import pg from "pg"
import { Fenced, isFence } from "./fence.ts"
import { inTransaction, type Trx } from "./pipelined.ts"
import { PreparedClient } from "./preparedClient.ts"
import { rehearse, type Statement, together } from "./statements.ts"

/** PostgreSQL did not answer. Transient, private: try again later, never show it to a payer. */
export class DatabaseUnavailable
  extends Schema.TaggedError<DatabaseUnavailable>()("DatabaseUnavailable", {
    query: Schema.String,
    cause: Schema.Defect()
  }) {
  override get message() {
    return `${this.query}: ${this.cause instanceof Error ? this.cause.message : this.cause}`
  }
}

/** PostgreSQL answered that the data is wrong (a value, a constraint): a defect of some message. */
export class DataRefused extends Schema.TaggedError<DataRefused>()("DataRefused", {
  query: Schema.String,
  sqlState: Schema.String,
  cause: Schema.Defect()
}) {
  override get message() {
    return `${this.query}: ${this.cause instanceof Error ? this.cause.message : this.cause}`
  }
}

/** Statements are written as `sql<Row>`; test/store/sql.test.ts checks every one against the schema. */
export type Db = Kysely<unknown>
export type { Statement, Trx }

/** A worker that stops between two statements must not hold a lock for long: the server ends it. */
const IDLE_IN_TRANSACTION_MILLIS = 3_000
const LOCK_TIMEOUT_MILLIS = 5_000
/** Connections per process. Turns beyond it wait for a free one. */
const POOL_CONNECTIONS_MAX = 24
const CONNECT_TIMEOUT_MILLIS = 5_000

/** Statements are promises of kysely's where they are written; what runs them are Effects with named failures. */
export class Database extends Context.Service<Database, {
  readonly query: <A>(
    name: string,
    run: (db: Db) => Promise<A>
  ) => Effect.Effect<A, DatabaseUnavailable>
  /** Commits when `run` resolves and rolls back when it rejects. */
  readonly transaction: <A>(
    name: string,
    run: (trx: Trx) => Promise<A>
  ) => Effect.Effect<A, DatabaseUnavailable | DataRefused>
  /** All statements in one message, all of them or none: the cheapest commit there is. */
  readonly together: (
    name: string,
    statements: () => ReadonlyArray<Statement>
  ) => Effect.Effect<void, DatabaseUnavailable | DataRefused>
  /** Runs it and takes it all back: tells whether it would be taken. */
  readonly rehearsal: (
    name: string,
    statements: () => ReadonlyArray<Statement>
  ) => Effect.Effect<void, DatabaseUnavailable | DataRefused>
}>()("lastro/store/Database") {
  static readonly layerOf = (url: string, connectionsMax = POOL_CONNECTIONS_MAX) =>
    Layer.effect(Database, make(url, connectionsMax))
}

const make = Effect.fnUntraced(function* (url: string, connectionsMax: number) {
  const pool = openPool(url, connectionsMax)
  const db = yield* Effect.acquireRelease(
    Effect.sync(() => overPool(pool)),
    (db) => Effect.promise(() => db.destroy())
  )
  return Database.of({
    query: (name, run) =>
      Effect.tryPromise({
        try: () => run(db),
        catch: (cause) => cause
      }).pipe(
        Effect.catch((cause) => {
          const failure = classify(name, cause)
          return failure._tag === "DatabaseUnavailable" ? Effect.fail(failure) : Effect.die(failure)
        })
      ),
    transaction: (name, run) =>
      Effect.tryPromise({
        try: () => inTransaction(pool, run),
        catch: (cause) => classify(name, cause)
      }).pipe(Effect.uninterruptible),
    together: (name, statements) =>
      Effect.tryPromise({
        try: () => together(pool, statements()),
        catch: (cause) => classify(name, cause)
      }).pipe(Effect.uninterruptible),
    rehearsal: (name, statements) =>
      Effect.tryPromise({
        try: () => rehearse(pool, statements()),
        catch: (cause) => classify(name, cause)
      })
  })
})

export const connect = (url: string, connectionsMax = POOL_CONNECTIONS_MAX): Db =>
  overPool(openPool(url, connectionsMax))

const overPool = (pool: pg.Pool): Db =>
  new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) })

const openPool = (url: string, connectionsMax: number): pg.Pool => {
  const pool = new pg.Pool({
    connectionString: url,
    max: connectionsMax,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MILLIS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MILLIS,
    lock_timeout: LOCK_TIMEOUT_MILLIS,
    application_name: "lastro",
    // Statements of one connection do not wait for each other's answers.
    pipeline: true,
    Client: PreparedClient
  } as pg.PoolConfig)
  // A connection that dies while idle is replaced on the next use; without a listener it would end the process.
  pool.on("error", () => {})
  return pool
}

/** 22: a value that does not fit; 23: a broken constraint; 54: a value beyond a limit. The rest is the server's trouble. */
const classify = (query: string, cause: unknown): DatabaseUnavailable | DataRefused => {
  // Told by a statement behind the fence: what counts is the fence.
  if (isFence(cause)) {
    return new DatabaseUnavailable({
      query,
      cause: new Fenced(`${query}: another owner committed`)
    })
  }
  const sqlState = (cause as { code?: unknown } | undefined)?.code
  if (typeof sqlState === "string" && /^(22|23|54)...$/.test(sqlState)) {
    return new DataRefused({ query, sqlState, cause })
  }
  return new DatabaseUnavailable({ query, cause })
}
