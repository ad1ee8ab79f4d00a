import { PARTITIONS_RECORD } from "../src/bus/drift.ts"
import type { StreamSpec } from "../src/bus/topology.ts"
import { families, type Mailbox, mailboxes, PARTITIONS } from "./mailboxes.ts"

const SECOND_NANOS = 1_000_000_000
const DAY_NANOS = 86_400 * SECOND_NANOS
const GIB = 1024 ** 3

/** Consumed messages stay for replay; capacity must cover this age at peak (docs/protocol.md §6). */
const MAILBOX_AGE_NANOS = 14 * DAY_NANOS
const EVENTS_AGE_NANOS = 30 * DAY_NANOS
const DEAD_LETTERS_AGE_NANOS = 180 * DAY_NANOS

/** For each family that it holds messages of. */
const MAILBOX_GIB = 32
const EVENTS_GIB = 64
const DEAD_LETTERS_GIB = 8
const ADVISORIES_GIB = 1

/** What they reserve by default. */
const STREAMS_GIB_DEFAULT = families.length * MAILBOX_GIB + EVENTS_GIB + DEAD_LETTERS_GIB +
  ADVISORIES_GIB

/**
 * How much of each server's disk streams may take. JetStream reserves it when a stream is made and makes none
 * where it is not there, so it is the deployment's choice; what a mailbox cannot hold for two weeks closes its gate.
 */
export const STREAMS_GIB = Number(process.env["LASTRO_STREAMS_GIB"] || STREAMS_GIB_DEFAULT)

/** A stream's part of it, by what it has of the default. */
const roomFor = (gibByDefault: number): number =>
  Math.floor((gibByDefault * STREAMS_GIB * GIB) / STREAMS_GIB_DEFAULT)

const ADVISORIES_AGE_NANOS = 30 * DAY_NANOS

/**
 * What the server tells of itself and forgets. Not all of it: a record of every API request and of
 * every consumer made would be more than all that matters.
 */
const ADVISORIES: ReadonlyArray<string> = [
  ...["MAX_DELIVERIES", "MSG_TERMINATED", "MSG_NAKED", "LEADER_ELECTED", "QUORUM_LOST"]
    .map((kind) => `$JS.EVENT.ADVISORY.CONSUMER.${kind}.>`),
  "$JS.EVENT.ADVISORY.STREAM.>",
  "$JS.EVENT.ADVISORY.SERVER.>",
  "$JS.EVENT.ADVISORY.DOMAIN.>",
  "$JS.EVENT.ADVISORY.API.LIMIT_REACHED"
]

/** A command is small; what is larger is refused at the edge and by the stream. */
export const MESSAGE_BYTES_MAX = 512 * 1024

/** De-duplication by message id is not used: the window is the least the server takes. */
const DUPLICATE_WINDOW_NANOS = SECOND_NANOS / 10

/** Operations a copy may be behind, and how long it may be silent, before it is called critical. */
const PEER_LAG_CRITICAL = 1_000
const PEER_SEEN_CRITICAL = "10s"

/** What the standard tools (`nats server check stream`) read as their thresholds (jsm.go `monitor`). */
const monitored = (replicas: number) => ({
  "io.nats.monitor.enabled": "true",
  // One server has no peers, and a check for them would call that critical.
  ...(replicas > 1 && {
    "io.nats.monitor.peer-expect": String(replicas),
    "io.nats.monitor.peer-lag-critical": String(PEER_LAG_CRITICAL),
    "io.nats.monitor.peer-seen-critical": PEER_SEEN_CRITICAL
  })
})

const mailboxSpec = ({ families, stream }: Mailbox, replicas: number): StreamSpec => ({
  name: stream,
  // Commands apart from everything else: admission takes them off and puts them back.
  subjects: families.flatMap((family) => [`${family}.*.ingress.*.*`, `${family}.*.*`]),
  retention: "limits",
  storage: "file",
  discard: "new",
  max_age: MAILBOX_AGE_NANOS,
  max_bytes: roomFor(families.length * MAILBOX_GIB),
  max_msg_size: MESSAGE_BYTES_MAX,
  duplicate_window: DUPLICATE_WINDOW_NANOS,
  num_replicas: replicas,
  allow_atomic: true,
  allow_direct: true,
  deny_delete: true,
  deny_purge: true,
  metadata: { ...monitored(replicas), [PARTITIONS_RECORD]: String(PARTITIONS) }
})

const record = (
  name: string,
  subjects: ReadonlyArray<string>,
  age: number,
  bytes: number,
  replicas: number
): StreamSpec => ({
  name,
  subjects: [...subjects],
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
  metadata: monitored(replicas)
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
  subject_delete_marker_ttl: 10 * SECOND_NANOS,
  metadata: monitored(replicas)
})

/** Every stream and bucket. R1 on one server, R3 in a cluster. */
export const topology = (
  replicas: number,
  declared: ReadonlyArray<Mailbox> = mailboxes
): ReadonlyArray<StreamSpec> => [
  ...declared.map((mailbox) => mailboxSpec(mailbox, replicas)),
  record("EVENTS", ["events.>"], EVENTS_AGE_NANOS, roomFor(EVENTS_GIB), replicas),
  record("DEAD_LETTERS", ["dead.>"], DEAD_LETTERS_AGE_NANOS, roomFor(DEAD_LETTERS_GIB), replicas),
  record("ADVISORIES", ADVISORIES, ADVISORIES_AGE_NANOS, roomFor(ADVISORIES_GIB), replicas),
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
    metadata: monitored(replicas)
  },
  bucket("leases", 1, replicas),
  bucket("control", 64, replicas)
]
