import { Result } from "effect"
import { keyId, type MachineRefusal, type Received, stateKey, type States } from "./actor.ts"
import { type Draft, foldDigest, jsonOf, keptBy, type ParkedKey } from "./draft.ts"
import type { Cause } from "./cause.ts"
import type { FoldContext } from "./foldContext.ts"
import { type Letter, nameOf, placeOf } from "./letter.ts"
import type { Readable, Unreadable } from "./opened.ts"
import { addDecision, addRefusal } from "./outbox.ts"
import { deadLetterOf } from "./deadLetter.ts"
import { parkAfterFailure, parkedNow, quarantine } from "./park.ts"
import type { AnyKeyed } from "./registry.ts"
import { replyAddressOf } from "./reply.ts"

/** Letters of one chain within a turn. Whoever sets off more goes round in a circle. */
const CHAIN_LETTERS_MAX = 32
/** Keys that one decision may ask for beside those that its message names. */
const ASKED_KEYS_MAX = 64

/** What one letter came to, and whether its key was set aside with the letter still waiting. */
interface Folded {
  readonly outcome: string
  readonly waits: boolean
}

/** Whether as many letters are decided as are to be. */
export const isSpent = ({ stepsMax = Infinity }: FoldContext, draft: Draft): boolean =>
  draft.steps >= stepsMax

/**
 * Decides a letter, and then everything it sets off for other families of its partition, first in first
 * out, each as itself: under its own key, configuration and table of failures. Answers what the letter
 * itself came to: what it set off is set aside, refused or a defect without it.
 */
export const takeSteps = (
  context: FoldContext,
  one: Readable | Unreadable,
  cause: Cause,
  draft: Draft,
  attempts = 0
): Folded => {
  const folded = takeStep(context, one, cause, draft, attempts)
  for (let next = draft.inner.shift(); next !== undefined; next = draft.inner.shift()) {
    if (isSpent(context, draft)) continue
    const opened = context.members.get(next.family)!.open(next)
    if (opened._tag !== "Readable" && opened._tag !== "Unreadable") {
      throw new Error(`${next.type} is no message of ${next.family}`)
    }
    takeStep(context, opened, cause, draft, 0)
  }
  return folded
}

/**
 * Whether a key stands in the way of a letter. One that only waits for another lets those pass that
 * are older than its oldest letter: so the oldest letter of all is never held up by younger ones, and
 * two keys cannot wait for each other.
 */
export const stops = (
  parked: ParkedKey | undefined,
  letter: { readonly seq: number; readonly part: number; readonly step?: number }
): boolean => {
  if (parked === undefined) return false
  const { waitsFor } = parked
  if (waitsFor === undefined) return true
  const apart = waitsFor.seq - letter.seq || waitsFor.part - letter.part ||
    (waitsFor.step ?? 0) - (letter.step ?? 0)
  return apart < 0
}

/** What a decision asked for beside the keys of its message stands in its way. */
class Unforeseen extends Error {
  readonly key: string

  constructor(key: string) {
    super(`${key} was not foreseen`)
    this.key = key
  }
}

const UNDECIDED: Folded = { outcome: "undecided", waits: false }

const takeStep = (
  context: FoldContext,
  one: Readable | Unreadable,
  cause: Cause,
  draft: Draft,
  attempts: number
): Folded => {
  draft.steps++
  draft.last = one.letter
  if (one._tag === "Unreadable") return unreadable(context, one, cause, draft)
  const { family, merchant } = one.letter
  const idOf = (key: string) => keyId(family, merchant, key)
  // Whatever a decision turns out to need besides stands in its way as if it had been known at first.
  const keys = new Set<string>(one.keys)
  for (;;) {
    const stopped = [...keys].find((key) => stops(parkedNow(context, draft, idOf(key)), one.letter))
    if (stopped !== undefined) {
      waitWithFirstKey(context, draft, one, stopped)
      return { outcome: foldDigest(draft, one.letter, "parked", []), waits: true }
    }
    const failed = [...keys].find((key) => context.failures.has(idOf(key)))
    if (failed !== undefined) {
      const failure = context.failures.get(idOf(failed))!
      return parkAfterFailure(context, draft, one, cause, failure, attempts)
    }
    const missing = [...keys].filter((key) => !isKnown(context, draft, one.letter, key))
    for (const actorKey of missing) {
      draft.missing.set(idOf(actorKey), { family, merchant, actorKey })
    }
    if (missing.length > 0) return UNDECIDED
    const decided = decideStep(context, one, cause, draft, keys)
    if (!(decided instanceof Unforeseen)) return decided
    keys.add(decided.key)
  }
}

const isKnown = (context: FoldContext, draft: Draft, letter: Letter, key: string): boolean => {
  const id = stateKey(letter.merchant, key)
  return context.members.get(letter.family)!.known(id) ||
    draft.kept.get(letter.family)?.states.has(id) === true
}

const unreadable = (
  { addressing, defects }: FoldContext,
  { letter, malformed }: Unreadable,
  cause: Cause,
  draft: Draft
): Folded => {
  draft.deadLetters.push(deadLetterOf(letter, undefined, "malformed", malformed, 1))
  // Where even this was refused by PostgreSQL, the letter is kept and nothing is told.
  if (!defects.has(nameOf(letter))) {
    addRefusal(addressing, draft, cause, letter, {
      code: "malformed" satisfies MachineRefusal,
      detail: malformed
    })
  }
  return { outcome: foldDigest(draft, letter, "malformed", []), waits: false }
}

/** Answers the key that it asked for where that stands in its way, and then nothing of it counts. */
const decideStep = (
  context: FoldContext,
  one: Readable,
  cause: Cause,
  draft: Draft,
  keys: ReadonlySet<string>
): Folded | Unforeseen => {
  const { addressing } = context
  const { letter } = one
  const states = statesFor(context, one, draft, keys)
  try {
    const defect = context.defects.get(nameOf(letter))
    if (defect !== undefined) throw new Error(defect)
    if (letter.depth > CHAIN_LETTERS_MAX) {
      throw new Error(`letter ${letter.depth} of a chain: they set each other off`)
    }
    const decided = decide(context, one, draft, states)
    // An actor may have caught what it was told.
    if (states.unforeseen !== undefined) return states.unforeseen
    if (Result.isFailure(decided)) {
      addRefusal(addressing, draft, cause, letter, decided.failure)
      const json = jsonOf(decided.failure)
      return { outcome: foldDigest(draft, letter, "refused", [json]), waits: false }
    }
    const { committed } = context.members.get(letter.family)!
    const parts = addDecision(addressing, draft, cause, letter, decided.success, committed)
    return { outcome: foldDigest(draft, letter, "decided", parts), waits: false }
  } catch (error) {
    if (states.unforeseen !== undefined) return states.unforeseen
    quarantine(draft, one, "defect", error instanceof Error ? error.message : String(error))
    return { outcome: foldDigest(draft, letter, "defect", []), waits: true }
  }
}

interface Asked extends States<unknown> {
  /** The key that the decision asked for and cannot have now. */
  unforeseen: Unforeseen | undefined
}

/** The states a decision sees: those its message names, and whatever else it asks for. */
const statesFor = (
  context: FoldContext,
  { keys: named, letter }: Readable,
  draft: Draft,
  keys: ReadonlySet<string>
): Asked => {
  const { family, merchant } = letter
  const { committed } = context.members.get(family)!
  const { states: changed } = keptBy(draft, family)
  const others = new Set<string>()
  const asked: Asked = {
    unforeseen: undefined,
    get: (key) => {
      const id = stateKey(merchant, key)
      if (!named.includes(key)) {
        others.add(key)
        if (others.size > ASKED_KEYS_MAX) {
          throw new Error(`it asks for more than ${ASKED_KEYS_MAX} keys`)
        }
        const theirs = keyId(family, merchant, key)
        const free = keys.has(key) || isKnown(context, draft, letter, key) &&
            !context.failures.has(theirs) && !stops(parkedNow(context, draft, theirs), letter)
        if (!free) {
          asked.unforeseen ??= new Unforeseen(key)
          throw asked.unforeseen
        }
      }
      return changed.get(id)?.state ?? committed(id)
    }
  }
  return asked
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
  const { family, merchant, part, seq, step } = one.letter
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
    waitsFor: { key: stopped, seq, part, step }
  })
}

const decide = (
  context: FoldContext,
  one: Readable,
  draft: Draft,
  states: States<unknown>
): ReturnType<AnyKeyed["decide"]> => {
  const { letter } = one
  const { actor, config } = context.members.get(letter.family)!
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
