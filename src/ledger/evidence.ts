import { sql } from "kysely"
import { checkpointTime } from "../domain/checkpoint.ts"
import type { Db } from "../store/database.ts"
import { checkpointOf } from "./receipt.ts"

/** How far the signed tree reaches over the journal, and how old its end is. */
export interface Evidence {
  /** Entries that the journal holds. */
  readonly entries: number
  /** Entries of the newest tree that is served. */
  readonly covered: number
  /** RFC 3339, as all times here; null where nothing was signed yet. */
  readonly signed_at: string | null
  /** When the oldest entry that no tree covers was decided; null where there is none. */
  readonly uncovered_since: string | null
  /** When this was looked at. */
  readonly at: string
}

/**
 * The sequencer follows within a second or two. An entry that waits longer than this for its signature,
 * while nothing newer was signed, is one that may be changed without anybody finding it.
 */
export const EVIDENCE_LAG_MILLIS_MAX = 60_000

/** Asked of the same checkpoint that everybody is given: what lags there lags for whoever verifies. */
export const evidenceOf = async (db: Db): Promise<Evidence> => {
  const checkpoint = await checkpointOf(db)
  const covered = checkpoint?.size ?? 0
  // From the newest backwards: only what is not covered is read, and counting needs no row itself.
  const { rows } = await sql<{ entries: string; since: Date | null; at: Date }>`
    with journal as materialized (select count(*) as entries from journal_entries)
    select j.entries, now() as at, (
      select to_timestamp(min(u.at_millis) / 1000.0) from (
        select e.at_millis from journal_entries e
        order by e.transaction_id desc, e.id desc limit greatest(j.entries - ${covered}::bigint, 0)
      ) u
    ) as since from journal j`.execute(db)
  const { at, entries, since } = rows[0]!
  return {
    entries: Number(entries),
    covered,
    signed_at: checkpoint === undefined ? null : checkpointTime(checkpoint.note),
    uncovered_since: since?.toISOString() ?? null,
    at: at.toISOString()
  }
}

/** For how long an entry has waited for a signature, at least; 0 where all are covered. */
const lagMillis = ({ at, covered, entries, signed_at, uncovered_since }: Evidence): number => {
  if (covered >= entries) return 0
  const since = [signed_at, uncovered_since].flatMap((time) =>
    time === null ? [] : [Date.parse(time)]
  )
  return Date.parse(at) - Math.max(...since)
}

/** What is wrong with it; undefined where it reaches as far as it has to. */
export const evidenceFault = (evidence: Evidence): string | undefined => {
  const { covered, entries } = evidence
  if (covered > entries) {
    return `${covered} entries were signed, and the journal holds ${entries}: some were removed`
  }
  return lagMillis(evidence) <= EVIDENCE_LAG_MILLIS_MAX
    ? undefined
    : `the signed tree ends after ${covered} of ${entries} entries, and nothing was signed for ` +
      `${inWords(lagMillis(evidence))}: what came later can be changed without being found`
}

export const evidenceSentence = ({ at, covered, entries, signed_at }: Evidence): string =>
  `${covered} of the journal's ${entries} entries are covered by the signed tree` +
  (signed_at === null ? "" : `, which was ${inWords(Date.parse(at) - Date.parse(signed_at))} old`)

const inWords = (millis: number): string => {
  const seconds = Math.max(0, millis) / 1_000
  return seconds < 120
    ? `${seconds.toFixed(1)} s`
    : seconds < 7_200
    ? `${Math.round(seconds / 60)} minutes`
    : seconds < 172_800
    ? `${Math.round(seconds / 3_600)} hours`
    : `${Math.round(seconds / 86_400)} days`
}
