import type { ReplayReport } from "../../proof/replay/replay.ts"
import type { Book } from "../../simulators/card/book.ts"
import type { Command } from "./load.ts"
import {
  chargesAstray,
  effectsOutOfOrder,
  emissionsAstray,
  epochsBackwards,
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
  /** Told and not judged: other faults of the same moment have their share in it. */
  readonly measured?: true
}

export interface Judged {
  readonly record: ChaosRecord
  readonly acknowledged: ReadonlyArray<Command>
  readonly book: Book
  /** What had not come to rest, or nothing. */
  readonly unquiet: string
  /** How copies of streams differ. */
  readonly apart: Violations
  /** Every family decided once more from its mailbox, into tables of its own. */
  readonly replays: ReadonlyArray<ReplayReport>
  readonly fences: Readonly<Record<string, number>>
  /** From the kill or freeze of a worker to the next owner's first commit. */
  readonly failOver: { readonly count: number; readonly longest_ms: number }
  readonly longestPauseMillis: number
  readonly leaseMillis: number
  /** Sends that were not acknowledged and went out again under the same name. */
  readonly repeats: number
}

/** What no fault here puts to the test; each has tests of its own. */
export const unjudged = ["G6", "G7", "G9", "G11", "G12"] as const

const number = (count: number): string => count.toLocaleString("en")

const orNothing = (examined: number, what: string, found: Violations): Violations =>
  examined === 0 ? [`${what}: there was nothing to look at`, ...found] : found

/** Every promise, by what stands in streams, tables and the gateway's own book. */
export const judge = (judged: Judged): ReadonlyArray<Verdict> => {
  const { payments, streams } = judged.record
  const messages = [...streams.values()].reduce((sum, stored) => sum + stored.length, 0)
  return [
    {
      name: "rest",
      promise: "all that was begun came to rest",
      examined: `${number(payments.length)} payments`,
      violations: judged.unquiet === "" ? [] : [judged.unquiet]
    },
    {
      name: "copies",
      promise: "every copy of a stream is the same",
      examined: `${number(messages)} messages on three servers`,
      violations: orNothing(messages, "messages", judged.apart)
    },
    ...onCommands(judged),
    ...onWorkers(judged, messages),
    ...onMoney(judged)
  ]
}

const onCommands = ({ acknowledged, record, repeats }: Judged): ReadonlyArray<Verdict> => {
  const { deadLetters, turns } = record
  return [
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
      name: "G13",
      promise: "what is sent again under the same name takes effect once",
      examined: `${number(repeats)} sends that were repeated`,
      violations: repeatedEffects(record)
    }
  ]
}

const onWorkers = (judged: Judged, messages: number): ReadonlyArray<Verdict> => {
  const { failOver, fences, leaseMillis, longestPauseMillis, record, replays } = judged
  const replayed = replays.reduce((sum, one) => sum + one.messages, 0)
  const fenced = Object.values(fences).reduce((sum, count) => sum + count, 0)
  return [
    {
      name: "G3",
      promise: "effects of one key follow the order of its mailbox",
      examined: `${number(messages)} messages decided once more`,
      violations: [...effectsOutOfOrder(record), ...differencesFromReplay(record)]
    },
    {
      name: "G4",
      promise: "a worker that lost its lease neither commits nor appends",
      examined: `${number(fenced)} attempts stopped`,
      violations: epochsBackwards(record)
    },
    {
      name: "G5",
      promise: "every emission is in its mailbox once and in order",
      examined: `${number(messages)} messages`,
      violations: orNothing(messages, "messages", emissionsAstray(record))
    },
    {
      name: "G8",
      promise: `fail-over of a worker takes at most ${number(leaseMillis + 1_000)} ms`,
      examined:
        `${number(failOver.count)} partitions, longest ${number(failOver.longest_ms)} ms; ` +
        `longest gap of any partition ${number(longestPauseMillis)} ms`,
      violations: [],
      measured: true
    },
    {
      name: "G15",
      promise: "replaying the mailboxes gives the same digests, rows and balances",
      examined: `${number(replayed)} messages of ${replays.length} families`,
      violations: orNothing(
        replayed,
        "messages",
        replays.flatMap(({ differences, family }) => differences.map((one) => `${family}: ${one}`))
      )
    }
  ]
}

const onMoney = ({ book, record }: Judged): ReadonlyArray<Verdict> => {
  const { postings } = record
  const { charges } = book.summary()
  return [
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
