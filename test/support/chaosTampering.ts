import type { Book } from "../../src/simulators/card/book.ts"
import type { Command } from "../../src/trials/chaos/load.ts"
import {
  chargesAstray,
  emissionsAstray,
  gapsBetweenTurns,
  imbalances,
  missingCommands,
  repeatedEffects,
  type Violations
} from "../../src/trials/chaos/promises.ts"
import type { ChaosRecord, StateDoc, Stored } from "../../src/trials/chaos/record.ts"
import { differencesFromReplay } from "../../src/trials/chaos/replay.ts"

interface Context {
  readonly acknowledged: ReadonlyArray<Command>
  readonly book: Book
}

/** A record as it would stand after one thing had gone wrong, and the inspection that must see it. */
export interface Tampering {
  readonly what: string
  readonly spoil: (record: ChaosRecord) => ChaosRecord
  readonly inspect: (record: ChaosRecord, context: Context) => Violations
}

const withStream = (
  record: ChaosRecord,
  stream: string,
  change: (messages: ReadonlyArray<Stored>) => ReadonlyArray<Stored>
): ChaosRecord => ({
  ...record,
  streams: new Map([...record.streams, [stream, change(record.streams.get(stream)!)]])
})

const middle = (list: ReadonlyArray<unknown>) => list.length >> 1

const without = <A>(list: ReadonlyArray<A>, at = middle(list)) => list.toSpliced(at, 1)

/** The next message from the same source (or partition) as the one in the middle changes places with it. */
const swapped = (messages: ReadonlyArray<Stored>, placeOf: (one: Stored) => string) => {
  const at = middle(messages)
  const place = placeOf(messages[at]!)
  const other = messages.findIndex((one, index) => index > at && placeOf(one) === place)
  return messages.with(at, messages[other]!).with(other, messages[at]!)
}

const changed = <A>(list: ReadonlyArray<A>, change: (one: A) => A, at = middle(list)) =>
  list.with(at, change(list[at]!))

/** One state of this kind is another, or gone. There must be one. */
const withState = (
  record: ChaosRecord,
  isIt: (state: StateDoc) => boolean,
  change: (state: StateDoc) => StateDoc | undefined
): ChaosRecord => {
  const [key, state] = [...record.states].find(([, one]) => isIt(one))!
  const after = change(state)
  const others = [...record.states].filter(([id]) => id !== key)
  return {
    ...record,
    states: new Map(after === undefined ? others : [...others, [key, after]])
  }
}

export const tamperings: ReadonlyArray<Tampering> = [
  {
    what: "a payment that is not there",
    spoil: (record) => ({ ...record, payments: without(record.payments) }),
    inspect: (record, { acknowledged }) => missingCommands(record, acknowledged)
  },
  {
    what: "a payment too many",
    spoil: (record) => ({ ...record, payments: [...record.payments, record.payments[0]!] }),
    inspect: repeatedEffects
  },
  {
    what: "a turn that is not there",
    spoil: (record) => ({ ...record, turns: without(record.turns) }),
    inspect: gapsBetweenTurns
  },
  {
    what: "a message in two turns",
    spoil: (record) => ({
      ...record,
      turns: changed(record.turns, (turn) => ({ ...turn, messages: turn.messages + 1 }))
    }),
    inspect: gapsBetweenTurns
  },
  {
    what: "two messages of one partition decided the other way round",
    spoil: (record) =>
      withStream(
        record,
        "PAYMENTS",
        (all) => swapped(all, ({ subject }) => subject.split(".")[1]!)
      ),
    inspect: differencesFromReplay
  },
  {
    what: "an emission that was never appended",
    spoil: (record) => withStream(record, "EVENTS", without),
    inspect: emissionsAstray
  },
  {
    what: "an emission appended twice",
    spoil: (record) => withStream(record, "GATEWAY", (all) => [...all, all.at(-1)!]),
    inspect: emissionsAstray
  },
  {
    what: "emissions of one source in another order",
    spoil: (record) =>
      withStream(record, "EVENTS", (all) => swapped(all, ({ subject }) => subject.split(".")[1]!)),
    inspect: emissionsAstray
  },
  {
    what: "an account moved twice by one turn",
    spoil: (record) => ({
      ...record,
      accounts: changed(record.accounts, (one) => ({ ...one, version: one.version + 1 }))
    }),
    inspect: imbalances
  },
  {
    what: "an account that its journal does not explain",
    spoil: (record) => ({
      ...record,
      accounts: changed(record.accounts, (one) => ({
        ...one,
        posted_debits: one.posted_debits + 1n
      }))
    }),
    inspect: imbalances
  },
  {
    what: "a posting that no turn made",
    spoil: (record) => ({
      ...record,
      postings: changed(record.postings, (one) => ({ ...one, partition: 99 }))
    }),
    inspect: imbalances
  },
  {
    what: "a wallet that holds more than is booked",
    spoil: (record) =>
      withState(record, ({ _tag }) => _tag === "Balance", (one) => ({
        ...one,
        available: `${BigInt(one.available!) + 1n}`
      })),
    inspect: imbalances
  },
  {
    what: "a transfer that was acknowledged and is nowhere",
    spoil: (record) => withState(record, ({ direction }) => direction === "out", () => undefined),
    inspect: (record, { acknowledged }) => missingCommands(record, acknowledged)
  },
  {
    what: "a conversion that is not what its messages make of it",
    spoil: (record) =>
      withState(record, ({ id }) => id.startsWith("fxc_"), (one) => ({ ...one, status: "other" })),
    inspect: differencesFromReplay
  },
  {
    what: "a payout that the gateway made and nobody knows of",
    spoil: (record) =>
      withState(record, ({ _tag, status }) => _tag === "Payout" && status === "paid", (one) => ({
        ...one,
        status: "failed"
      })),
    inspect: (record, { book }) => chargesAstray(record, book)
  },
  {
    what: "money at the gateway that the payment does not know of",
    spoil: (record) => ({
      ...record,
      payments: changed(
        record.payments,
        (one) => ({ ...one, amount_captured: "0" }),
        record.payments.findIndex(({ status }) => status === "captured")
      )
    }),
    inspect: (record, { book }) => chargesAstray(record, book)
  }
]
