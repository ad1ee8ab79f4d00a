import { keyId, stateKey } from "./actor.ts"
import { type Draft, foldDigest } from "./draft.ts"
import type { FoldContext } from "./foldContext.ts"
import type { Ordered, Woken } from "./opened.ts"
import { parkedNow } from "./park.ts"

/** Tells the operator what came of it. */
export const answer = (draft: Draft, id: string, outcome: string): void => {
  draft.obeyed.push({ id, outcome })
}

/** Orders that decide no letter: a key is set aside, a dead letter is done with, or nothing is left to do. */
export const obey = (
  context: FoldContext,
  { dead, letter, order }: Ordered,
  draft: Draft
): void => {
  const done = (outcome: string, digest = "repeated") => {
    answer(draft, order.action, outcome)
    foldDigest(draft, letter, digest, digest === "repeated" ? [] : [nameOf(order)])
  }
  if (order.order === "pause") {
    return pauseKey(context, draft, letter.family, order)
      ? done("paused", "paused")
      : done("it was paused already")
  }
  if (order.order === "resume") return done("it was not set aside")
  if (dead === undefined) return done("there is no such dead letter")
  if (dead.status !== "open") return done(`it was ${dead.status} already`)
  if (order.order === "replay") return done("this letter cannot be decided again")
  const { part, seq, step } = dead
  draft.settled.push({
    family: letter.family,
    seq,
    part,
    step,
    status: "discarded",
    outcome: "discarded"
  })
  done("discarded", "discarded")
}

const nameOf = (order: Ordered["order"]): string =>
  "key" in order ? stateKey(order.merchant, order.key) : order.dead_letter

/** What it waits for otherwise no longer matters: only a person lets it go. */
const pauseKey = (
  context: FoldContext,
  draft: Draft,
  family: string,
  order: Extract<Ordered["order"], { readonly order: "pause" }>
): boolean => {
  const { key: actorKey, merchant, why } = order
  const id = keyId(family, merchant, actorKey)
  const known = parkedNow(context, draft, id)
  if (known?.paused === true) return false
  draft.parked.set(id, {
    family,
    merchant,
    actorKey,
    attempts: known?.attempts ?? 0,
    quarantined: known?.quarantined ?? false,
    paused: true,
    reason: why,
    wakeAtMillis: Number.MAX_SAFE_INTEGER
  })
  return true
}

/** Why a key is not woken; undefined where it is. A timer lets nobody go whom a person holds. */
export const staysAside = (
  context: FoldContext,
  draft: Draft,
  { letter, order, wakes: { actorKey, merchant } }: Woken
): string | undefined => {
  const known = parkedNow(context, draft, keyId(letter.family, merchant, actorKey))
  if (known === undefined) return "it was not set aside"
  if (order === undefined) {
    return known.quarantined || known.paused === true ? "a person lets it go" : undefined
  }
  return known.paused === true && order.order !== "resume"
    ? "its key is paused: resume that first"
    : undefined
}

/** What an operator's wake came to. */
export const wakeOutcome = (context: FoldContext, draft: Draft, one: Woken): string => {
  const { actorKey, merchant } = one.wakes
  const now = parkedNow(context, draft, keyId(one.letter.family, merchant, actorKey))
  if (now === undefined) return "its key goes on"
  return now.quarantined ? "its key is quarantined again" : `its key waits: ${now.reason}`
}
