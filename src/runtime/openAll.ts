import { Effect } from "effect"
import type { DatabaseUnavailable } from "../store/database.ts"
import { TurnStore } from "../store/turnStore.ts"
import { NewerMessage } from "./evolution.ts"
import type { Opened, Ordered, Readable, Unreadable, Woken } from "./opened.ts"
import { type Letter, letterOf } from "./letter.ts"
import { type Deciding, PartitionOutdated } from "./owned.ts"
import { PARKED_MESSAGES_WOKEN_MAX } from "./park.ts"

/**
 * Opens the letters of one turn, and reads from the tables what they bring back: waiting and dead letters.
 * Where one is of a newer worker nothing is decided: whoever knows it begins with this very turn.
 */
export const openAll = (
  owned: Deciding,
  letters: ReadonlyArray<Letter>
) =>
  openEach(owned, letters).pipe(
    Effect.catchDefect((defect) =>
      defect instanceof NewerMessage
        ? Effect.fail(new PartitionOutdated({ detail: defect.message }))
        : Effect.die(defect)
    )
  )

const openEach = Effect.fnUntraced(function* (
  owned: Deciding,
  letters: ReadonlyArray<Letter>
) {
  const asked: ReadonlyArray<Opened> = letters.map((letter) => opened(owned, letter))
  const each = asked.some(({ _tag }) => _tag === "Ordered")
    ? yield* Effect.forEach(asked, (one) => openOrder(owned, one))
    : asked
  const wakes = each.filter((one): one is Woken => one._tag === "Woken")
  if (wakes.length === 0) return each
  const store = yield* TurnStore
  const stored = yield* store.parkedMessages(
    owned.partition,
    wakes.map(({ letter: { family }, wakes }) => ({ family, ...wakes })),
    // One more than is decided tells whether any are left.
    PARKED_MESSAGES_WOKEN_MAX + 1
  )
  return each.map((one): Opened => {
    if (one._tag !== "Woken") return one
    const behind = stored
      .filter((row) =>
        row.family === one.letter.family && row.merchant === one.wakes.merchant &&
        row.actorKey === one.wakes.actorKey
      )
      .map((row) => opened(owned, storedLetter(row, row.seq, row.atMillis, row.part, row.step)))
      .filter((each): each is Readable | Unreadable =>
        each._tag === "Readable" || each._tag === "Unreadable"
      )
    return { ...one, behind, max: PARKED_MESSAGES_WOKEN_MAX }
  })
})

const opened = ({ members }: Deciding, letter: Letter): Opened =>
  members.get(letter.family)!.open(letter)

const storedLetter = (
  row: { readonly subject: string; readonly headers: string; readonly body: Uint8Array },
  seq: number,
  atMillis: number,
  part: number,
  step = 0
): Letter =>
  letterOf(
    {
      subject: row.subject,
      seq,
      atMillis,
      data: row.body,
      headers: () => JSON.parse(row.headers)
    },
    part,
    step
  )

/**
 * What an order comes to. A dead letter that stopped its key stands at the head of that key's queue,
 * and is decided or dropped there; another is decided anew in the place of the order.
 */
const openOrder = Effect.fnUntraced(function* (
  owned: Deciding,
  one: Opened
): Effect.fn.Return<Opened, DatabaseUnavailable, TurnStore> {
  if (one._tag !== "Ordered") return one
  const { letter, order } = one
  const wake = (merchant: string, actorKey: string): Woken => ({
    _tag: "Woken",
    letter,
    wakes: { merchant, actorKey },
    behind: [],
    max: 0,
    order
  })
  if (order.order === "pause") return one
  if (order.order === "resume") return wake(order.merchant, order.key)
  const store = yield* TurnStore
  const dead = yield* store.deadLetter(letter.family, owned.partition, order.dead_letter)
  const ordered: Ordered = { _tag: "Ordered", letter, order, dead }
  if (dead === undefined || dead.status !== "open") return ordered
  if (dead.waits) {
    const woken = wake(dead.merchant, dead.actorKey!)
    const { part, seq, step } = dead
    return order.order === "replay" ? woken : { ...woken, drops: { seq, part, step } }
  }
  if (order.order === "discard") return ordered
  const again = opened(owned, storedLetter(dead, letter.seq, letter.atMillis, letter.part))
  return again._tag === "Readable" || again._tag === "Unreadable" || again._tag === "Reconfigure"
    ? { _tag: "Replayed", letter, action: order.action, dead, again }
    : ordered
})
