import type { ConsumerSpec } from "../src/bus/topology.ts"

/** An operator's tool that reads on is given a message again after this. */
const ACK_WAIT_NANOS = 30_000_000_000
const ACK_PENDING_MAX = 1_000

const durable = (stream: string, name: string, about: string, filter: string): ConsumerSpec => ({
  stream,
  name,
  config: {
    durable_name: name,
    name,
    description: about,
    deliver_policy: "all",
    ack_policy: "explicit",
    ack_wait: ACK_WAIT_NANOS,
    max_ack_pending: ACK_PENDING_MAX,
    max_deliver: -1,
    filter_subject: filter,
    metadata: {
      "io.nats.monitor.enabled": "true",
      "io.nats.monitor.outstanding-ack-critical": String(ACK_PENDING_MAX)
    }
  }
})

/** For operators and their tools: each goes on where it was. Other systems make their own (docs/streams.md). */
export const readers: ReadonlyArray<ConsumerSpec> = [
  durable("EVENTS", "operators", "Everything that happened, for operators' tools", "events.>"),
  durable("DEAD_LETTERS", "operators", "Letters set aside for a person", "dead.>"),
  durable("ADVISORIES", "operators", "What the servers tell of themselves", ">")
]
