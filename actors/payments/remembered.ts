import { Result } from "effect"
import { fingerprint } from "../../src/domain/fingerprint.ts"
import type { Received } from "../../src/runtime/actor.ts"
import { type Decided, NOTHING, refuse } from "./decision.ts"
import type { State } from "./state.ts"
import type { Terms } from "./terms.ts"

/** All that a command asks for: what tells a repeat from another one under its name. */
export const printOf = ({ command_id: _, ...wanted }: { readonly command_id: string }): string =>
  fingerprint(wanted)

/** The same command again: no effect, the same answer. Another body under its name: a refusal. */
export const remembered = (
  before: string | undefined,
  now: string,
  about: string,
  same: () => Decided
): Decided =>
  before === now
    ? same()
    : refuse("command_reused", "this command_id was used with another body", about)

/** Whoever asks again gets the answer, or waits for it as the first one does. */
export const answeredAgain = (
  { replyTo }: Received<Terms>,
  answer: () => unknown,
  /** The state with one more who waits, where the answer is still to come. */
  waiting?: (to: string) => readonly [key: string, state: State]
): Decided => {
  if (replyTo === undefined) return NOTHING
  return Result.succeed(
    waiting === undefined
      ? { answers: [{ to: replyTo, body: answer() }] }
      : { put: [waiting(replyTo)] }
  )
}

/** Who waits for one thing. The longest waiting give way: they still find the outcome by reading. */
const WAITERS_MAX = 20

export const waitingToo = <Waiter>(
  waiters: ReadonlyArray<Waiter>,
  one: Waiter
): ReadonlyArray<Waiter> => [...waiters, one].slice(-WAITERS_MAX)
