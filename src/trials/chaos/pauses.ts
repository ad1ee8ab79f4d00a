import { mailboxes } from "../../../streams/mailboxes.ts"
import type { ChaosRecord } from "./record.ts"

/** How long the messages of a turn waited for it, though nothing of their partition was before them. */
export interface Pause {
  /** `payments.3` */
  readonly slot: string
  /** Revision of the lease under which the turn was committed. */
  readonly epoch: number
  /** When the turn was committed. */
  readonly atMillis: number
  readonly millis: number
  /** The turn before was committed under another lease. */
  readonly moved: boolean
}

/**
 * A pause begins with the partition's last commit or with the arrival of the turn's first message,
 * whichever came later: a partition to which nobody writes does not pause.
 */
export const pausesOf = ({ streams, turns }: ChaosRecord): ReadonlyArray<Pause> => {
  const arrivals = new Map<string, ReadonlyMap<number, number>>(
    mailboxes.filter(({ kind }) => kind === "keyed").map(({ mailbox, stream }) => [
      mailbox,
      new Map((streams.get(stream) ?? []).map(({ atMillis, seq }) => [seq, atMillis]))
    ])
  )
  const bySlot = Map.groupBy(turns, ({ family, partition }) => `${family}.${partition}`)
  return [...bySlot].flatMap(([slot, mine]) =>
    mine.map(({ committedMillis, epoch, family, first_seq }, index) => {
      const before = mine[index - 1]
      const arrived = arrivals.get(family)?.get(first_seq) ?? committedMillis
      const since = Math.max(arrived, before?.committedMillis ?? 0)
      return {
        slot,
        epoch,
        atMillis: committedMillis,
        millis: Math.max(0, Math.round(committedMillis - since)),
        moved: before !== undefined && before.epoch !== epoch
      }
    })
  )
}

export const longest = (pauses: ReadonlyArray<Pause>): number =>
  pauses.reduce((most, { millis }) => Math.max(most, millis), 0)
