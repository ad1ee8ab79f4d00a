import { Effect } from "effect"
import {
  type Evidence,
  evidenceFault,
  evidenceOf,
  evidenceSentence
} from "../../ledger/evidence.ts"
import { trialBalance } from "../../ledger/trialBalance.ts"
import {
  commitOnce,
  recentWork,
  serverCondition,
  type TableCondition,
  tableConditions
} from "../../store/condition.ts"
import { trialBalanceOff } from "../judges/books.ts"
import type { Finding, Promised } from "./diagnosis.ts"
import type { Patient } from "./patient.ts"
import { latency } from "./latency.ts"
import { mebibytes } from "./streams.ts"

const VERSION_MIN = 150_000
const COMMITS_MEASURED = 20
const TABLES_NAMED = 4
/** Autovacuum leaves a fifth of a table dead by default; far beyond that it does not keep up. */
const DEAD_SHARE_POOR = 0.5
const DEAD_ROWS_POOR = 50_000
const RECENT_MINUTES = 10

/** What is lost with the last commits: the mailboxes go on where PostgreSQL has forgotten. */
const COMMITTED: ReadonlyArray<Promised> = ["G2", "G5", "G12", "G13", "G15", "M1", "M2"]

/** PostgreSQL's settings, its disk, its tables, and the books in it. */
export const examinePostgresql = Effect.fnUntraced(function* ({ db }: Pick<Patient, "db">) {
  const server = yield* Effect.promise(() => serverCondition(db))
  const findings: Array<Finding> = [{
    area: "postgresql",
    check: "version",
    verdict: server.version < VERSION_MIN || server.standby ? "bad" : "good",
    found: `${Math.floor(server.version / 10_000)}${server.standby ? ", a standby" : ""}`,
    ...(server.version < VERSION_MIN && { advice: "PostgreSQL 15 or later is needed" }),
    undermines: ["G2"]
  }]
  findings.push(...settings(server.settings))
  const commits: Array<number> = []
  for (let done = 0; done < COMMITS_MEASURED; done++) {
    const started = performance.now()
    yield* Effect.promise(() => commitOnce(db))
    commits.push(performance.now() - started)
  }
  findings.push(latency("postgresql", "commit", commits))
  const tables = yield* Effect.promise(() => tableConditions(db))
  const work = yield* Effect.promise(() => recentWork(db, RECENT_MINUTES))
  findings.push(
    ...growth(tables, work),
    books(yield* Effect.promise(() => trialBalance(db))),
    evident(yield* Effect.promise(() => evidenceOf(db)))
  )
  return findings
})

const settings = (found: Readonly<Record<string, string>>): ReadonlyArray<Finding> => {
  const finding = (
    name: string,
    wanted: (value: string) => boolean,
    advice: string,
    undermines: ReadonlyArray<Promised>,
    otherwise: "bad" | "poor" = "bad"
  ): Finding => {
    const value = found[name]
    const good = value !== undefined && wanted(value)
    return {
      area: "postgresql",
      check: name,
      verdict: value === undefined ? "unknown" : good ? "good" : otherwise,
      found: value ?? "not told",
      ...(!good && { advice }),
      undermines
    }
  }
  const limited = (value: string) => Number(value) > 0
  return [
    finding(
      "fsync",
      (value) => value === "on",
      "turn it on: a power failure may lose or break everything",
      COMMITTED
    ),
    finding(
      "synchronous_commit",
      (value) => value !== "off",
      "turn it on: a crash loses the last commits, whose messages were sent already",
      COMMITTED
    ),
    finding(
      "full_page_writes",
      (value) => value === "on",
      "turn it on, unless the file system itself never tears a page",
      COMMITTED
    ),
    finding(
      "idle_in_transaction_session_timeout",
      limited,
      "a frozen worker would hold its cursor for ever",
      ["G8"]
    ),
    finding("lock_timeout", limited, "a take-over would wait for ever", ["G8"]),
    finding(
      "default_transaction_read_only",
      (value) => value === "off",
      "this server or user cannot write",
      ["G2"]
    ),
    finding(
      "data_checksums",
      (value) => value === "on",
      "without checksums a broken page is read as if it were whole",
      [],
      "poor"
    )
  ]
}

/** Sizes, what a message adds at the present rate, and whether vacuum keeps up. */
const growth = (
  tables: ReadonlyArray<TableCondition>,
  work: { readonly turns: number; readonly messages: number }
): ReadonlyArray<Finding> => {
  const bytes = tables.reduce((sum, one) => sum + one.bytes, 0)
  const largest = tables.slice(0, TABLES_NAMED).map((one) => `${one.name} ${mebibytes(one.bytes)}`)
  const turns = tables.find(({ name }) => name === "turns")
  const perTurn = bytes / Math.max(1, turns?.live ?? 0)
  const perDay = work.turns * perTurn * (1_440 / RECENT_MINUTES)
  const behind = tables.filter(({ dead, live }) =>
    dead > DEAD_ROWS_POOR && dead > DEAD_SHARE_POOR * (live + dead)
  )
  const closed = tables.filter(({ writable }) => !writable).map(({ name }) => name)
  return [{
    area: "postgresql",
    check: "growth",
    verdict: behind.length > 0 ? "poor" : "good",
    found: `${mebibytes(bytes)} in ${tables.length} tables (${largest.join(", ")}); at the rate ` +
      `of the last ${RECENT_MINUTES} minutes (${work.turns} turns) ${mebibytes(perDay)} a day` +
      (behind.length > 0 ? `; mostly dead rows in ${behind.map(({ name }) => name)}` : ""),
    ...(behind.length > 0 && { advice: "autovacuum does not keep up: give it more of the disk" }),
    undermines: []
  }, {
    area: "postgresql",
    check: "rights",
    verdict: closed.length > 0 ? "bad" : "good",
    found: closed.length > 0
      ? `this user may not write ${closed.join(", ")}`
      : "this user may read and write every table",
    ...(closed.length > 0 && { advice: "let Lastro's user own its tables" }),
    undermines: ["G2"]
  }]
}

const books = (lines: Awaited<ReturnType<typeof trialBalance>>): Finding => {
  const off = lines.filter((line) => trialBalanceOff([line]).length > 0)
  return {
    area: "ledger",
    check: "trial balance",
    verdict: off.length > 0 ? "bad" : "good",
    found: off.length > 0
      ? off.map((one) =>
        `${one.currency}: debits less credits ${one.difference}, of holds ` +
        `${one.pending_difference}, accounts less journal ${one.journal_difference}`
      ).join("; ")
      : `0 in ${
        lines.length === 1 ? "1 currency" : `${lines.length} currencies`
      }; accounts equal the journal`,
    ...(off.length > 0 && { advice: "stop taking payments and replay the payments family" }),
    undermines: ["M1"]
  }
}

/** What is in the journal beyond the signed tree can be changed without anybody finding it. */
const evident = (evidence: Evidence): Finding => {
  const fault = evidenceFault(evidence)
  return {
    area: "ledger",
    check: "tamper evidence",
    verdict: fault === undefined ? "good" : "bad",
    found: fault ?? evidenceSentence(evidence),
    ...(fault !== undefined && {
      advice: evidence.covered > evidence.entries
        ? "lastro audit export and verify name each: find out who removed them"
        : "one worker at least needs LASTRO_AUDIT_KEY_FILE; its log says why its tree does not follow"
    }),
    undermines: []
  }
}
