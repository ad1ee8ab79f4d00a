import { Result } from "effect"
import type { MachineRefusal, Received, States } from "./actor.ts"
import { keyId, stateKey } from "./actor.ts"
import { type Draft, foldDigest, jsonOf, keptBy, type NamedKey, type ParkedKey } from "./draft.ts"
import type { FoldContext } from "./foldContext.ts"
import { Header, type Letter, placeOf } from "./letter.ts"
import type { AnyKeyed } from "./registry.ts"
import { replyAddressOf } from "./reply.ts"
import { answer, obey, staysAside, wakeOutcome } from "./obey.ts"
import type { Opened, Readable, Reconfigure, Replayed, Unreadable, Woken } from "./opened.ts"
import { addDecision, addRefusal } from "./outbox.ts"
import { parkAfterFailure, parkAgain, parkedNow, quarantine } from "./park.ts"
import { deadLetterOf } from "./deadLetter.ts"

/**
 * Decides letter by letter, in stream order, in memory. What a letter is opened as says how:
 *
 * - *Readable* is decided, unless one of its keys is set aside: then it waits with its first key. A load that
 *   failed sets it aside as the actor's table of failures says, a defect until a person looks.
 * - *Unreadable* is told as a dead letter, and to whoever asked. It stops nobody.
 * - *Woken* lets a key go and decides what waited behind it, in order, until one of these letters sends it
 *   back or the turn has had enough of them; then whoever waited for that key goes on, too.
 * - *Reconfigure* holds for every letter behind it.
 * - *Replayed* decides a dead letter once more, in the place of the order that asks for it.
 * - *Ordered* decides no letter: an operator sets a key aside, or is done with a dead letter.
 *
 * Each leaves its place, its outcome and all it decided in the digest.
 */
export const fold = (context: FoldContext, opened: ReadonlyArray<Opened>, draft: Draft): void => {
  // What the letters of one bundle emit is numbered through: its sequence is their common cause.
  let counter = { seq: -1, ordinal: 0 }
  for (const one of opened) {
    if (one.letter.seq !== counter.seq) counter = { seq: one.letter.seq, ordinal: 0 }
    const due = Number(one.letter.headers[Header.due] ?? 0)
    draft.clockMillis = Math.max(
      draft.clockMillis,
      one.letter.atMillis,
      one.letter.origin === "timer" && Number.isFinite(due) ? due : 0
    )
    foldOpened(context, one, draft, counter)
  }
}

const foldOpened = (
  context: FoldContext,
  one: Opened,
  draft: Draft,
  counter: { ordinal: number }
): void => {
  switch (one._tag) {
    case "Readable":
    case "Unreadable":
      foldOne(context, one, one.letter, draft, counter)
      return
    case "Woken":
      return foldWoken(context, one, draft, counter)
    case "Reconfigure":
      return foldConfig(context, one, draft)
    case "Replayed":
      return foldReplayed(context, one, draft, counter)
    case "Ordered":
      return obey(context, one, draft)
  }
}

const foldConfig = (context: FoldContext, one: Reconfigure, draft: Draft): void => {
  const { family } = one.letter
  const known = draft.configs.get(family) ?? context.members.get(family)!.config
  if (one.config.version > known.version) {
    draft.configs.set(family, one.config)
    return foldDigest(draft, one.letter, "configured", [one.config.json])
  }
  foldDigest(draft, one.letter, "repeated", [])
}

/**
 * A dead letter decided once more: once, because the same turn writes down that it is done with. It
 * stands where the order stands, behind whatever came for its key since.
 */
const foldReplayed = (
  context: FoldContext,
  one: Replayed,
  draft: Draft,
  counter: { ordinal: number }
): void => {
  const { action, again, dead: { id, part, seq }, letter } = one
  if (again._tag === "Reconfigure") foldConfig(context, again, draft)
  else foldOne(context, again, letter, draft, counter)
  const { outcome } = draft
  draft.settled.push({ family: letter.family, seq, part, status: "replayed", outcome })
  answer(draft, action, outcome)
  foldDigest(draft, letter, "replayed", [id])
}

/** A woken key's letters are decided in order until one of them sends the key back. */
const foldWoken = (
  context: FoldContext,
  one: Woken,
  draft: Draft,
  counter: { ordinal: number }
): void => {
  const { actorKey, merchant } = one.wakes
  const { family } = one.letter
  const id = keyId(family, merchant, actorKey)
  const known = parkedNow(context, draft, id)
  const stays = staysAside(context, draft, one)
  if (known === undefined || stays !== undefined) {
    if (one.order !== undefined) answer(draft, one.order.action, stays!)
    return foldDigest(draft, one.letter, "repeated", [])
  }
  draft.parked.delete(id)
  draft.unparked.set(id, { family, merchant, actorKey })
  // What arrived for the key earlier in this very turn waits behind what the tables hold.
  const fresh = draft.parkedLetters.filter((parked) => parked.id === id)
  draft.parkedLetters = draft.parkedLetters.filter((parked) => parked.id !== id)
  const queue = [...one.behind, ...fresh.map(({ one }) => one)]
  let taken = 0
  for (const each of queue.slice(0, one.max)) {
    if (parkedNow(context, draft, id) !== undefined) break
    taken++
    const { part, seq } = each.letter
    const dropped = one.drops?.seq === seq && one.drops.part === part
    if (dropped) foldDigest(draft, each.letter, "discarded", [])
    else if (foldOne(context, each, one.letter, draft, counter, known.attempts)) continue
    draft.handledLetters.push({ family, merchant, actorKey, seq, part })
    // It may have stopped its key before, and be listed as a dead letter.
    const status = dropped ? "discarded" : "replayed"
    draft.settled.push({ family, seq, part, status, outcome: draft.outcome })
  }
  draft.parkedLetters.push(...fresh.slice(Math.max(0, taken - one.behind.length)))
  if (parkedNow(context, draft, id) === undefined) {
    if (queue.length > one.max) {
      parkAgain(draft, { family, merchant, actorKey }, "more waiting")
    }
  }
  wakeThoseWaitingFor(context, draft, { family, merchant, actorKey })
  if (one.order !== undefined) answer(draft, one.order.action, wakeOutcome(context, draft, one))
  foldDigest(draft, one.letter, "woken", [])
}

/** A key that no longer stands in their way frees those whose letters touch it. */
const wakeThoseWaitingFor = (
  context: FoldContext,
  draft: Draft,
  { actorKey, family, merchant }: NamedKey
): void => {
  const now = parkedNow(context, draft, keyId(family, merchant, actorKey))
  for (const [id, key] of [...context.parked, ...draft.parked]) {
    const waits = key.family === family && key.merchant === merchant &&
      key.waitsFor?.key === actorKey && parkedNow(context, draft, id) === key
    if (waits && !stops(now, key.waitsFor)) parkAgain(draft, key, "its turn has come")
  }
}

/**
 * Whether a key stands in the way of a letter. One that only waits for another lets those pass that
 * are older than its oldest letter: so the oldest letter of all is never held up by younger ones, and
 * two keys cannot wait for each other.
 */
const stops = (
  parked: ParkedKey | undefined,
  letter: { readonly seq: number; readonly part: number }
): boolean => {
  if (parked === undefined) return false
  const { waitsFor } = parked
  if (waitsFor === undefined) return true
  return waitsFor.seq < letter.seq || (waitsFor.seq === letter.seq && waitsFor.part < letter.part)
}

/** Handles one letter; true when its key was set aside with the letter still waiting. */
const foldOne = (
  context: FoldContext,
  one: Readable | Unreadable,
  cause: Letter,
  draft: Draft,
  counter: { ordinal: number },
  attempts = 0
): boolean => {
  const { addressing } = context
  const { letter } = one
  const { family } = letter
  if (one._tag === "Unreadable") {
    draft.deadLetters.push(
      deadLetterOf(letter, undefined, "malformed", one.malformed, 1)
    )
    // Where even this was refused by PostgreSQL, the letter is kept and nothing is told.
    if (!context.defects.has(cause)) {
      addRefusal(addressing, draft, cause, counter, letter, {
        code: "malformed" satisfies MachineRefusal,
        detail: one.malformed
      })
    }
    foldDigest(draft, letter, "malformed", [])
    return false
  }
  const stopped = one.keys.find((key) =>
    stops(parkedNow(context, draft, keyId(family, letter.merchant, key)), letter)
  )
  if (stopped !== undefined) {
    waitWithFirstKey(context, draft, one, stopped)
    foldDigest(draft, letter, "parked", [])
    return true
  }
  const failure = context.failures.get(letter)
  if (failure !== undefined) {
    return parkAfterFailure(context, draft, one, cause, counter, failure, attempts)
  }
  try {
    const defect = context.defects.get(cause)
    if (defect !== undefined) throw new Error(defect)
    const decided = decide(context, one, draft)
    if (Result.isFailure(decided)) {
      addRefusal(addressing, draft, cause, counter, letter, decided.failure)
      foldDigest(draft, letter, "refused", [jsonOf(decided.failure)])
    } else {
      const { committed } = context.members.get(family)!
      const { success } = decided
      const parts = addDecision(addressing, draft, cause, counter, letter, success, committed)
      foldDigest(draft, letter, "decided", parts)
    }
    return false
  } catch (error) {
    quarantine(draft, one, "defect", error instanceof Error ? error.message : String(error))
    foldDigest(draft, letter, "defect", [])
    return true
  }
}

/**
 * A letter always waits with its first key, whichever of its keys is set aside: so it keeps its place
 * among that key's letters, and nothing overtakes it there.
 */
const waitWithFirstKey = (
  context: FoldContext,
  draft: Draft,
  one: Readable,
  stopped: string
): void => {
  const { family, merchant } = one.letter
  const [actorKey] = one.keys
  const id = keyId(family, merchant, actorKey)
  draft.parkedLetters.push({ id, one, family, merchant, actorKey })
  if (parkedNow(context, draft, id) !== undefined) return
  draft.parked.set(id, {
    family,
    merchant,
    actorKey,
    attempts: 0,
    quarantined: false,
    reason: `waits for ${stopped}`,
    wakeAtMillis: Number.MAX_SAFE_INTEGER,
    waitsFor: { key: stopped, seq: one.letter.seq, part: one.letter.part }
  })
}

const decide = (
  context: FoldContext,
  one: Readable,
  draft: Draft
): ReturnType<AnyKeyed["decide"]> => {
  const { letter } = one
  const { actor, committed, config } = context.members.get(letter.family)!
  const { states: changed } = keptBy(draft, letter.family)
  const states: States<unknown> = {
    get: (key) => {
      const id = stateKey(letter.merchant, key)
      return changed.get(id)?.state ?? committed(id)
    }
  }
  const received: Received = {
    family: letter.family,
    partition: context.partition,
    seq: letter.seq,
    cause: `${context.partition}.${placeOf(letter)}`,
    merchant: letter.merchant,
    type: one.message.type,
    keys: one.keys,
    at: draft.clockMillis,
    replyTo: replyAddressOf(
      letter,
      () => (one.message.body as { command_id?: unknown } | undefined)?.command_id
    ),
    config: (draft.configs.get(letter.family) ?? config).value
  }
  return actor.decide(states, one.message as never, received)
}
