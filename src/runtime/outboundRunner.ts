import { Cause, Context, Duration, Effect, Exit, Result } from "effect"
import type { Appender } from "../bus/appender.ts"
import type { NatsLink } from "../bus/connection.ts"
import type { Control } from "../bus/control.ts"
import { ACK_WAIT_MILLIS, openSharedReader, type SharedDelivery } from "../bus/sharedReader.ts"
import type { Database } from "../store/database.ts"
import * as metrics from "../telemetry/metrics.ts"
import { callSpan, traceIdOf } from "../telemetry/traces.ts"
import type { Emission, MessageOf, Outgoing as Call } from "./actor.ts"
import { openAnswers } from "./answers.ts"
import { BUNDLE_CALLS_MAX } from "./bundle.ts"
import { CircuitBreaker } from "./circuitBreaker.ts"
import { Departure } from "./departure.ts"
import { jsonOf } from "./draft.ts"
import {
  type Decoder,
  decodersOf,
  generationOf,
  isNewer,
  type MessageSchemas,
  type WireNames
} from "./evolution.ts"
import { Header, type Letter, lettersOf } from "./letter.ts"
import { fits } from "./outbox.ts"
import type { AnyOutbound } from "./registry.ts"
import type { OutboundDirective } from "./supervision.ts"
import { setCallAside } from "./unreadableCall.ts"

/** A call still under way tells the server so well before it would be given to somebody else. */
const EXTEND_EVERY_MILLIS = ACK_WAIT_MILLIS / 3

/** A call that this worker is too old for is offered again after this time, to whoever asks first. */
const TOO_NEW_MILLIS = 1_000

/** Destinations remembered. Beyond it the breakers start afresh, closed. */
const DESTINATIONS_MAX = 10_000

/** At the end, calls under way have this long to be answered; then another worker repeats them. */
const DRAIN_MILLIS = 5_000

interface OutboundOptions {
  readonly link: NatsLink
  readonly appender: Appender
  /** A paused family calls nobody; what it was given already is finished. */
  readonly control: Pick<Control, "isPaused" | "onChange">
  readonly actor: AnyOutbound
  readonly stream: string
  readonly partitions: number
  readonly streamOf: (family: string) => string | undefined
  /** Bytes of one answer; a larger one could never be stored. */
  readonly messageBytesMax: number
  readonly wireNames?: WireNames
}

/** The consumer of a family's calls that all workers share. */
export const outboundConsumer = (
  { family, inFlightMax }: Pick<AnyOutbound, "family" | "inFlightMax">,
  stream: string
) => ({ stream, consumer: family, filter: `${family}.>`, inFlightMax })

/**
 * Runs an outbound actor: pull, call, answer, acknowledge. At least once; a crash repeats the call
 * with the same key. A message never waits for its destination: a full or broken one is answered
 * `deferred` at once and the asking actor decides.
 */
export const runOutbound = Effect.fnUntraced(function* (options: OutboundOptions) {
  const context = yield* Effect.context<Database>()
  const { actor, link } = options
  const answers = yield* openAnswers({ ...options, family: actor.family })
  const decoders = decodersOf(actor.messages, actor.changes)
  const generation = generationOf(actor.changes)
  const isTooNew = ({ type }: Letter) => !decoders.has(type) && isNewer(type, generation)
  const handle = callHandler(options, decoders, answers)
  let inFlight = 0
  let closed = false
  let drained = () => {}

  /** A bundle is acknowledged when the last of its calls is answered. */
  const take = (delivery: SharedDelivery) => {
    const letters = lettersOf(delivery)
    // Calls have no order to keep: what only a newer worker can read goes back until one has it.
    if (letters.some(isTooNew)) return delivery.postpone(TOO_NEW_MILLIS)
    inFlight += letters.length
    const extending = setInterval(() => extend(delivery), EXTEND_EVERY_MILLIS)
    let left = letters.length
    const done = () => {
      inFlight--
      if (--left > 0) return
      clearInterval(extending)
      delivery.acknowledge()
      if (closed && inFlight === 0) drained()
      else reader.pull()
    }
    for (const letter of letters) {
      Effect.runForkWith(context as Context.Context<Database>)(
        Effect.suspend(() => handle(letter, delivery.deliveries)).pipe(
          Effect.catchCause((cause) => Effect.logError(`${actor.family} call`, cause)),
          Effect.ensuring(Effect.sync(done))
        )
      )
    }
  }

  const reader: { pull: () => void; close: () => void } = yield* openSharedReader(link, {
    ...outboundConsumer(actor, options.stream),
    capacity: () =>
      options.control.isPaused(actor.family)
        ? 0
        : Math.ceil((actor.inFlightMax - inFlight) / BUNDLE_CALLS_MAX),
    onDelivery: take
  })
  options.control.onChange(reader.pull)
  yield* Effect.addFinalizer(() =>
    Effect.callback<void>((resume) => {
      reader.close()
      closed = true
      drained = () => resume(Effect.void)
      if (inFlight === 0) drained()
    }).pipe(Effect.timeoutOption(DRAIN_MILLIS))
  )
  return yield* Effect.never
})

const callHandler = (
  { actor, messageBytesMax }: OutboundOptions,
  decoders: ReadonlyMap<string, Decoder>,
  answers: (answer: {
    readonly emissions: ReadonlyArray<Emission>
    readonly trace: string
  }) => Effect.Effect<void>
) => {
  const breakers = new Map<string, CircuitBreaker>()
  const breakerOf = (destination: string): CircuitBreaker => {
    const known = breakers.get(destination)
    if (known !== undefined) return known
    if (breakers.size >= DESTINATIONS_MAX) breakers.clear()
    const made = new CircuitBreaker(actor.concurrencyPerDestination)
    breakers.set(destination, made)
    return made
  }
  const isStorable = ({ body }: Emission) => fits(jsonOf(body), messageBytesMax)

  return (letter: Letter, deliveries: number): Effect.Effect<void, never, Database> => {
    const message = decode(decoders.get(letter.type), letter)
    if (Result.isFailure(message)) {
      return setCallAside(letter, message.failure)
    }
    const trace = letter.headers[Header.trace]
    const span = callSpan(`${actor.family}.${message.success.type}`, "client", trace)
    const call: Call<unknown> = {
      merchant: letter.merchant,
      type: message.success.type,
      body: message.success.body,
      redelivered: deliveries > 1,
      traceparent: span.traceparent ?? trace
    }
    const door = Effect.sync(() => breakerOf(actor.destinationOf(message.success as never)))
    return door.pipe(
      Effect.matchCauseEffect({
        onSuccess: (breaker) => perform(actor, breaker, message.success, call),
        onFailure: (cause) =>
          Effect.as(
            Effect.logError(`${actor.family} call`, cause),
            actor.unsent(message.success as never, call)
          )
      }),
      Effect.tap(() => Effect.sync(() => span.end({ deliveries }))),
      Effect.flatMap((emissions) =>
        answers({
          // What cannot be stored says nothing: whoever asked has to ask again.
          emissions: emissions.every(isStorable)
            ? emissions
            : actor.unknown(message.success as never, call),
          trace: trace ?? ""
        })
      ),
      Effect.annotateLogs(traceIdOf(trace))
    )
  }
}

const extend = (delivery: SharedDelivery) => {
  try {
    delivery.extend()
  } catch {
    // The connection is closed: the call's own end says so.
  }
}

const decode = (
  decoder: Decoder | undefined,
  { body: data, parsed, type }: Letter
): Result.Result<MessageOf<MessageSchemas>, string> => {
  if (decoder === undefined) return Result.fail(`unknown type ${type}`)
  try {
    const body = decoder.decode(parsed ?? JSON.parse(new TextDecoder().decode(data)))
    return Result.isFailure(body)
      ? Result.fail(body.failure.message)
      : Result.succeed({ type: decoder.type, body: body.success })
  } catch (error) {
    return Result.fail((error as Error).message)
  }
}

/** One call under its deadline; what its failure means is the actor's supervision table. */
const perform = Effect.fnUntraced(function* (
  actor: AnyOutbound,
  breaker: CircuitBreaker,
  message: MessageOf<MessageSchemas>,
  call: Call<unknown>
): Effect.fn.Return<ReadonlyArray<Emission>, never, Database> {
  if (!breaker.enter(Date.now())) {
    metrics.outboundCalls.inc({ family: actor.family, outcome: "deferred" })
    return actor.deferred(message as never, call)
  }
  const departure = { left: false }
  const end = metrics.outboundSeconds.startTimer({ family: actor.family })
  const exit = yield* Effect.exit(
    Effect.suspend(() => actor.call(message as never, call)).pipe(
      Effect.timeoutOption(Duration.fromInputUnsafe(actor.deadline)),
      Effect.provideService(Departure, departure)
    )
  )
  end()
  const verdict = verdictOf(actor, exit)
  // What we did wrong ourselves, or could not begin (the database is away), says nothing of the destination.
  if (verdict === "defect" || (verdict === "Defer" && !departure.left)) breaker.withdraw(Date.now())
  else breaker.leave(Date.now(), verdict === "answered" || verdict === "Resume")
  metrics.outboundCalls.inc({ family: actor.family, outcome: verdict.toLowerCase() })
  if (Exit.isSuccess(exit) && exit.value._tag === "Some") return exit.value.value
  if (Exit.isFailure(exit) && verdict === "defect") {
    yield* Effect.logError(`${actor.family} call`, exit.cause)
    const answer = departure.left ? actor.unknown : actor.unsent
    return answer(message as never, call)
  }
  if (verdict === "Defer") return actor.deferred(message as never, call)
  if (Exit.isFailure(exit) && verdict !== "Resume") {
    yield* Effect.logDebug(`${actor.family} call`, Cause.squash(exit.cause))
  }
  return actor.unknown(message as never, call)
})

const verdictOf = (
  actor: AnyOutbound,
  exit: Exit.Exit<{ readonly _tag: string }, { readonly _tag: string }>
): "answered" | "defect" | OutboundDirective["_tag"] => {
  if (Exit.isSuccess(exit)) return exit.value._tag === "Some" ? "answered" : "Unknown"
  if (Cause.hasDies(exit.cause)) return "defect"
  const error = Cause.findErrorOption(exit.cause)
  const table = actor.supervision as unknown as Readonly<Record<string, OutboundDirective>>
  return error._tag === "Some" ? table[error.value._tag]?._tag ?? "Unknown" : "Unknown"
}
