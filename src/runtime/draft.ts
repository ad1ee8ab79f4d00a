import { hash } from "node:crypto"
import { canonicalJson } from "../domain/canonicalJson.ts"
import type { Answer, Event, SavedRow, SavedState } from "./actor.ts"
import type { Readable } from "./opened.ts"
import type { InnerLetter } from "./innerLetter.ts"
import { type Letter, type Place, placeOf } from "./letter.ts"

/** Position of an emission: the sequence of its cause and its ordinal among what that cause emitted. */
export interface EmissionId {
  readonly seq: number
  readonly ordinal: number
}

export interface OutboxMessage {
  /** The stream it is appended to. */
  readonly target: string
  readonly subject: string
  readonly id: EmissionId
  readonly type: string
  readonly merchant: string
  /** Its traceparent, "" where there is none. */
  readonly trace: string
  /** Canonical JSON. */
  readonly body: string
  /** Whose body it is, where it tells of an event: that stands in a row of its own. */
  readonly eventId?: string
}

export interface OutboxTimer {
  readonly family: string
  readonly id: string
  readonly atMillis: number
  readonly headers: ReadonlyArray<readonly [string, string]>
  readonly body: string
}

export interface DeadLetter {
  readonly id: string
  readonly letter: Letter
  readonly actorKey: string | undefined
  readonly reason: "malformed" | "defect" | "failed"
  readonly cause: string
  readonly attempts: number
}

export interface ParkedKey extends NamedKey {
  readonly attempts: number
  readonly quarantined: boolean
  readonly reason: string
  readonly wakeAtMillis: number
  readonly waitsFor?: WaitsFor
  /** A person set it aside. */
  readonly paused?: boolean
}

/** A key set aside only because its oldest letter touches another key that is. */
interface WaitsFor {
  readonly key: string
  /** Where that oldest letter stands. */
  readonly seq: number
  readonly part: number
  /** Absent in rows of earlier versions. */
  readonly step?: number
}

/** A letter waiting behind its key. */
interface ParkedLetter extends NamedKey {
  readonly id: string
  readonly one: Readable
}

export interface StoredEvent extends Event {
  readonly merchant: string
  readonly atMillis: number
  readonly json: string
}

/** A key among those of all families of a mailbox. */
export interface NamedKey {
  readonly family: string
  readonly merchant: string
  readonly actorKey: string
}

/** What one family's tables will hold; states by `merchant/key`. */
interface Kept {
  readonly states: Map<string, SavedState<unknown>>
  readonly rows: Array<SavedRow<unknown>>
}

interface Configured {
  readonly version: number
  readonly value: unknown
  readonly json: string
}

/** Everything one turn will commit and relay, gathered message by message. */
export interface Draft {
  /** What each family keeps. */
  readonly kept: Map<string, Kept>
  readonly events: Array<StoredEvent>
  readonly outbox: Array<OutboxMessage>
  readonly timers: Array<OutboxTimer>
  readonly answers: Array<Answer>
  readonly deadLetters: Array<DeadLetter>
  /** Keys to set aside or to set aside again. */
  readonly parked: Map<string, ParkedKey>
  parkedLetters: Array<ParkedLetter>
  /** Keys that are free again, and parked messages that were handled. */
  readonly unparked: Map<string, NamedKey>
  readonly handledLetters: Array<NamedKey & Place>
  /** Letters of dead letters that are dealt with now, by their place. */
  readonly settled: Array<
    Place & { family: string; status: "replayed" | "discarded"; outcome: string }
  >
  /** What became of operators' actions. */
  readonly obeyed: Array<{ id: string; outcome: string }>
  /** Configurations that changed, by family. */
  readonly configs: Map<string, Configured>
  clockMillis: number
  /** Hexadecimal. */
  digest: string
  /** How many letters came to what, by family and outcome. */
  readonly outcomes: Map<string, Map<string, number>>
  /** What is to be decided next in the same turn, first in first out. */
  readonly inner: Array<InnerLetter>
  /** Keys that were asked for and are not loaded: nothing of the draft counts where there are any. */
  readonly missing: Map<string, NamedKey>
  /** Letters decided so far, and the last of them. */
  steps: number
  last: Letter | undefined
}

export const emptyDraft = (clockMillis: number, digest: string): Draft => ({
  kept: new Map(),
  events: [],
  outbox: [],
  timers: [],
  answers: [],
  deadLetters: [],
  parked: new Map(),
  parkedLetters: [],
  unparked: new Map(),
  handledLetters: [],
  settled: [],
  obeyed: [],
  configs: new Map(),
  clockMillis,
  digest,
  outcomes: new Map(),
  inner: [],
  missing: new Map(),
  steps: 0,
  last: undefined
})

export const keptBy = (draft: Draft, family: string): Kept => {
  const known = draft.kept.get(family)
  if (known !== undefined) return known
  const kept: Kept = { states: new Map(), rows: [] }
  draft.kept.set(family, kept)
  return kept
}

/**
 * Folds one letter into the digest, and answers its outcome. The digest covers the one before, the message's place and everything
 * decided. Never database-generated values, and nothing that depends on how messages fell into turns.
 */
export const foldDigest = (
  draft: Draft,
  letter: Letter,
  outcome: string,
  decided: ReadonlyArray<string>
): string => {
  let text = `${draft.digest}|${placeOf(letter)}|${draft.clockMillis}|${outcome}`
  for (const part of decided) text += `|${part.length}|${part}`
  draft.digest = hash("sha256", text, "hex")
  const counts = draft.outcomes.get(letter.family) ?? new Map<string, number>()
  counts.set(outcome, (counts.get(outcome) ?? 0) + 1)
  draft.outcomes.set(letter.family, counts)
  return outcome
}

export const compareIds = (left: EmissionId, right: EmissionId): number =>
  left.seq - right.seq || left.ordinal - right.ordinal

export const jsonOf = (value: unknown): string => canonicalJson(value)
