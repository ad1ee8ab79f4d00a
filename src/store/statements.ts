import { createQueryId, PostgresQueryCompiler, type RawBuilder } from "kysely"
import pg from "pg"
import { serialize } from "pg-protocol"
import { nameOf } from "./preparedClient.ts"

/** One statement of a turn, not sent yet. What it returns is not read. */
export type Statement = RawBuilder<unknown>

/** The statement for rows, where there are any. */
export const forAny = <Row>(
  rows: ReadonlyArray<Row>,
  statement: (rows: ReadonlyArray<Row>) => Statement
): ReadonlyArray<Statement> => rows.length === 0 ? [] : [statement(rows)]

interface Compiled {
  readonly text: string
  readonly name: string
  readonly values: ReadonlyArray<unknown>
}

/**
 * Statements that PostgreSQL takes all or none of, sent as one message and answered by one. Where each is
 * sent by itself the server answers each, and a turn of a dozen costs both sides a dozen reads and writes;
 * and a worker that freezes between two of them keeps its locks.
 */
export const together = async (
  pool: pg.Pool,
  statements: ReadonlyArray<Statement>
): Promise<void> => {
  const compiled = statements.map(compile)
  await withClient(pool, (client) => send(client, compiled))
}

/** Does it all and takes it all back: tells whether it would be taken. */
export const rehearse = async (
  pool: pg.Pool,
  statements: ReadonlyArray<Statement>
): Promise<void> => {
  const compiled = statements.map(compile)
  await withClient(pool, async (client) => {
    await client.query("begin")
    await send(client, compiled).finally(() => client.query("rollback"))
  })
}

const withClient = async (pool: pg.Pool, run: (client: pg.PoolClient) => Promise<void>) => {
  const client = await pool.connect()
  let broken = true
  try {
    await run(client)
    broken = false
  } catch (error) {
    // A refusal leaves the connection as it was; "FATAL" is its last word.
    broken = !(error instanceof pg.DatabaseError && error.severity === "ERROR")
    throw error
  } finally {
    client.release(broken)
  }
}

const compiler = new PostgresQueryCompiler()

const compile = (statement: Statement): Compiled => {
  const { parameters, sql } = compiler.compileQuery(statement.toOperationNode(), createQueryId())
  return { text: sql, name: nameOf(sql) ?? "", values: parameters.map(prepareValue) }
}

/** How node-postgres writes a parameter. */
const { prepareValue } =
  (pg as unknown as { utils: { prepareValue: (value: unknown) => unknown } }).utils

/** What node-postgres keeps of a connection: which statements its server knows by name. */
interface Wire {
  readonly parsedStatements: Record<string, string | undefined>
  readonly stream: { write: (bytes: Uint8Array) => void }
  on(event: "parseComplete", listener: () => void): void
  removeListener(event: "parseComplete", listener: () => void): void
}

/** Outside a transaction block it is one of its own: it ends with the one `Sync`, or with the first error. */
const send = (client: pg.PoolClient, statements: ReadonlyArray<Compiled>): Promise<void> =>
  new Promise((resolve, reject) => {
    let wire: Wire | undefined
    let parsing: Array<Compiled> = []
    const parsed = () => {
      const { name, text } = parsing.shift()!
      if (name !== "") wire!.parsedStatements[name] = text
    }
    const ended = (end: () => void) => {
      wire?.removeListener("parseComplete", parsed)
      end()
    }
    client.query(Object.assign(new pg.Query(""), {
      callback: () => {},
      submit: (connection: pg.Connection) => {
        wire = connection as unknown as Wire
        wire.on("parseComplete", parsed)
        parsing = unknownOf(statements, wire.parsedStatements)
        wire.stream.write(messageOf(statements, parsing))
      },
      handleRowDescription: () => {},
      handleDataRow: () => {},
      handleCommandComplete: () => {},
      handleEmptyQuery: () => {},
      handleError: (error: Error) => ended(() => reject(error)),
      handleReadyForQuery: () => ended(resolve)
    }))
  })

/** Those that have to be parsed first, each text once. */
const unknownOf = (
  statements: ReadonlyArray<Compiled>,
  known: Readonly<Record<string, string | undefined>>
): Array<Compiled> => {
  const seen = new Set<string>()
  return statements.filter(({ name }) => {
    const isNew = name === "" || (known[name] === undefined && !seen.has(name))
    seen.add(name)
    return isNew
  })
}

const messageOf = (
  statements: ReadonlyArray<Compiled>,
  parsing: ReadonlyArray<Compiled>
): Uint8Array => {
  const parse = new Set(parsing)
  const parts: Array<Uint8Array> = []
  for (const statement of statements) {
    const { name, text, values } = statement
    if (parse.has(statement)) parts.push(serialize.parse({ text, name }))
    parts.push(serialize.bind({ statement: name, values: [...values] }), serialize.execute())
  }
  return Buffer.concat([...parts, serialize.sync()])
}
