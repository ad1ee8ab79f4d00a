import { isDeepStrictEqual } from "node:util"
import { Effect } from "effect"
import { families, type Family, PARTITIONS } from "../../streams/mailboxes.ts"
import { JetStreamCode } from "../bus/api.ts"
import { append } from "../bus/append.ts"
import { type BusClient, BusUnavailable, type NatsLink } from "../bus/connection.ts"
import { textOn } from "../bus/tail.ts"
import { Database } from "../store/database.ts"
import { latestConfigs } from "../store/takeover.ts"

/** Somebody else changed it between our read and our write; so often it is read again. */
const CHANGE_TRIES_MAX = 8

const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition)

/** The configuration that each partition of a family has taken. */
export const takenConfigs = Effect.fnUntraced(function* (family: Family) {
  const database = yield* Database
  return yield* database.query("configuration.taken", (db) => latestConfigs(db, family))
})

interface Known {
  readonly version: number
  readonly doc: unknown
}

/**
 * What a partition was told last, which it may not have taken yet, and where that stands. What nobody
 * can read was told to nobody: it became a dead letter.
 */
const toldLast = Effect.fnUntraced(function* (
  { nc }: NatsLink,
  family: Family,
  partition: number,
  taken: Known | undefined
) {
  const subject = `${family}.${partition}.control`
  const { stream } = families.find((one) => one.family === family)!
  const last = yield* textOn(nc, stream, { last_by_subj: subject })
  const told = last &&
    (readable(last.text) ?? (yield* readableBefore(nc, stream, subject, last.seq)))
  const known = (told?.version ?? 0) > (taken?.version ?? 0) ? told : taken
  return { subject, known, lastSeq: last?.seq ?? 0 }
})

/** After one that was written by hand, and nearly never: what was told before it still holds. */
const readableBefore = Effect.fnUntraced(function* (
  nc: BusClient,
  stream: string,
  subject: string,
  end: number
) {
  let found: Known | undefined
  for (let seq = 1; seq < end;) {
    const next = yield* textOn(nc, stream, { seq, next_by_subj: subject })
    if (next === undefined) break
    found = readable(next.text) ?? found
    seq = next.seq + 1
  }
  return found
})

const readable = (text: string): Known | undefined => {
  try {
    const { config, version } = JSON.parse(text)
    return Number.isInteger(version) && typeof config === "object" && config !== null
      ? { version, doc: config }
      : undefined
  } catch {
    return undefined
  }
}

/**
 * Changes a family's configuration: one atomic batch with one message for each partition (docs/protocol.md §8),
 * each made from what stands there last and taken only if that is still the last. Whoever changes
 * another part of it at the same time is not undone. Nothing is sent where everything is so already.
 */
export const changeConfiguration = Effect.fnUntraced(function* (
  link: NatsLink,
  family: Family,
  /** Gets undefined where the initial configuration holds; undefined leaves it so. */
  change: (doc: unknown) => unknown
) {
  for (let tries = 1;; tries++) {
    const taken = yield* takenConfigs(family)
    const told = yield* Effect.forEach(
      partitions,
      (partition) => toldLast(link, family, partition, taken.get(partition)),
      { concurrency: "unbounded" }
    )
    const changed = told.flatMap(({ known, lastSeq, subject }) => {
      const config = change(known?.doc)
      return config === undefined ? [] : [{ config, known, lastSeq, subject }]
    })
    if (changed.every(({ config, known }) => isDeepStrictEqual(known?.doc, config))) return
    const version = Math.max(Date.now(), ...told.map(({ known }) => (known?.version ?? 0) + 1))
    const sent = yield* Effect.result(append(
      link.nc,
      changed.map(({ config, lastSeq, subject }) => ({
        subject,
        headers: [],
        payload: JSON.stringify({ version, config }),
        fence: { filter: subject, lastSeq }
      }))
    ))
    if (sent._tag === "Success") return
    const error = sent.failure
    const lost = error._tag === "JetStreamRefused" &&
      (error.code === JetStreamCode.WrongLastSequence ||
        error.code === JetStreamCode.WrongLastSequenceConstant)
    if (!lost) return yield* Effect.fail(error)
    if (tries >= CHANGE_TRIES_MAX) {
      return yield* new BusUnavailable({ detail: `${family}: others change it all the time` })
    }
  }
})
