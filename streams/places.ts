import type { Addressing } from "../src/runtime/outbox.ts"
import { routesOf } from "./events.ts"
import { bulk, type Mailbox, mailboxes, PARTITIONS, sourceOf } from "./mailboxes.ts"
import { wireNames } from "./messages/changes.ts"
import { MESSAGE_BYTES_MAX } from "./topology.ts"

/** What the machine, which knows no family, is told of all that is declared here. */
export const placesOf = (mailboxes: ReadonlyArray<Mailbox>) => {
  const byFamily = new Map<string, Mailbox>(
    mailboxes.flatMap((mailbox) => mailbox.families.map((family) => [family, mailbox] as const))
  )
  return {
    partitions: PARTITIONS,
    mailboxes,
    streamOf: (family: string): string | undefined => byFamily.get(family)?.stream,
    mailboxOf: (family: string): string => byFamily.get(family)?.mailbox ?? family,
    /**
     * What one family tells another of its mailbox is decided where it was told, without a stored message,
     * but for what is much.
     */
    isLocal: (from: string, to: string, type: string): boolean => {
      const mailbox = byFamily.get(to)
      return from !== to && mailbox !== undefined && mailbox === byFamily.get(from) &&
        !bulk.some(([family, bulkType]) => family === to && bulkType === type)
    },
    sourceOf,
    routesOf,
    messageBytesMax: MESSAGE_BYTES_MAX,
    wireNames,
    /** Mailboxes whose messages are calls to the world. */
    outboundStreams: new Set<string>(
      mailboxes.filter(({ kind }) => kind === "outbound").map(({ stream }) => stream)
    )
  }
}

export const places = placesOf(mailboxes)

/** Where what a partition of a mailbox decides goes. */
export const addressingOf = (mailbox: string, partition: number): Addressing => ({
  ...places,
  mailbox,
  partition,
  source: sourceOf(mailbox, partition)
})
