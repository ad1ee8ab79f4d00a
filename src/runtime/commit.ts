import { Effect } from "effect"
import * as metrics from "../telemetry/metrics.ts"
import { bundlesOf } from "./bundle.ts"
import type { CommitLane } from "./commitLane.ts"
import type { Draft } from "./draft.ts"
import { jsonOf } from "./draft.ts"
import type { Letter } from "./letter.ts"
import { DEAD_LETTERS_STREAM } from "./outbox.ts"
import type { Tails } from "./relay.ts"
import type { TurnPlace } from "./turnPlace.ts"

/** What one turn decided, ready to be committed. */
export const committing = (
  place: TurnPlace,
  turn: {
    readonly draft: Draft
    readonly letters: ReadonlyArray<Letter>
    readonly previousSeq: number
    readonly tails: Tails
    readonly notes: string | null
  }
) => {
  addDeadLettersToOutbox(place, turn.draft, turn.letters.at(-1)!)
  return { place, ...turn, bundles: bundlesOf(turn.draft.outbox, place.bundleMaxOf) }
}

export type Committed = ReturnType<typeof committing>

/** One database transaction: cursor first, then everything the turn decided, then the turn row. */
export const commit = Effect.fnUntraced(function* (
  lane: CommitLane,
  turn: Committed
) {
  const { crash, mailbox } = turn.place
  crash("before-commit")
  yield* lane(turn).pipe(
    Effect.tapErrorTag(
      "PartitionFenced",
      () => Effect.sync(() => metrics.fences.inc({ family: mailbox, place: "commit" }))
    )
  )
  crash("after-commit")
  for (const [family, outcomes] of turn.draft.outcomes) {
    for (const [outcome, count] of outcomes) metrics.messages.inc({ family, outcome }, count)
  }
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
      type: "dead_letter",
      merchant: "",
      trace: "",
      body: jsonOf({
        id: dead.id,
        family: dead.letter.family,
        partition: place.partition,
        seq: dead.letter.seq,
        ...(dead.letter.part > 0 && { part: dead.letter.part }),
        ...(dead.letter.step > 0 && { step: dead.letter.step }),
        subject: dead.letter.subject,
        reason: dead.reason,
        cause: dead.cause,
        attempts: dead.attempts,
        ...published(dead.letter)
      })
    })
  })
}
