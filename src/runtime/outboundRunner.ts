import { Cause, Context, Duration, Effect, Exit, Result, Schedule, Schema } from "effect"
import { appendLoosely, BATCH_MESSAGES_MAX, type Outgoing } from "../bus/append.ts"
import type { NatsLink } from "../bus/connection.ts"
import { ACK_WAIT_MILLIS, openSharedReader, type SharedDelivery } from "../bus/sharedReader.ts"
import { partitionOf } from "../domain/partition.ts"
import type { Database } from "../store/database.ts"
import * as metrics from "../telemetry/metrics.ts"
import { callSpan, traceIdOf } from "../telemetry/traces.ts"
import type { Emission, MessageOf, MessageSchemas, Outgoing as Call } from "./actor.ts"
import { CircuitBreaker } from "./circuitBreaker.ts"
import { jsonOf } from "./draft.ts"
import { Header } from "./letter.ts"
import type { AnyOutbound } from "./registry.ts"
import type { OutboundDirective } from "./supervision.ts"

/** A call still under way tells the server so well before it would be given to somebody else. */
const EXTEND_EVERY_MILLIS = ACK_WAIT_MILLIS / 3

/** Destinations remembered. Beyond it the breakers start afresh, closed. */
const DESTINATIONS_MAX = 10_000

const retries = Schedule.min([Schedule.exponential("50 millis"), Schedule.spaced("2 seconds")])

export interface OutboundOptions {
  readonly link: NatsLink
  readonly actor: AnyOutbound
  readonly stream: string
  readonly partitions: number
}

interface Answer {
  readonly emissions: ReadonlyArray<Emission>
  readonly delivery: SharedDelivery
}

/**
 * Runs an outbound actor: pull, call, answer, acknowledge. At least once; a crash repeats the call
 * with the same key. A message never waits for its destination: a full or broken one is answered
 * `deferred` at once and the asking actor decides.
 */
export const runOutbound = Effect.fnUntraced(function* (options: OutboundOptions) {
  const context = yield* Effect.context<Database>()
  const { actor, link } = options
  const decoders = new Map(
    Object.entries(actor.messages as MessageSchemas).map(([type, schema]) =>
      [type, Schema.decodeUnknownResult(schema)] as const
    )
  )
  const breakers = new Map<string, CircuitBreaker>()
  const answers = answerer(options)
  let inFlight = 0

  const handle = (delivery: SharedDelivery) => {
    const type = delivery.header(Header.type) ?? ""
    const message = decode(decoders.get(type), type, delivery.data)
    if (Result.isFailure(message)) {
      // Only actors write here, so this is a bug of ours: loud, and out of the way.
      return Effect.logError(`${actor.family}: ${message.failure}`).pipe(
        Effect.andThen(Effect.sync(delivery.acknowledge))
      )
    }
    const call: Call<unknown> = {
      merchant: delivery.header(Header.merchant) ?? "",
      type,
      body: message.success.body,
      redelivered: delivery.deliveries > 1,
      traceparent: delivery.header(Header.trace)
    }
    const destination = actor.destinationOf(message.success as never)
    if (breakers.size >= DESTINATIONS_MAX) breakers.clear()
    const breaker = breakers.get(destination) ?? new CircuitBreaker(actor.concurrencyPerDestination)
    breakers.set(destination, breaker)
    const span = callSpan(`${actor.family}.${type}`, "client", call.traceparent)
    return perform(actor, breaker, message.success, {
      ...call,
      traceparent: span.traceparent ?? call.traceparent
    }).pipe(
      Effect.tap(() => Effect.sync(() => span.end({ deliveries: delivery.deliveries }))),
      Effect.flatMap((emissions) => answers({ emissions, delivery })),
      Effect.annotateLogs(traceIdOf(call.traceparent))
    )
  }

  const reader: { pull: () => void; close: () => void } = yield* openSharedReader(link, {
    stream: options.stream,
    consumer: actor.family,
    filter: `${actor.family}.>`,
    inFlightMax: actor.inFlightMax,
    capacity: () => actor.inFlightMax - inFlight,
    onDelivery: (delivery) => {
      inFlight++
      const extending = setInterval(() => extend(delivery), EXTEND_EVERY_MILLIS)
      Effect.runForkWith(context as Context.Context<Database>)(
        handle(delivery).pipe(
          Effect.catchCause((cause) => Effect.logError(`${actor.family} call`, cause)),
          Effect.ensuring(Effect.sync(() => {
            clearInterval(extending)
            inFlight--
            reader.pull()
          }))
        )
      )
    }
  })
  yield* Effect.addFinalizer(() => Effect.sync(reader.close))
  return yield* Effect.never
})

const extend = (delivery: SharedDelivery) => {
  try {
    delivery.extend()
  } catch {
    // The connection is closed: the call's own end says so.
  }
}

const decode = (
  decoder: ((input: unknown) => Result.Result<unknown, Schema.SchemaError>) | undefined,
  type: string,
  data: Uint8Array
): Result.Result<MessageOf<MessageSchemas>, string> => {
  if (decoder === undefined) return Result.fail(`unknown type ${type}`)
  try {
    const body = decoder(JSON.parse(new TextDecoder().decode(data)))
    return Result.isFailure(body)
      ? Result.fail(body.failure.message)
      : Result.succeed({ type, body: body.success })
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
  const end = metrics.outboundSeconds.startTimer({ family: actor.family })
  const exit = yield* Effect.exit(
    actor.call(message as never, call).pipe(
      Effect.timeoutOption(Duration.fromInputUnsafe(actor.deadline))
    )
  )
  end()
  const verdict = verdictOf(actor, exit)
  breaker.leave(Date.now(), verdict === "answered" || verdict === "Resume")
  metrics.outboundCalls.inc({ family: actor.family, outcome: verdict.toLowerCase() })
  if (Exit.isSuccess(exit) && exit.value._tag === "Some") return exit.value.value
  if (verdict === "Defer") return actor.deferred(message as never, call)
  if (Exit.isFailure(exit) && verdict !== "Resume") {
    yield* Effect.logDebug(`${actor.family} call`, Cause.squash(exit.cause))
  }
  return actor.unknown(message as never, call)
})

const verdictOf = (
  actor: AnyOutbound,
  exit: Exit.Exit<{ readonly _tag: string }, { readonly _tag: string }>
): "answered" | OutboundDirective["_tag"] => {
  if (Exit.isSuccess(exit)) return exit.value._tag === "Some" ? "answered" : "Unknown"
  const error = Cause.findErrorOption(exit.cause)
  const table = actor.supervision as unknown as Readonly<Record<string, OutboundDirective>>
  return error._tag === "Some" ? table[error.value._tag]?._tag ?? "Unknown" : "Unknown"
}

/** Answers meet in one atomic batch while the former is under way; then their calls are acknowledged. */
const answerer = (options: OutboundOptions) => {
  const { actor, link, partitions } = options
  const queue: Array<Answer & { readonly done: () => void }> = []
  let flying = false

  const flush = (): void => {
    if (flying || queue.length === 0) return
    flying = true
    const batch: typeof queue = []
    const messages: Array<Outgoing & { target: string }> = []
    while (queue.length > 0) {
      const next = queue[0]!
      if (batch.length > 0 && messages.length + next.emissions.length > BATCH_MESSAGES_MAX) break
      batch.push(queue.shift()!)
      messages.push(...next.emissions.map((emission) => outgoing(next.delivery, emission)))
    }
    const groups = [...Map.groupBy(messages, ({ target }) => target).values()]
    Effect.runFork(
      Effect.forEach(groups, (group) => appendLoosely(link.nc, group).pipe(Effect.retry(retries)), {
        concurrency: "unbounded",
        discard: true
      }).pipe(
        Effect.ensuring(Effect.sync(() => {
          flying = false
          for (const one of batch) {
            one.delivery.acknowledge()
            one.done()
          }
          flush()
        }))
      )
    )
  }

  const outgoing = (delivery: SharedDelivery, emission: Emission) => {
    const trace = delivery.header(Header.trace)
    return {
      target: emission.to,
      subject: `${emission.to}.${
        emission.partition ?? partitionOf(emission.key, partitions)
      }.${actor.family}`,
      headers: [
        [Header.type, emission.type] as const,
        [Header.merchant, emission.key] as const,
        ...(trace === undefined ? [] : [[Header.trace, trace] as const])
      ],
      payload: jsonOf(emission.body)
    }
  }

  return (answer: Answer) =>
    Effect.callback<void>((resume) => {
      queue.push({ ...answer, done: () => resume(Effect.void) })
      if (!flying && queue.length === 1) setImmediate(flush)
    })
}
