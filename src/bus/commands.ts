import { nuid } from "@nats-io/transport-node"
import { Context, Effect, Layer, Schema } from "effect"
import type { JetStreamRefused } from "./api.ts"
import { JetStreamCode } from "./api.ts"
import { append, type Outgoing } from "./append.ts"
import { PLAIN_MESSAGES_MAX } from "./appender.ts"
import { BusUnavailable, Nats, type NatsLink } from "./connection.ts"
import { ingressSubject } from "./ingress.ts"

export { BusUnavailable }

/** Back-pressure: the mailbox does not take commands now. */
class MailboxClosed extends Schema.TaggedError<MailboxClosed>()("MailboxClosed", {
  family: Schema.String,
  retryAfterSeconds: Schema.Finite
}) {}

class CommandTooLarge extends Schema.TaggedError<CommandTooLarge>()("CommandTooLarge", {
  detail: Schema.String
}) {}

export interface Command {
  readonly family: string
  readonly type: string
  readonly merchant: string
  readonly body: string
  readonly replyTo?: string
  readonly traceparent?: string
  /** The generation of its message type, where that is not the first. */
  readonly schema?: number
}

export interface Reply {
  readonly subject: string
  /** The answer, or undefined at the limit. */
  readonly wait: (millis: number) => Effect.Effect<unknown>
  readonly close: () => void
}

export type PublishFailure = BusUnavailable | MailboxClosed | CommandTooLarge

/** Commands into mailboxes, and the answers to those who wait. */
export class Commands extends Context.Service<Commands, {
  readonly publish: (
    command: Command
  ) => Effect.Effect<{ readonly stream: string; readonly seq: number }, PublishFailure>
  /** Subscribed before it returns, so an answer cannot come too early. */
  readonly openReply: () => Reply
}>()("lastro/bus/Commands") {
  /** With so many partitions in every mailbox. */
  static readonly layerOf = (partitions: number) =>
    Layer.effect(
      Commands,
      Effect.gen(function* () {
        const link = yield* Nats
        return Commands.of(make(link, partitions))
      })
    )
}

/** Concurrent requests that share one atomic batch. More wait for the next one. */
const SHARED_BATCH_MAX = 200
/** Commands waiting for a batch. One more is told to come back: a queue that only grows helps nobody. */
const WAITING_MAX = 5_000
const RETRY_AFTER_SECONDS = 2

interface Waiting {
  readonly message: Outgoing
  readonly family: string
  readonly resolve: (seq: Effect.Effect<{ stream: string; seq: number }, PublishFailure>) => void
}

const make = (link: NatsLink, partitions: number): Commands["Service"] => {
  const queues = new Map<string, { waiting: Array<Waiting>; flying: boolean }>()

  const send = (one: Waiting) =>
    append(link.nc, [one.message]).pipe(
      Effect.mapError((error) => failureOf(one.family, error))
    )

  /** One batch in flight per mailbox: what arrives meanwhile shares the next. */
  const flush = (family: string) => {
    const queue = queues.get(family)!
    if (queue.flying || queue.waiting.length === 0) return
    queue.flying = true
    const batch = queue.waiting.splice(0, SHARED_BATCH_MAX)
    const done = Effect.sync(() => {
      queue.flying = false
      flush(family)
    })
    Effect.runFork(publishBatch(batch).pipe(Effect.ensuring(done)))
  }

  const publishBatch = (batch: ReadonlyArray<Waiting>) => {
    const oneByOne = Effect.forEach(batch, (one) => settle(one, send(one)), {
      concurrency: "unbounded",
      discard: true
    })
    if (batch.length <= PLAIN_MESSAGES_MAX) return oneByOne
    return append(link.nc, batch.map(({ message }) => message)).pipe(
      Effect.matchEffect({
        onSuccess: ({ seq, stream }) =>
          Effect.sync(() =>
            batch.forEach((one, index) =>
              one.resolve(Effect.succeed({ stream, seq: seq - batch.length + 1 + index }))
            )
          ),
        // One bad command must not fail its neighbours. A lost acknowledgement stays unknown: the
        // same key again is safe, sending again here would only make repeats.
        onFailure: (error) =>
          error._tag === "JetStreamRefused" ? oneByOne : Effect.sync(() => {
            for (const one of batch) one.resolve(Effect.fail(failureOf(one.family, error)))
          })
      })
    )
  }

  return {
    publish: (command) =>
      Effect.callback((resume) => {
        const queue = queues.get(command.family) ?? { waiting: [], flying: false }
        queues.set(command.family, queue)
        if (queue.waiting.length >= WAITING_MAX) {
          const { family } = command
          const retryAfterSeconds = RETRY_AFTER_SECONDS
          return resume(Effect.fail(new MailboxClosed({ family, retryAfterSeconds })))
        }
        const message = messageOf(command, partitions)
        queue.waiting.push({ message, family: command.family, resolve: resume })
        // Requests of the same event-loop turn meet in one batch.
        if (!queue.flying && queue.waiting.length === 1) setImmediate(() => flush(command.family))
      }),
    openReply: () => openReply(link)
  }
}

const settle = (
  one: Waiting,
  sent: Effect.Effect<{ stream: string; seq: number }, PublishFailure>
) => Effect.exit(sent).pipe(Effect.map((exit) => one.resolve(exit)))

const messageOf = (command: Command, partitions: number): Outgoing => ({
  subject: ingressSubject(command, partitions),
  headers: [
    ...(command.replyTo === undefined ? [] : [["Lastro-Reply-To", command.replyTo] as const]),
    ...(command.traceparent === undefined ? [] : [["traceparent", command.traceparent] as const]),
    ...(command.schema === undefined ? [] : [["Lastro-Schema", `${command.schema}`] as const])
  ],
  payload: command.body
})

const failureOf = (family: string, error: BusUnavailable | JetStreamRefused): PublishFailure => {
  if (error._tag === "BusUnavailable") {
    return /no responders/i.test(error.detail)
      ? new MailboxClosed({ family, retryAfterSeconds: RETRY_AFTER_SECONDS })
      : error
  }
  if (error.code === 10054) return new CommandTooLarge({ detail: error.detail })
  if (error.code === JetStreamCode.MaximumMessages) {
    return new MailboxClosed({ family, retryAfterSeconds: RETRY_AFTER_SECONDS })
  }
  return new BusUnavailable({ detail: error.message })
}

const openReply = (link: NatsLink): Reply => {
  const subject = `${link.inboxPrefix}.${nuid.next()}`
  let arrived: { readonly body: unknown } | undefined
  let awaken = () => {}
  const subscription = link.nc.subscribe(subject, {
    max: 1,
    callback: (error, message) => {
      if (error !== null) return
      try {
        arrived = { body: message.json() }
      } catch {
        return
      }
      awaken()
    }
  })
  return {
    subject,
    wait: (millis) =>
      Effect.callback<unknown>((resume) => {
        const finish = () => {
          clearTimeout(timer)
          resume(Effect.succeed(arrived?.body))
        }
        const timer = setTimeout(finish, millis)
        if (arrived !== undefined) return finish()
        awaken = finish
        return Effect.sync(() => clearTimeout(timer))
      }),
    close: () => subscription.unsubscribe()
  }
}
