import type { NatsConnection } from "@nats-io/transport-node"
import { Effect } from "effect"
import { request } from "./api.ts"

/** Messages stored but not committed, as the partition's consumer sees it; null without a consumer. */
export const consumerLag = (nc: NatsConnection, stream: string, consumer: string) =>
  request<{ num_pending: number; num_ack_pending: number }>(
    nc,
    `CONSUMER.INFO.${stream}.${consumer}`
  ).pipe(
    Effect.map(({ num_ack_pending, num_pending }): number | null => num_pending + num_ack_pending),
    Effect.orElseSucceed(() => null)
  )
