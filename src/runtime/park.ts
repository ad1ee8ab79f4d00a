import { derivedId } from "../domain/identifiers.ts"
import { keyId, type MachineRefusal } from "./actor.ts"
import { type Draft, foldDigest, jsonOf, type NamedKey, type ParkedKey } from "./draft.ts"
import type { Cause } from "./cause.ts"
import type { FoldContext } from "./foldContext.ts"
import type { Readable } from "./opened.ts"
import { deadLetterOf } from "./deadLetter.ts"
import { Header, UNPARK } from "./letter.ts"
import { addRefusal } from "./outbox.ts"
import type { Directive } from "./supervision.ts"

/** Waiting messages of one key decided in one turn; what is beyond waits for the next wake. */
export const PARKED_MESSAGES_WOKEN_MAX = 500

/** Whether a key is set aside at this point of the turn. */
export const parkedNow = (context: FoldContext, draft: Draft, id: string): ParkedKey | undefined =>
  draft.parked.get(id) ?? (draft.unparked.has(id) ? undefined : context.parked.get(id))

/** Applies the supervision table to one letter. */
export const parkAfterFailure = (
  context: FoldContext,
  draft: Draft,
  one: Readable,
  cause: Cause,
  failure: { readonly tag: string; readonly cause: string },
  attempts: number
): { readonly outcome: string; readonly waits: boolean } => {
  const { letter } = one
  const table = context.members.get(letter.family)!.actor.supervision as unknown as Readonly<
    Record<string, Directive>
  >
  const directive = table[failure.tag]
  const delayMillis = directive?._tag === "Retry" ? directive.delaysMillis[attempts] : undefined
  if (directive?._tag === "Resume") {
    const letterDead = deadLetterOf(
      letter,
      one.keys[0],
      "failed",
      failure.cause,
      attempts + 1
    )
    draft.deadLetters.push(letterDead)
    addRefusal(context.addressing, draft, cause, letter, {
      code: "failed" satisfies MachineRefusal,
      detail: failure.tag
    })
    return { outcome: foldDigest(draft, letter, "failed", []), waits: false }
  }
  if (delayMillis === undefined) {
    quarantine(draft, one, "failed", failure.cause)
    return { outcome: foldDigest(draft, letter, "quarantined", []), waits: true }
  }
  const wakeAtMillis = draft.clockMillis + delayMillis
  setAside(draft, one, {
    attempts: attempts + 1,
    quarantined: false,
    reason: failure.tag,
    wakeAtMillis
  })
  const { family, merchant } = letter
  wakeLater(draft, { family, merchant, actorKey: one.keys[0] }, wakeAtMillis)
  return { outcome: foldDigest(draft, letter, "parked", []), waits: true }
}

/** Stops one key until a person lets it go. The letter stays at the head of its queue, and is listed. */
export const quarantine = (
  draft: Draft,
  one: Readable,
  reason: "defect" | "failed",
  cause: string
): void => {
  draft.deadLetters.push(
    deadLetterOf(one.letter, one.keys[0], reason, cause, 1)
  )
  setAside(draft, one, {
    attempts: 0,
    quarantined: true,
    reason: cause.slice(0, 200),
    wakeAtMillis: Number.MAX_SAFE_INTEGER
  })
}

const setAside = (
  draft: Draft,
  one: Readable,
  how: { attempts: number; quarantined: boolean; reason: string; wakeAtMillis: number }
): void => {
  const { family, merchant } = one.letter
  const actorKey = one.keys[0]
  const id = keyId(family, merchant, actorKey)
  draft.parked.set(id, { family, merchant, actorKey, ...how })
  draft.parkedLetters.push({ id, one, family, merchant, actorKey })
}

/** The key stays aside and is woken at once: it has more waiting than one turn takes, or may go on. */
export const parkAgain = (
  draft: Draft,
  { actorKey, family, merchant }: NamedKey,
  reason: string
): void => {
  const wakeAtMillis = draft.clockMillis
  draft.parked.set(keyId(family, merchant, actorKey), {
    family,
    merchant,
    actorKey,
    attempts: 0,
    quarantined: false,
    reason,
    wakeAtMillis
  })
  wakeLater(draft, { family, merchant, actorKey }, wakeAtMillis)
}

const wakeLater = (draft: Draft, key: NamedKey, wakeAtMillis: number): void => {
  draft.timers.push({
    family: key.family,
    id: derivedId("park", key.family, key.merchant, key.actorKey),
    atMillis: wakeAtMillis,
    headers: [
      [Header.type, UNPARK],
      [Header.merchant, key.merchant],
      [Header.due, String(wakeAtMillis)]
    ],
    body: jsonOf({ key: key.actorKey })
  })
}
