import { Effect, Schedule } from "effect"
import type { Appender } from "../bus/appender.ts"
import { gather } from "../bus/gather.ts"
import { partitionOf } from "../domain/partition.ts"
import type { Emission } from "./actor.ts"
import { BUNDLE_MESSAGES_MAX, bundlesOf, outgoingOf } from "./bundle.ts"
import { jsonOf, type OutboxMessage } from "./draft.ts"
import { nameIn, type WireNames } from "./evolution.ts"

/** What came of one call, for the actors that are to hear of it. */
interface Answer {
  readonly emissions: ReadonlyArray<Emission>
  readonly trace: string
}

/** Answers of one batch. More wait for the next. */
const ANSWERS_MAX = 500

const retries = Schedule.min([Schedule.exponential("50 millis"), Schedule.spaced("2 seconds")])

/**
 * Appends the answers of outbound calls: those that come while a batch is under way go together, one
 * bundle for each partition. They are not fenced: an answer may come twice, and its reader takes the
 * second as a repeat. Returns once they are stored, however long that takes.
 */
export const openAnswers = (options: {
  readonly appender: Appender
  readonly family: string
  readonly partitions: number
  readonly streamOf: (family: string) => string | undefined
  readonly wireNames?: WireNames
}) => {
  const { appender, family, partitions } = options
  const messagesOf = ({ emissions, trace }: Answer): ReadonlyArray<OutboxMessage> =>
    emissions.map(({ body, key, partition = partitionOf(key, partitions), to, type }) => ({
      target: options.streamOf(to) ?? to,
      subject: `${to}.${partition}.${family}`,
      id: { seq: 0, ordinal: 0 },
      type: nameIn(options.wireNames, to, type),
      merchant: key,
      trace,
      body: jsonOf(body)
    }))
  return gather<Answer, void, never, never>({
    max: ANSWERS_MAX,
    run: (batch) =>
      Effect.forEach(
        bundlesOf(batch.flatMap(messagesOf), () => BUNDLE_MESSAGES_MAX),
        (bundle) =>
          appender.append(bundle.target, [outgoingOf(bundle)]).pipe(
            Effect.tapError((error) => Effect.logWarning(`${family} answers`, error.message)),
            Effect.retry(retries),
            Effect.orDie
          ),
        { concurrency: "unbounded", discard: true }
      ).pipe(Effect.as(batch.map(() => Effect.void)))
  })
}
