import { derivedId } from "../domain/identifiers.ts"
import type { DeadLetterRow } from "../store/deadLetters.ts"
import type { DeadLetter } from "./draft.ts"
import { headersJson, type Letter, placeOf } from "./letter.ts"

/** A letter for a person, by what became of it. */
export const deadLetterOf = (
  letter: Letter,
  actorKey: string | undefined,
  reason: DeadLetter["reason"],
  cause: string,
  attempts: number
): DeadLetter => ({
  id: derivedId("dl", letter.family, letter.subject, placeOf(letter), String(attempts)),
  letter,
  actorKey,
  reason,
  // Causes are for people: long ones are cut. They never hold the body (it may hold personal data).
  cause: cause.slice(0, 1_000),
  attempts
})

/** As it is stored, in the partition of its mailbox. */
export const deadLetterRow = (partition: number, dead: DeadLetter): DeadLetterRow => ({
  id: dead.id,
  family: dead.letter.family,
  partition,
  seq: dead.letter.seq,
  part: dead.letter.part,
  step: dead.letter.step,
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
