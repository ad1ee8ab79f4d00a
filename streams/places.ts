import type { Addressing } from "../src/runtime/outbox.ts"
import { routesOf } from "./events.ts"
import { mailboxes, PARTITIONS, sourceOf } from "./mailboxes.ts"
import { wireNames } from "./messages/changes.ts"
import { MESSAGE_BYTES_MAX } from "./topology.ts"

const streamByFamily = new Map<string, string>(
  mailboxes.map(({ family, stream }) => [family, stream])
)
const familyByStream = new Map<string, string>(
  mailboxes.map(({ family, stream }) => [stream, family])
)

/** What the machine, which knows no family, is told of all that is declared here. */
export const places = {
  partitions: PARTITIONS,
  streamOf: (family: string): string | undefined => streamByFamily.get(family),
  familyOf: (stream: string): string => familyByStream.get(stream) ?? stream.toLowerCase(),
  sourceOf,
  routesOf,
  messageBytesMax: MESSAGE_BYTES_MAX,
  wireNames,
  /** Mailboxes whose messages are calls to the world. */
  outboundStreams: new Set<string>(
    mailboxes.filter(({ kind }) => kind === "outbound").map(({ stream }) => stream)
  )
}

/** Where what a partition decides goes. */
export const addressingOf = (family: string, partition: number): Addressing => ({
  ...places,
  family,
  partition,
  source: sourceOf(family, partition)
})
