import {
  type CompiledQuery,
  type DatabaseConnection,
  DefaultQueryExecutor,
  PostgresAdapter,
  PostgresQueryCompiler,
  type QueryExecutorProvider,
  type QueryResult
} from "kysely"
import type { Writable } from "node:stream"
import type pg from "pg"

/**
 * A database transaction whose statements are sent as they are asked for, in that order, without
 * waiting for the answers in between; kysely's own waits for each.
 */
export type Trx = QueryExecutorProvider

/** "current transaction is aborted": what every statement after the one at fault is told. */
const ABORTED = "25P02"

class PipelinedConnection implements DatabaseConnection {
  /** The first statement that failed. Later failures only follow from it. */
  firstFailure: unknown
  /** Set before commit and rollback: a straggler must not run in the connection's next transaction. */
  over = false
  private readonly client: pg.PoolClient

  constructor(client: pg.PoolClient) {
    this.client = client
  }

  async executeQuery<R>(compiled: CompiledQuery): Promise<QueryResult<R>> {
    if (this.over || this.firstFailure !== undefined) {
      throw this.firstFailure ?? new Error("the database transaction is over")
    }
    try {
      const { rowCount, rows } = await this.client.query(compiled.sql, [...compiled.parameters])
      return { rows: rows as Array<R>, numAffectedRows: BigInt(rowCount ?? 0) }
    } catch (error) {
      this.firstFailure ??= error
      throw error
    }
  }

  streamQuery(): never {
    throw new Error("a turn reads nothing row by row")
  }
}

/** What is asked for at once leaves in one write instead of one for each statement. */
const sentTogether = <A>(client: pg.PoolClient, ask: () => Promise<A>): Promise<A> => {
  const { stream } = (client as unknown as { connection: { stream: Writable } }).connection
  stream.cork()
  try {
    return ask()
  } finally {
    stream.uncork()
  }
}

const compiler = new PostgresQueryCompiler()
const adapter = new PostgresAdapter()

const transactionOn = (connection: PipelinedConnection): Trx => {
  const executor = new DefaultQueryExecutor(compiler, adapter, {
    provideConnection: (consumer) => consumer(connection)
  })
  return { getExecutor: () => executor }
}

/** Commits when `run` resolves and every statement succeeded; rolls back otherwise. */
export const inTransaction = async <A>(
  pool: pg.Pool,
  run: (trx: Trx) => Promise<A>
): Promise<A> => {
  const client = await pool.connect()
  const connection = new PipelinedConnection(client)
  let broken: Error | undefined
  try {
    const value = await sentTogether(
      client,
      () =>
        Promise.all([client.query("begin"), run(transactionOn(connection))]).then((both) => both[1])
    )
    connection.over = true
    const { command } = await client.query("commit")
    // A failed statement nobody waited for would end here, and must not look like a commit.
    if (command === "ROLLBACK") {
      throw connection.firstFailure ?? new Error("rolled back")
    }
    return value
  } catch (error) {
    connection.over = true
    await client.query("rollback").catch((cause: Error) => {
      broken = cause
    })
    const { firstFailure } = connection
    const isEcho = (error as { code?: unknown }).code === ABORTED && firstFailure !== undefined
    throw isEcho ? firstFailure : error
  } finally {
    client.release(broken)
  }
}
