import { Effect } from "effect"
import { request } from "./api.ts"
import type { BusClient } from "./connection.ts"

/** Messages a consumer has not been given or not acknowledged; null where there is no such consumer. */
export const consumerLag = (nc: BusClient, stream: string, consumer: string) =>
  request<{ num_pending: number; num_ack_pending: number }>(
    nc,
    `CONSUMER.INFO.${stream}.${consumer}`
  ).pipe(
    Effect.map(({ num_ack_pending, num_pending }): number | null => num_pending + num_ack_pending),
    Effect.orElseSucceed(() => null)
  )

interface Lag {
  /** Messages stored but not committed; null while nobody owns the partition. */
  readonly messages: number | null
  /** Age of the oldest of them. */
  readonly seconds: number
}

/** How far a partition is behind: asked of its consumer, and where it is behind of the stream. */
export const partitionLag = Effect.fnUntraced(function* (
  nc: BusClient,
  place: { readonly stream: string; readonly consumer: string; readonly filter: string },
  cursorSeq: number
): Effect.fn.Return<Lag> {
  const { consumer, filter, stream } = place
  const messages = yield* consumerLag(nc, stream, consumer)
  if (messages === 0) return { messages, seconds: 0 }
  const oldest = yield* request<{ message: { time: string } }>(nc, `STREAM.MSG.GET.${stream}`, {
    seq: cursorSeq + 1,
    next_by_subj: filter
  }).pipe(
    Effect.map(({ message }) => Date.parse(message.time)),
    Effect.orElseSucceed(() => Date.now())
  )
  return { messages, seconds: Math.max(0, (Date.now() - oldest) / 1_000) }
})
