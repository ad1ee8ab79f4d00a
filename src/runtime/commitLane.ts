import { Clock, Effect } from "effect"
import { type Ask, gather } from "../bus/gather.ts"
import type { DatabaseUnavailable, DataRefused, Statement } from "../store/database.ts"
import { Fenced } from "../store/fence.ts"
import { type Parking, TurnStore, type TurnsWritten } from "../store/turnStore.ts"
import type { Bundle } from "./bundle.ts"
import { deadLetterRow } from "./deadLetter.ts"
import type { Draft } from "./draft.ts"
import { headersJson, type Letter } from "./letter.ts"
import type { Pace } from "./pace.ts"
import type { Actors, AnyKeyed } from "./registry.ts"
import type { Tails } from "./relay.ts"
import { CODE_VERSION } from "./codeVersion.ts"
import { PartitionFenced, type TurnPlace } from "./turnPlace.ts"
import { encodeEmitted, encodeOutbox, encodeTails } from "./turnRow.ts"

/** Turns of one database transaction. More wait for the next. */
const TURNS_MAX = 8

/** What one turn commits. */
interface Committing {
  readonly place: TurnPlace
  readonly draft: Draft
  readonly letters: ReadonlyArray<Letter>
  readonly bundles: ReadonlyArray<Bundle>
  readonly previousSeq: number
  readonly tails: Tails
  readonly notes: string | null
}

type CommitFailure = PartitionFenced | DatabaseUnavailable | DataRefused
export type CommitLane = Ask<Committing, void, CommitFailure>

/**
 * Commits the turns of a mailbox's partitions in this worker, those that are ready at the same time in
 * one database transaction: what a transaction and its statements cost is then shared by many
 * payments. Each turn has its own fence in it; where one fails, each is committed alone.
 */
export const openCommitLane = (
  actors: Actors,
  pace: Pace
): Effect.Effect<CommitLane, never, TurnStore> =>
  gather({
    max: TURNS_MAX,
    run: Effect.fnUntraced(function* (batch: ReadonlyArray<Committing>) {
      const started = yield* Clock.currentTimeMillis
      const together = yield* Effect.result(commitAll(actors, batch))
      pace.committed(started, yield* Clock.currentTimeMillis)
      if (together._tag === "Success") return batch.map(() => Effect.void)
      if (batch.length === 1) return [yield* Effect.exit(afterFailure(batch[0]!, together.failure))]
      return yield* Effect.forEach(
        batch,
        (turn) => Effect.exit(alone(actors, turn, together.failure))
      )
    })
  })

const commitAll = Effect.fnUntraced(function* (actors: Actors, turns: ReadonlyArray<Committing>) {
  const store = yield* TurnStore
  yield* store.commit(written(actors, turns))
})

/** Everything a commit would do, and then nothing of it: tells whether PostgreSQL takes the data. */
export const rehearse = Effect.fnUntraced(function* (actors: Actors, turn: Committing) {
  const store = yield* TurnStore
  yield* store.rehearse(written(actors, [turn]))
})

const alone = Effect.fnUntraced(function* (
  actors: Actors,
  turn: Committing,
  failure: DatabaseUnavailable | DataRefused
): Effect.fn.Return<void, CommitFailure, TurnStore> {
  // Without an answer the batch may have been committed all the same.
  if (failure._tag === "DatabaseUnavailable" && !(failure.cause instanceof Fenced)) {
    return yield* committedAnyway(turn, failure)
  }
  yield* commitAll(actors, [turn]).pipe(Effect.catch((error) => afterFailure(turn, error)))
})

const afterFailure = (
  turn: Committing,
  error: DatabaseUnavailable | DataRefused
): Effect.Effect<void, CommitFailure, TurnStore> =>
  error._tag === "DataRefused"
    ? Effect.fail(error)
    : error.cause instanceof Fenced
    ? Effect.fail(new PartitionFenced({ detail: error.cause.message }))
    : committedAnyway(turn, error)

/** The answer to a commit can be lost. The cursor tells: under our epoch at our sequence, it happened. */
const committedAnyway = Effect.fnUntraced(function* (
  { letters, place, previousSeq }: Committing,
  error: DatabaseUnavailable
): Effect.fn.Return<void, PartitionFenced | DatabaseUnavailable, TurnStore> {
  const store = yield* TurnStore
  const cursor = yield* store.cursor(place.mailbox, place.partition)
  if (
    cursor?.epochRevision !== place.epoch.revision ||
    cursor.epochBucket !== place.epoch.bucketMillis
  ) {
    return yield* new PartitionFenced({ detail: "another owner raised the epoch" })
  }
  if (cursor.seq === letters.at(-1)!.seq) return
  if (cursor.seq !== previousSeq) {
    return yield* new PartitionFenced({ detail: `the cursor stands at ${cursor.seq}` })
  }
  return yield* Effect.fail(error)
})

const written = (actors: Actors, turns: ReadonlyArray<Committing>): TurnsWritten => {
  return {
    mailbox: turns[0]!.place.mailbox,
    moves: turns.map(cursorMove),
    save: () => [...actors.values()].flatMap((actor) => saved(actor, turns)),
    events: turns.flatMap(({ draft }) => draft.events),
    deadLetters: turns.flatMap(({ draft, place }) =>
      draft.deadLetters.map((one) => deadLetterRow(place.partition, one))
    ),
    settled: turns.flatMap(({ draft, place: { partition } }) =>
      draft.settled.map((one) => ({ partition, ...one }))
    ),
    obeyed: turns.flatMap(({ draft }) => draft.obeyed),
    parking: turns.map(({ draft, place }) => parking(place.partition, draft)),
    configs: turns.flatMap(({ draft: { configs }, place: { partition } }) =>
      [...configs].map(([family, { json, version }]) => ({ family, partition, version, json }))
    ),
    turns: turns.map(turnRow)
  }
}

/** One family's part of all turns, set by set. */
const saved = (actor: AnyKeyed, turns: ReadonlyArray<Committing>): ReadonlyArray<Statement> => {
  const kept = turns.flatMap(({ draft }) => draft.kept.get(actor.family) ?? [])
  const states = kept.flatMap(({ states }) => [...states.values()])
  const rows = kept.flatMap(({ rows }) => rows)
  return states.length > 0 || rows.length > 0 ? actor.save({ states, rows }) : []
}

const cursorMove = ({ draft, letters, place, previousSeq }: Committing) => ({
  partition: place.partition,
  epochBucket: place.epoch.bucketMillis,
  epochRevision: place.epoch.revision,
  previousSeq,
  seq: letters.at(-1)!.seq,
  seqAtMillis: letters.at(-1)!.atMillis,
  clockMillis: draft.clockMillis,
  digest: draft.digest
})

const turnRow = ({ bundles, draft, letters, notes, place, tails }: Committing) => ({
  partition: place.partition,
  firstSeq: letters[0]!.seq,
  lastSeq: letters.at(-1)!.seq,
  messages: letters.length,
  epochBucket: place.epoch.bucketMillis,
  epochRevision: place.epoch.revision,
  codeVersion: CODE_VERSION,
  outbox: encodeOutbox(bundles, draft.timers),
  tails: encodeTails(tails),
  emitted: encodeEmitted(bundles),
  notes,
  digest: draft.digest
})

/** What a turn sets aside, and what it lets go. */
export const parking = (partition: number, draft: Draft): Parking => ({
  partition,
  freed: [...draft.unparked.values()],
  handled: draft.handledLetters,
  keys: [...draft.parked.values()],
  letters: draft.parkedLetters.map(({ actorKey, family, merchant, one: { letter } }) => ({
    family,
    merchant,
    actorKey,
    seq: letter.seq,
    part: letter.part,
    step: letter.step,
    subject: letter.subject,
    atMillis: letter.atMillis,
    headers: headersJson(letter),
    body: letter.body
  }))
})
