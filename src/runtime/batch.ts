import type { Delivery } from "../bus/mailboxReader.ts"
import { Header, type Letter, UNPARK } from "./letter.ts"

/** Bodies of one turn: its memory and its database transaction stay bounded. */
const TURN_BYTES_MAX = 8 * 1024 * 1024

/**
 * Bounded by bytes, and by one wake for each key: what waits behind a key is read before its turn
 * decides, so a second wake in the same turn would decide it again.
 */
export function* batches(deliveries: ReadonlyArray<Delivery>) {
  let batch: Array<Delivery> = []
  let bytes = 0
  const woken = new Set<string>()
  for (const delivery of deliveries) {
    const wake = delivery.header(Header.type) === UNPARK
      ? `${delivery.header(Header.merchant)} ${Buffer.from(delivery.data)}`
      : undefined
    const again = wake !== undefined && woken.has(wake)
    if (batch.length > 0 && (again || bytes + delivery.data.length > TURN_BYTES_MAX)) {
      yield batch
      batch = []
      bytes = 0
      woken.clear()
    }
    if (wake !== undefined) woken.add(wake)
    batch.push(delivery)
    bytes += delivery.data.length
  }
  if (batch.length > 0) yield batch
}

/** Letters tried together, after PostgreSQL refused what a larger group wrote. */
export interface Group {
  readonly letters: ReadonlyArray<Letter>
  readonly wokenMax: number
  readonly defect?: string
}

/** Where to look next for the letter at fault, the first to try last; undefined where it stands alone and even its dead letter was refused. */
export const narrowed = (group: Group, cause: string): ReadonlyArray<Group> | undefined => {
  const { letters, wokenMax } = group
  const middle = letters.length >> 1
  if (middle > 0) {
    return [{ letters: letters.slice(middle), wokenMax }, {
      letters: letters.slice(0, middle),
      wokenMax
    }]
  }
  if (group.defect !== undefined) return undefined
  return letters[0]!.type === UNPARK && wokenMax > 1
    ? [{ letters, wokenMax: wokenMax >> 1 }]
    : [{ letters, wokenMax, defect: cause }]
}
