import pg from "pg"

/** PostgreSQL 15 is the oldest whose planner and `unnest` this was measured on. */
const SERVER_VERSION_MIN = 150_000

export class ServerTooOld extends Error {
  readonly _tag = "ServerTooOld"
}

const once = async <A>(url: string, run: (client: pg.Client) => Promise<A>): Promise<A> => {
  const client = new pg.Client({ connectionString: url })
  // Its queries tell of a server that dies under them; without a listener the process would end, too.
  client.on("error", () => {})
  await client.connect()
  try {
    return await run(client)
  } finally {
    await client.end()
  }
}

/** Creates the database a URL names, through the server's own `postgres` database, as a copy of another or empty. */
export const ensureDatabase = (url: string, copied = "template1"): Promise<void> => {
  const name = new URL(url).pathname.slice(1)
  const admin = new URL(url)
  admin.pathname = "/postgres"
  return once(admin.href, async (client) => {
    const found = await client.query("select 1 from pg_database where datname = $1", [name])
    if (found.rowCount !== 0) return
    const [made, like] = [name, copied].map((one) => client.escapeIdentifier(one))
    await client.query(`create database ${made} template ${like}`)
  })
}

export const dropDatabase = (url: string): Promise<void> => {
  const name = new URL(url).pathname.slice(1)
  const admin = new URL(url)
  admin.pathname = "/postgres"
  return once(admin.href, async (client) => {
    await client.query(`drop database if exists ${client.escapeIdentifier(name)} with (force)`)
  })
}

export const checkServer = (url: string): Promise<void> =>
  once(url, async (client) => {
    const { rows } = await client.query("show server_version_num")
    if (Number(rows[0].server_version_num) < SERVER_VERSION_MIN) {
      throw new ServerTooOld(
        "PostgreSQL 15 or later is needed: upgrade the server DATABASE_URL names."
      )
    }
  })
