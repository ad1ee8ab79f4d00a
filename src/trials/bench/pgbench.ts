import { execFile } from "node:child_process"
import process from "node:process"
import { promisify } from "node:util"
import { query } from "../query.ts"

const run = promisify(execFile)

const DATABASE = "pgbench"
const SCALE = 20
const CLIENTS = 32
const THREADS = 2

/**
 * What PostgreSQL's own benchmark reaches on this server: TPC-B's transactions a second. Undefined where there is no
 * `pgbench` on the PATH.
 */
export const measurePgbench = async (
  databaseUrl: string,
  seconds: number
): Promise<number | undefined> => {
  const url = new URL(databaseUrl)
  // Arguments are shown in the process list.
  const env = { ...process.env, PGPASSWORD: decodeURIComponent(url.password) }
  url.password = ""
  url.pathname = `/${DATABASE}`
  const pgbench = async (...args: ReadonlyArray<string>) =>
    (await run("pgbench", [...args, url.href], { env })).stdout
  try {
    await run("pgbench", ["--version"])
  } catch {
    return undefined
  }
  await query(databaseUrl, `create database ${DATABASE}`)
  try {
    await pgbench("-i", "-q", "-s", String(SCALE))
    return transactionsPerSecond(
      await pgbench("-c", String(CLIENTS), "-j", String(THREADS), "-T", String(seconds))
    )
  } finally {
    await query(databaseUrl, `drop database ${DATABASE}`)
  }
}

/** Of what it says at the end. */
const transactionsPerSecond = (said: string): number => {
  const found = /^tps = ([\d.]+)/m.exec(said)?.[1]
  if (found === undefined) throw new Error(`pgbench did not say how fast it was: ${said}`)
  return Number(found)
}
