import type { Delivery } from "../bus/mailboxReader.ts"
import { Header, lettersIn, ORDER, ownHeader, UNPARK } from "./letter.ts"

/** Bodies and letters of one turn: its memory and its database transaction stay bounded. */
const TURN_BYTES_MAX = 8 * 1024 * 1024
const TURN_LETTERS_MAX = 1_000

/**
 * Whole messages only: a bundle is never split between two turns, because the cursor counts messages.
 * Bounded by bytes and letters, and by one wake for each key: what waits behind a key is read before its turn
 * decides, so a second wake in the same turn would decide it again. An operator's order has a turn of
 * its own: it may wake any key.
 */
export function* batches(deliveries: ReadonlyArray<Delivery>) {
  let batch: Array<Delivery> = []
  let bytes = 0
  let letters = 0
  const woken = new Set<string>()
  let ordered = false
  for (const delivery of deliveries) {
    const wake = ownHeader(delivery, Header.type) === UNPARK
      ? `${delivery.header(Header.merchant)} ${Buffer.from(delivery.data)}`
      : undefined
    const order = ownHeader(delivery, Header.type) === ORDER
    const again = order || ordered || (wake !== undefined && woken.has(wake))
    const more = lettersIn(delivery)
    const full = bytes + delivery.data.length > TURN_BYTES_MAX || letters + more > TURN_LETTERS_MAX
    if (batch.length > 0 && (again || full)) {
      yield batch
      batch = []
      bytes = 0
      letters = 0
      woken.clear()
    }
    if (wake !== undefined) woken.add(wake)
    ordered = order
    batch.push(delivery)
    bytes += delivery.data.length
    letters += more
  }
  if (batch.length > 0) yield batch
}
