import { Effect, Schema } from "effect"
import { Database, type DatabaseUnavailable, type Trx } from "../store/database.ts"
import { park, unpark } from "../store/parked.ts"
import {
  Fenced,
  insertDeadLetters,
  insertEvents,
  insertTurn,
  moveCursor,
  saveConfig
} from "../store/turn.ts"
import * as metrics from "../telemetry/metrics.ts"
import { storedCursor } from "../store/takeover.ts"
import type { DeadLetter, Draft } from "./draft.ts"
import { jsonOf } from "./draft.ts"
import { DEAD_LETTERS_STREAM } from "./outbox.ts"
import { Header, headersJson, type Letter } from "./letter.ts"
import type { AnyKeyed } from "./registry.ts"
import { encodeOutbox, encodeTails } from "./turnRow.ts"
import type { Tails } from "./relay.ts"

/** The partition belongs to somebody else now. */
export class PartitionFenced extends Schema.TaggedError<PartitionFenced>()("PartitionFenced", {
  detail: Schema.String
}) {
  override get message() {
    return this.detail
  }
}

/** Written into every turn row: a replay runs under the code that decided. */
const CODE_VERSION = "0.1.0"

/** Labels of the points between which a process may die; tests end the process there. */
export type CrashPoint = "before-commit" | "after-commit" | "before-append" | "after-append"

export interface TurnPlace {
  readonly actor: AnyKeyed
  readonly partition: number
  readonly epoch: { readonly bucketMillis: number; readonly revision: number }
  readonly source: string
  readonly crash: (point: CrashPoint) => void
}

export interface Committing {
  readonly draft: Draft
  readonly letters: ReadonlyArray<Letter>
  readonly previousSeq: number
  readonly tails: Tails
}

/** One database transaction: cursor first, then everything the turn decided, then the turn row. */
export const commit = Effect.fnUntraced(function* (place: TurnPlace, turn: Committing) {
  const database = yield* Database
  const { actor } = place
  const last = turn.letters.at(-1)!
  addDeadLettersToOutbox(place, turn.draft, last)
  place.crash("before-commit")
  yield* database.transaction(`${actor.family}.turn`, (trx) => write(trx, place, turn, last)).pipe(
    Effect.catchTag(
      "DatabaseUnavailable",
      (error) =>
        error.cause instanceof Fenced
          ? Effect.fail(new PartitionFenced({ detail: error.cause.message }))
          : committedAnyway(place, turn, last, error)
    )
  )
  place.crash("after-commit")
  for (const [outcome, count] of turn.draft.outcomes) {
    metrics.messages.inc({ family: actor.family, outcome }, count)
  }
})

/** Every statement is sent at once, the cursor's first: where it fails, the others do nothing. */
const write = async (trx: Trx, place: TurnPlace, turn: Committing, last: Letter) => {
  const { actor, epoch, partition } = place
  const { draft } = turn
  const { family } = actor
  const sent: Array<Promise<unknown>> = [moveCursor(trx, {
    family,
    partition,
    epochBucket: epoch.bucketMillis,
    epochRevision: epoch.revision,
    previousSeq: turn.previousSeq,
    seq: last.seq,
    seqAtMillis: last.atMillis,
    clockMillis: draft.clockMillis,
    digest: draft.digest
  })]
  if (draft.states.size > 0 || draft.rows.length > 0) {
    sent.push(
      actor.save(trx, { partition, states: [...draft.states.values()], rows: draft.rows })
    )
  }
  if (draft.events.length > 0) sent.push(insertEvents(trx, draft.events))
  if (draft.deadLetters.length > 0) {
    sent.push(insertDeadLetters(trx, draft.deadLetters.map((one) => deadLetterRow(place, one))))
  }
  sent.push(...parking(trx, place, draft))
  if (draft.config !== undefined) {
    sent.push(saveConfig(trx, family, partition, draft.config.version, draft.config.json))
  }
  sent.push(insertTurn(trx, {
    family,
    partition,
    firstSeq: turn.letters[0]!.seq,
    lastSeq: last.seq,
    messages: turn.letters.length,
    epochBucket: epoch.bucketMillis,
    epochRevision: epoch.revision,
    codeVersion: CODE_VERSION,
    outbox: encodeOutbox(draft.outbox, draft.timers),
    tails: encodeTails(turn.tails),
    digest: draft.digest
  }))
  await Promise.all(sent)
}

const parking = (trx: Trx, { actor, partition }: TurnPlace, draft: Draft) => {
  const sent: Array<Promise<unknown>> = []
  const { family } = actor
  if (draft.unparked.size > 0 || draft.handledLetters.length > 0) {
    sent.push(unpark(trx, family, partition, [...draft.unparked.values()], draft.handledLetters))
  }
  if (draft.parked.size > 0 || draft.parkedLetters.length > 0) {
    const letters = draft.parkedLetters.map(({ actorKey, merchant, one: { letter } }) => ({
      merchant,
      actorKey,
      seq: letter.seq,
      subject: letter.subject,
      atMillis: letter.atMillis,
      headers: headersJson(letter),
      body: letter.body
    }))
    sent.push(park(trx, family, partition, [...draft.parked.values()], letters))
  }
  return sent
}

/** The answer to a commit can be lost. The cursor tells: under our epoch at our sequence, it happened. */
const committedAnyway = Effect.fnUntraced(function* (
  place: TurnPlace,
  turn: Committing,
  last: Letter,
  error: DatabaseUnavailable
) {
  const database = yield* Database
  const cursor = yield* database.query(
    "cursor",
    (db) => storedCursor(db, place.actor.family, place.partition)
  )
  if (
    cursor?.epochRevision !== place.epoch.revision ||
    cursor.epochBucket !== place.epoch.bucketMillis
  ) {
    return yield* new PartitionFenced({ detail: "another owner raised the epoch" })
  }
  if (cursor.seq === last.seq) return
  if (cursor.seq !== turn.previousSeq) {
    return yield* new PartitionFenced({ detail: `the cursor stands at ${cursor.seq}` })
  }
  return yield* Effect.fail(error)
})

const deadLetterRow = (place: TurnPlace, dead: DeadLetter) => ({
  id: dead.id,
  family: place.actor.family,
  partition: place.partition,
  seq: dead.letter.seq,
  subject: dead.letter.subject,
  merchant: dead.letter.merchant,
  actorKey: dead.actorKey ?? null,
  type: dead.letter.type,
  reason: dead.reason,
  cause: dead.cause,
  attempts: dead.attempts,
  headers: headersJson(dead.letter),
  body: dead.letter.body,
  atMillis: dead.letter.atMillis
})

/** Bytes of headers and body that fit into one published dead letter, base64 and escapes included. */
const PUBLISHED_BYTES_MAX = 400 * 1024

/** The whole letter is in PostgreSQL. One too large for a message is published without its content. */
const published = ({ body, headers }: Letter) =>
  JSON.stringify(headers).length + (body.length * 4) / 3 > PUBLISHED_BYTES_MAX
    ? { content: "too large: read it in the dead_letters table" }
    : { headers, body_base64: Buffer.from(body).toString("base64") }

/** Dead letters are published too, with body and origin, for operators' own tools. */
const addDeadLettersToOutbox = (place: TurnPlace, draft: Draft, last: Letter) => {
  if (draft.outbox.some((message) => message.target === DEAD_LETTERS_STREAM)) return
  const lastOrdinal = draft.outbox.reduce(
    (most, { id }) => id.seq === last.seq ? Math.max(most, id.ordinal) : most,
    -1
  )
  draft.deadLetters.forEach((dead, index) => {
    const id = { seq: last.seq, ordinal: lastOrdinal + 1 + index }
    draft.outbox.push({
      target: DEAD_LETTERS_STREAM,
      subject: `dead.${place.source}.${dead.reason}`,
      id,
      headers: [
        [Header.type, "dead_letter"],
        [Header.emission, `${place.actor.family}/${place.partition}/${id.seq}/${id.ordinal}`]
      ],
      body: jsonOf({
        id: dead.id,
        family: place.actor.family,
        partition: place.partition,
        seq: dead.letter.seq,
        subject: dead.letter.subject,
        reason: dead.reason,
        cause: dead.cause,
        attempts: dead.attempts,
        ...published(dead.letter)
      })
    })
  })
}
