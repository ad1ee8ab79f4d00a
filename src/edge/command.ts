import { Effect } from "effect"
import { findRefusal } from "../../actors/payments/read.ts"
import { mayPass } from "../../actors/payments/refused.ts"
import { Commands, type PublishFailure, type Reply } from "../bus/commands.ts"
import { holdsCardNumber } from "../domain/cardNumber.ts"
import { CARD_REFUSED } from "../domain/cardPointers.ts"
import { fingerprint } from "../domain/fingerprint.ts"
import { CommandId } from "../domain/identifiers.ts"
import { knownClaims, type NewClaim } from "../store/idempotency.ts"
import { Schema } from "effect"
import { generationOfType } from "../../streams/messages/changes.ts"
import { Database } from "../store/database.ts"
import { Claims } from "./claims.ts"
import { assertMatch, etagOf } from "./conditions.ts"
import { problem, refusalProblem, type Refused, unavailable } from "./problem.ts"
import { read } from "./reading.ts"
import { namedCommand } from "./refusals.ts"
import type { Answer, Asked } from "./route.ts"

/** A wait longer than this is answered 202: the connection is worth more to others. */
const WAIT_SECONDS_MAX = 30
/** How long a request under a key that another body came under waits at least. */
const CONTESTED_WAIT_MILLIS = 5_000
/** The safety net beside the reply, which is best effort. */
const POLL_MILLIS = 700

export interface Intent {
  readonly family: string
  readonly type: string
  readonly merchant: string
  /** What the command makes or concerns. */
  readonly about: string
  readonly body: Readonly<Record<string, unknown>>
  /** Where it is found; a payment where left out. */
  readonly location?: string
  /** The resource as it is now, where it exists. */
  readonly current: Effect.Effect<unknown, never, never>
  /**
   * Whether a resource read from PostgreSQL ends the wait. Left out where the resource existed
   * before: then only the actor's own reply tells what became of this command.
   */
  readonly isOutcome?: (resource: unknown) => boolean
}

const isCommandId = Schema.is(CommandId)

export const idempotencyKeyOf = (asked: Asked) => {
  const key = asked.header("idempotency-key")
  if (key === undefined || key === "") {
    return Effect.fail(problem("idempotency_key_missing", "send an Idempotency-Key header"))
  }
  const wrong = !isCommandId(key)
    ? "the key has 1 to 255 printable characters"
    : holdsCardNumber(key)
    ? `the key ${CARD_REFUSED}`
    : undefined
  return wrong === undefined
    ? Effect.succeed(key)
    : Effect.fail(problem("idempotency_key_invalid", wrong))
}

/** `Prefer: wait=5` → 5000, at most 30 seconds; 0 where nobody waits. */
const waitMillis = (prefer: string | undefined): number => {
  const match = /(?:^|[,;\s])wait=(\d{1,4})/.exec(prefer ?? "")
  return match === null ? 0 : Math.min(Number(match[1]), WAIT_SECONDS_MAX) * 1_000
}

/** Claim, publish, wait (docs/protocol.md §9). */
export const perform = Effect.fnUntraced(function* (asked: Asked, intent: Intent) {
  const claims = yield* Claims
  const claim: NewClaim = {
    merchant: intent.merchant,
    operation: `${asked.requestPath}`,
    key: intent.body["command_id"] as string,
    fingerprint: fingerprint(asked.json ?? {}),
    about: intent.about
  }
  if (asked.header("if-match") !== undefined) yield* assertFresh(asked, intent, claim)
  const claimed = yield* claims.claim(claim).pipe(
    Effect.mapError(() => unavailable("the request could not be recorded: send it again"))
  )
  const wait = waitMillis(asked.header("prefer"))
  if (claimed._tag === "Known") {
    const { claim: known } = claimed
    if (known.fingerprint !== claim.fingerprint) return yield* contested(asked, intent, wait)
    const refusal = known.state === "refused" ? known.refusal as Refused : yield* refused(intent)
    if (refusal !== undefined && !mayPass(refusal.code)) return yield* refusalTold(refusal, true)
    // Where only the actor knows, it is asked again: it takes the command as a repeat, or decides it
    // anew where its refusal has passed.
    if (known.state === "published" && intent.isOutcome !== undefined) {
      if (wait === 0 || (yield* intent.current) !== undefined) {
        return yield* repeated(asked, intent, wait)
      }
    }
  }
  return yield* publish(asked, intent, claim, wait, claimed._tag === "Known")
})

/** What is remembered of a refusal that nobody waited for. An outage there only means asking the actor. */
const refused = Effect.fnUntraced(function* ({ about, body, merchant, type }: Intent) {
  const database = yield* Database
  const command = { about, type, id: body["command_id"] as string }
  return yield* database.query("edge.refusal", (db) => findRefusal(db, merchant, command)).pipe(
    Effect.orElseSucceed(() => undefined)
  )
})

/** Over HTTP a command's name is its Idempotency-Key. */
const refusalTold = (refusal: Refused, replayed: boolean) =>
  refusal.code === "command_reused"
    ? problem(
      "idempotency_key_reused",
      "this Idempotency-Key was used with another body",
      replayed ? { replayed } : {}
    )
    : refusalProblem(refusal, replayed)

/**
 * Another body came under this key before. It may have been the wrong one, under a name that a producer
 * had used already, so that only the actor knows which of them the key stands for. What is remembered of the
 * other request stays as it is.
 */
const contested = Effect.fnUntraced(function* (asked: Asked, intent: Intent, wait: number) {
  const outcome = yield* send(asked, intent, Math.max(wait, CONTESTED_WAIT_MILLIS))
  if (outcome === undefined) {
    return yield* unavailable(
      "another body came under this key, and which of them counts is not known yet"
    )
  }
  const { refused } = outcome as { refused?: Refused }
  if (refused !== undefined) return yield* refusalTold(refused, false)
  return wait === 0 ? accepted(asked, intent, true) : created(intent, resourceIn(outcome), true)
})

/**
 * The state that a command was meant for is looked at before its key is taken, so that the same request can
 * be sent again for a later one. What was asked before is answered as before: it has moved the state itself.
 */
const assertFresh = Effect.fnUntraced(function* (asked: Asked, intent: Intent, claim: NewClaim) {
  const known = yield* read("edge.claims", (db) => knownClaims(db, [claim]))
  if (known.length === 0) yield* assertMatch(asked, etagOf(yield* intent.current))
})

const publish = Effect.fnUntraced(function* (
  asked: Asked,
  intent: Intent,
  claim: NewClaim,
  wait: number,
  repeat: boolean
) {
  const claims = yield* Claims
  const outcome = yield* send(asked, intent, wait, () => claims.published(claim))
  const refusal = outcome === undefined
    ? wait === 0 ? undefined : yield* refused(intent)
    : (outcome as { refused?: Refused }).refused
  if (refusal !== undefined) {
    if (!mayPass(refusal.code)) yield* Effect.ignore(claims.refused(claim, refusal))
    return yield* refusalTold(refusal, repeat)
  }
  return outcome === undefined
    ? accepted(asked, intent, repeat)
    : created(intent, resourceIn(outcome), repeat)
})

/** Sends a command, and waits for the outcome where anybody waits: undefined where none came. */
const send = Effect.fnUntraced(function* (
  asked: Asked,
  intent: Intent,
  wait: number,
  taken: () => void = () => {}
) {
  const commands = yield* Commands
  // Subscribed before the command leaves, so that the answer cannot come too early.
  const reply = wait > 0 ? commands.openReply() : undefined
  return yield* Effect.gen(function* () {
    const schema = generationOfType(intent.family, intent.type)
    yield* commands.publish({
      ...(schema !== 1 && { schema }),
      family: intent.family,
      type: intent.type,
      merchant: intent.merchant,
      body: JSON.stringify(intent.body),
      ...(reply !== undefined && { replyTo: reply.subject }),
      ...(asked.traceparent !== undefined && { traceparent: asked.traceparent })
    }).pipe(Effect.mapError(publishProblem))
    taken()
    return reply && (yield* waitFor(intent, reply, wait))
  }).pipe(Effect.ensuring(Effect.sync(() => reply?.close())))
})

/** A reply names what it is about. */
const resourceIn = (outcome: unknown): unknown => {
  const { conversion, payment, payout, quote, transfer } = outcome as Readonly<
    Record<string, unknown>
  >
  return payment ?? payout ?? transfer ?? quote ?? conversion
}

const publishProblem = (error: PublishFailure) => {
  switch (error._tag) {
    case "MailboxClosed":
      return unavailable("too much is waiting: send the request again", error.retryAfterSeconds)
    case "CommandTooLarge":
      return problem("too_large", error.detail)
    case "BusUnavailable":
      return unavailable("it is not known whether the request was taken: send it again, same key")
  }
}

/** The reply or, should it get lost, what PostgreSQL says. */
const waitFor = Effect.fnUntraced(function* (intent: Intent, reply: Reply, millis: number) {
  const deadline = Date.now() + millis
  for (let left = millis; left > 0; left = deadline - Date.now()) {
    const told = yield* reply.wait(Math.min(left, POLL_MILLIS))
    if (told !== undefined) return told
    const current = yield* intent.current
    if (current !== undefined && intent.isOutcome?.(current)) return { payment: current }
  }
  return undefined
})

/** The same request again: the resource as it is now, waited for if asked. */
const repeated = Effect.fnUntraced(function* (asked: Asked, intent: Intent, millis: number) {
  const deadline = Date.now() + millis
  for (;;) {
    const current = yield* intent.current
    if (current !== undefined && intent.isOutcome?.(current)) return created(intent, current, true)
    if (Date.now() >= deadline) {
      return current === undefined ? accepted(asked, intent, true) : {
        ...accepted(asked, intent, true),
        body: current
      }
    }
    yield* Effect.sleep(100)
  }
})

const headersOf = (location: string, repeat: boolean): Record<string, string> => ({
  location,
  ...(repeat && { "idempotent-replayed": "true" })
})

const locationOf = ({ about, location }: Intent): string => location ?? `/v1/payments/${about}`

/** Where its outcome will be. What was there before shows nothing of one command, unless it is named. */
const accepted = (asked: Asked, intent: Intent, repeat: boolean): Answer => {
  const { about, body, isOutcome, merchant, type } = intent
  // An operator's key reads it only where it says whose it is.
  const whose = asked.caller.merchant === "" ? `&merchant=${merchant}` : ""
  const location = isOutcome === undefined
    ? `${locationOf(intent)}?${namedCommand(type, body["command_id"] as string)}${whose}`
    : locationOf(intent)
  return {
    status: 202,
    body: { id: about, status: "accepted" },
    headers: headersOf(location, repeat)
  }
}

const created = (intent: Intent, resource: unknown, repeat: boolean): Answer => ({
  status: 201,
  body: resource,
  headers: headersOf(locationOf(intent), repeat)
})
