import { type Msg, nuid } from "@nats-io/transport-node"
import { Effect } from "effect"
import { request } from "./api.ts"
import type { NatsLink } from "./connection.ts"

interface Tapped {
  readonly subject: string
  readonly seq: number
  /** Milliseconds: JetStream's stamp. */
  readonly atMillis: number
  readonly data: Uint8Array
}

/** The consumer goes this long after whoever listened. */
const INACTIVE_NANOS = 30_000_000_000

/**
 * Follows a stream from now on without acknowledging anything: for measuring and showing, never for
 * work. It costs the server little, and what is lost with a connection is lost.
 */
export const tap = Effect.fnUntraced(function* (
  link: NatsLink,
  stream: string,
  filter: string,
  onMessage: (message: Tapped) => void
) {
  const inbox = `${link.inboxPrefix}.${nuid.next()}`
  yield* Effect.acquireRelease(
    Effect.sync(() =>
      link.nc.subscribe(inbox, {
        callback: (error, message) => {
          if (error === null) onMessage(tapped(message))
        }
      })
    ),
    (subscription) => Effect.sync(() => subscription.unsubscribe())
  )
  yield* request(link.nc, `CONSUMER.CREATE.${stream}`, {
    stream_name: stream,
    config: {
      deliver_policy: "new",
      deliver_subject: inbox,
      ack_policy: "none",
      filter_subject: filter,
      inactive_threshold: INACTIVE_NANOS,
      mem_storage: true,
      num_replicas: 1
    }
  })
})

const tapped = (message: Msg): Tapped => {
  const tokens = message.reply?.split(".") ?? []
  return {
    subject: message.subject,
    seq: Number(tokens.at(-4)),
    atMillis: Number(tokens.at(-2)?.slice(0, -6)),
    data: message.data
  }
}
