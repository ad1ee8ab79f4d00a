import { keyId } from "./actor.ts"
import { type Draft, foldDigest, type NamedKey } from "./draft.ts"
import type { Cause } from "./cause.ts"
import type { FoldContext } from "./foldContext.ts"
import { Header, isAt } from "./letter.ts"
import { answer, obey, staysAside, wakeOutcome } from "./obey.ts"
import type { Opened, Reconfigure, Replayed, Woken } from "./opened.ts"
import { parkAgain, parkedNow } from "./park.ts"
import { isSpent, stops, takeSteps } from "./step.ts"

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
 * Each leaves its place, its outcome and all it decided in the digest. What a letter tells other families of
 * its partition is decided right behind it (step.ts). Where anything asks for a key that is not loaded, the
 * draft names it and counts for nothing: it is loaded, and all of it decided again.
 */
export const fold = (context: FoldContext, opened: ReadonlyArray<Opened>, draft: Draft): void => {
  // What the letters of one bundle emit is numbered through: its sequence is their common cause.
  let counter = { seq: -1, ordinal: 0 }
  for (const one of opened) {
    if (isSpent(context, draft)) return
    const { letter } = one
    if (letter.seq !== counter.seq) counter = { seq: letter.seq, ordinal: 0 }
    const due = Number(letter.headers[Header.due] ?? 0)
    draft.clockMillis = Math.max(
      draft.clockMillis,
      letter.atMillis,
      letter.origin === "timer" && Number.isFinite(due) ? due : 0
    )
    foldOpened(context, one, draft, { letter, counter, steps: 0 })
  }
}

const foldOpened = (context: FoldContext, one: Opened, draft: Draft, cause: Cause): void => {
  if (one._tag === "Readable" || one._tag === "Unreadable") {
    takeSteps(context, one, cause, draft)
    return
  }
  draft.steps++
  draft.last = one.letter
  switch (one._tag) {
    case "Woken":
      return foldWoken(context, one, draft, cause)
    case "Reconfigure":
      foldConfig(context, one, draft)
      return
    case "Replayed":
      return foldReplayed(context, one, draft, cause)
    case "Ordered":
      return obey(context, one, draft)
  }
}

const foldConfig = (
  context: FoldContext,
  { config, letter }: Reconfigure,
  draft: Draft
): string => {
  const { family } = letter
  const known = draft.configs.get(family) ?? context.members.get(family)!.config
  if (config.version <= known.version) return foldDigest(draft, letter, "repeated", [])
  draft.configs.set(family, config)
  return foldDigest(draft, letter, "configured", [config.json])
}

/**
 * A dead letter decided once more: once, because the same turn writes down that it is done with. It
 * stands where the order stands, behind whatever came for its key since.
 */
const foldReplayed = (context: FoldContext, one: Replayed, draft: Draft, cause: Cause): void => {
  const { action, again, dead: { id, part, seq, step }, letter } = one
  const outcome = again._tag === "Reconfigure"
    ? foldConfig(context, again, draft)
    : takeSteps(context, again, cause, draft).outcome
  draft.settled.push({ family: letter.family, seq, part, step, status: "replayed", outcome })
  answer(draft, action, outcome)
  foldDigest(draft, letter, "replayed", [id])
}

/** A woken key's letters are decided in order until one of them sends the key back. */
const foldWoken = (context: FoldContext, one: Woken, draft: Draft, cause: Cause): void => {
  const key = { family: one.letter.family, ...one.wakes }
  const id = keyId(key.family, key.merchant, key.actorKey)
  const known = parkedNow(context, draft, id)
  const stays = staysAside(context, draft, one)
  if (known === undefined || stays !== undefined) {
    if (one.order !== undefined) answer(draft, one.order.action, stays!)
    foldDigest(draft, one.letter, "repeated", [])
    return
  }
  draft.parked.delete(id)
  draft.unparked.set(id, key)
  // What arrived for the key earlier in this very turn waits behind what the tables hold.
  const fresh = draft.parkedLetters.filter((parked) => parked.id === id)
  draft.parkedLetters = draft.parkedLetters.filter((parked) => parked.id !== id)
  const queue = [...one.behind, ...fresh.map(({ one }) => one)]
  let taken = 0
  for (const each of queue.slice(0, one.max)) {
    if (parkedNow(context, draft, id) !== undefined || isSpent(context, draft)) break
    taken++
    const { part, seq, step } = each.letter
    const dropped = one.drops !== undefined && isAt(one.drops)(each.letter)
    const { outcome, waits } = dropped
      ? { outcome: foldDigest(draft, each.letter, "discarded", []), waits: false }
      : takeSteps(context, each, cause, draft, known.attempts)
    if (waits) continue
    draft.handledLetters.push({ ...key, seq, part, step })
    // It may have stopped its key before, and be listed as a dead letter.
    const status = dropped ? "discarded" : "replayed"
    draft.settled.push({ family: key.family, seq, part, step, status, outcome })
  }
  draft.parkedLetters.push(...fresh.slice(Math.max(0, taken - one.behind.length)))
  const isFree = parkedNow(context, draft, id) === undefined
  if (isFree && queue.length > one.max) parkAgain(draft, key, "more waiting")
  wakeThoseWaitingFor(context, draft, key)
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
