import type { Book } from "../../stack/simulator/book.ts"
import type { Command } from "./load.ts"
import {
  chargesAstray,
  effectsOutOfOrder,
  emissionsAstray,
  gapsBetweenTurns,
  imbalances,
  missingCommands,
  repeatedEffects,
  type Violations
} from "./promises.ts"
import type { ChaosRecord } from "./record.ts"
import { differencesFromReplay } from "./replay.ts"

export interface Verdict {
  readonly name: string
  readonly promise: string
  /** What was looked at; a promise nobody put to the test is not kept. */
  readonly examined: string
  readonly violations: Violations
}

export interface Judged {
  readonly record: ChaosRecord
  readonly acknowledged: ReadonlyArray<Command>
  readonly book: Book
  /** What had not come to rest, or nothing. */
  readonly unquiet: string
}

const number = (count: number): string => count.toLocaleString("en")

const orNothing = (examined: number, what: string, found: Violations): Violations =>
  examined === 0 ? [`${what}: there was nothing to look at`, ...found] : found

/** Every promise, by what stands in streams, tables and the gateway's own book. */
export const judge = ({ acknowledged, book, record, unquiet }: Judged): ReadonlyArray<Verdict> => {
  const { deadLetters, payments, postings, streams, turns } = record
  const messages = [...streams.values()].reduce((sum, stored) => sum + stored.length, 0)
  const { charges } = book.summary()
  return [
    {
      name: "rest",
      promise: "all that was begun came to rest",
      examined: `${number(payments.length)} payments`,
      violations: unquiet === "" ? [] : [unquiet]
    },
    {
      name: "G1",
      promise: "no acknowledged command is lost",
      examined: `${number(acknowledged.length)} acknowledged commands`,
      violations: orNothing(acknowledged.length, "commands", missingCommands(record, acknowledged))
    },
    {
      name: "G2",
      promise: "no command takes effect twice, no message lacks its turn",
      examined: `${number(turns.length)} turns`,
      violations: orNothing(turns.length, "turns", [
        ...repeatedEffects(record),
        ...gapsBetweenTurns(record),
        ...(deadLetters === 0 ? [] : [`${deadLetters} dead letters`])
      ])
    },
    {
      name: "G3",
      promise: "effects of one key follow the order of its mailbox",
      examined: `${number(messages)} messages decided once more`,
      violations: [...effectsOutOfOrder(record), ...differencesFromReplay(record)]
    },
    {
      name: "G5",
      promise: "every emission is in its mailbox once and in order",
      examined: `${number(messages)} messages`,
      violations: orNothing(messages, "messages", emissionsAstray(record))
    },
    {
      name: "M1",
      promise: "debits equal credits after every turn, accounts repeat the journal",
      examined: `${number(postings.length)} postings`,
      violations: orNothing(postings.length, "postings", imbalances(record))
    },
    {
      name: "M2",
      promise: "no payment is charged twice, the gateway's book agrees",
      examined: `${number(charges)} charges`,
      violations: orNothing(charges, "charges", chargesAstray(record, book))
    }
  ]
}
