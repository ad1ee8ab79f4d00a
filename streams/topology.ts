import type { StreamSpec } from "../src/bus/topology.ts"
import { type Mailbox, mailboxes, PARTITIONS } from "./mailboxes.ts"

const SECOND_NANOS = 1_000_000_000
const DAY_NANOS = 86_400 * SECOND_NANOS
const GIB = 1024 ** 3

/** Consumed messages stay for replay; capacity must cover this age at peak (PROTOCOL §6). */
const MAILBOX_AGE_NANOS = 14 * DAY_NANOS
const EVENTS_AGE_NANOS = 30 * DAY_NANOS
const DEAD_LETTERS_AGE_NANOS = 180 * DAY_NANOS
const MAILBOX_BYTES = 32 * GIB

/** A command is small; what is larger is refused at the edge and by the stream. */
export const MESSAGE_BYTES_MAX = 512 * 1024

/** De-duplication by message id is not used: the window is the least the server takes. */
const DUPLICATE_WINDOW_NANOS = SECOND_NANOS / 10

const monitored = (extra: Record<string, string> = {}) => ({
  "io.nats.monitor.enabled": "true",
  ...extra
})

const mailbox = ({ family, stream }: Mailbox, replicas: number): StreamSpec => ({
  name: stream,
  subjects: [`lastro.${family}.*.*`, `${family}.>`],
  subject_transform: {
    src: `lastro.${family}.*.*`,
    dest: `${family}.{{partition(${PARTITIONS},2)}}.ingress.{{wildcard(1)}}.{{wildcard(2)}}`
  },
  retention: "limits",
  storage: "file",
  discard: "new",
  max_age: MAILBOX_AGE_NANOS,
  max_bytes: MAILBOX_BYTES,
  max_msg_size: MESSAGE_BYTES_MAX,
  duplicate_window: DUPLICATE_WINDOW_NANOS,
  num_replicas: replicas,
  allow_atomic: true,
  allow_direct: true,
  deny_delete: true,
  deny_purge: true,
  metadata: monitored()
})

const record = (
  name: string,
  subject: string,
  age: number,
  bytes: number,
  replicas: number
): StreamSpec => ({
  name,
  subjects: [subject],
  retention: "limits",
  storage: "file",
  discard: "old",
  max_age: age,
  max_bytes: bytes,
  duplicate_window: DUPLICATE_WINDOW_NANOS,
  num_replicas: replicas,
  allow_atomic: true,
  allow_direct: true,
  deny_delete: true,
  metadata: monitored()
})

const bucket = (name: string, history: number, replicas: number): StreamSpec => ({
  name: `KV_${name}`,
  subjects: [`$KV.${name}.>`],
  retention: "limits",
  storage: "file",
  discard: "new",
  max_msgs_per_subject: history,
  duplicate_window: DUPLICATE_WINDOW_NANOS,
  num_replicas: replicas,
  allow_direct: true,
  allow_rollup_hdrs: true,
  deny_delete: true,
  allow_msg_ttl: true,
  subject_delete_marker_ttl: 10 * SECOND_NANOS
})

/** Every stream and bucket. R1 on one server, R3 in a cluster. */
export const topology = (replicas: number): ReadonlyArray<StreamSpec> => [
  ...mailboxes.map((declared) => mailbox(declared, replicas)),
  record("EVENTS", "events.>", EVENTS_AGE_NANOS, 64 * GIB, replicas),
  record("DEAD_LETTERS", "dead.>", DEAD_LETTERS_AGE_NANOS, 8 * GIB, replicas),
  {
    // Schedules fire inside their own stream and cannot live where new messages are discarded.
    name: "TIMERS",
    subjects: ["timers.>"],
    retention: "limits",
    storage: "file",
    discard: "old",
    duplicate_window: DUPLICATE_WINDOW_NANOS,
    num_replicas: replicas,
    allow_atomic: true,
    allow_direct: true,
    allow_rollup_hdrs: true,
    allow_msg_schedules: true,
    allow_msg_ttl: true,
    metadata: monitored()
  },
  bucket("leases", 1, replicas),
  bucket("control", 64, replicas)
]
