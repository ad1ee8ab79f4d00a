import { Effect } from "effect"
import type { NatsLink } from "../../bus/connection.ts"
import { partitionFilter } from "../../bus/ingress.ts"
import type { Delivery } from "../../bus/mailboxReader.ts"
import { openScan } from "../../bus/scan.ts"
import { streamFacts } from "../../bus/tail.ts"
import { Header, lettersIn } from "../../runtime/letter.ts"
import { fenceFilter } from "../../runtime/outbox.ts"
import { Database } from "../../store/database.ts"
import {
  type MeterAlarm,
  type MeteredTurn,
  type MeterPosition,
  turnsAfter
} from "../../store/meter.ts"
import { comparedWithMailbox, comparedWithTarget, type Emitted, type Stored } from "./compare.ts"

/** Where mailboxes keep their messages, given by `streams/`. */
export interface MeterPlaces {
  readonly streamOf: (family: string) => string | undefined
  readonly sourceOf: (mailbox: string, partition: number) => string
}

/** Of one sample: more is left for the next, so that a meter never takes the machine from the work. */
const TURNS_MAX = 500
const MESSAGES_MAX = 5_000

export interface Sample {
  readonly alarms: ReadonlyArray<MeterAlarm>
  /** Where the next sample goes on. */
  readonly to: Omit<MeterPosition, "cursorSeq" | "cursorDigest">
}

/** Compares what was committed since `from` with the mailbox and with every target, up to a limit. */
export const sample = Effect.fnUntraced(function* (
  link: NatsLink,
  places: MeterPlaces,
  from: MeterPosition
) {
  const database = yield* Database
  const found = yield* database.query("meter.turns", (db) => turnsAfter(db, from, TURNS_MAX))
  const turns = affordable(found)
  const last = turns.at(-1)
  const alarms: Array<MeterAlarm> = []
  const mailbox = places.streamOf(from.family) ?? from.family
  if (last !== undefined) alarms.push(...yield* sampleMailbox(link, mailbox, from, turns))
  if (found.length < TURNS_MAX && (found.at(-1)?.lastSeq ?? from.seq) < from.cursorSeq) {
    alarms.push({
      kind: "gap",
      place: `${mailbox} ${from.cursorSeq}`,
      detail: `the cursor stands at ${from.cursorSeq}, behind the last turn`
    })
  }
  if (last?.lastSeq === from.cursorSeq && last.digest !== from.cursorDigest) {
    alarms.push({
      kind: "gap",
      place: `${mailbox} ${from.cursorSeq}`,
      detail: "the cursor's digest is not that of its last turn"
    })
  }
  const outputs = yield* sampleTargets(link, places, from, turns)
  return {
    alarms: [...alarms, ...outputs.alarms],
    to: {
      family: from.family,
      partition: from.partition,
      firstSeq: last?.firstSeq ?? from.firstSeq,
      seq: last?.lastSeq ?? from.cursorSeq,
      tails: last?.tails ?? from.tails,
      owed: last === undefined ? from.owed : last.emitted,
      messages: turns.reduce((sum, one) => sum + one.messages, from.messages),
      outputs: from.outputs + outputs.compared
    }
  } satisfies Sample
})

/** As many of the oldest turns as one sample may look at; always one. */
const affordable = (turns: ReadonlyArray<MeteredTurn>): ReadonlyArray<MeteredTurn> => {
  let messages = 0
  const emitted = new Map<string, number>()
  const beyond = turns.findIndex((turn) => {
    messages += turn.messages
    for (const [target, count] of Object.entries(turn.emitted ?? {})) {
      emitted.set(target, (emitted.get(target) ?? 0) + count)
    }
    return Math.max(messages, ...emitted.values()) > MESSAGES_MAX
  })
  return beyond < 0 ? turns : turns.slice(0, Math.max(1, beyond))
}

const sampleMailbox = Effect.fnUntraced(function* (
  link: NatsLink,
  stream: string,
  from: MeterPosition,
  turns: ReadonlyArray<MeteredTurn>
) {
  const { firstSeq } = yield* streamFacts(link.nc, stream)
  const lastSeq = turns.at(-1)!.lastSeq
  const filter = partitionFilter(from.partition)
  const deliveries = yield* scanned(link, {
    stream,
    filter,
    startSeq: Math.max(from.seq + 1, firstSeq),
    untilSeq: lastSeq,
    expected: turns.reduce((sum, one) => sum + one.messages, 0)
  })
  const messages = deliveries.map((delivery): Stored => ({
    seq: delivery.seq,
    letters: lettersIn(delivery)
  }))
  // What aged out before anybody compared it cannot be compared any more.
  const comparable = turns.filter((one) => one.firstSeq >= firstSeq)
  const aged = turns.findLast((one) => one.firstSeq < firstSeq)
  const since = Math.max(from.seq, aged?.lastSeq ?? 0)
  return comparedWithMailbox(
    stream,
    since,
    comparable,
    messages.filter(({ seq }) => seq > since && seq <= lastSeq)
  )
})

/** Headers of a filter's messages up to a sequence. */
const scanned = (
  link: NatsLink,
  what: {
    readonly stream: string
    readonly filter: string
    readonly startSeq: number
    readonly untilSeq: number
    readonly expected: number
  }
) =>
  Effect.scoped(Effect.gen(function* () {
    const scan = yield* openScan(link, { ...what, headersOnly: true })
    const found: Array<Delivery> = []
    // Twice what should be there, and a little: a mailbox full of strange messages must not fill memory.
    const most = what.expected * 2 + 100
    for (;;) {
      const page = yield* scan.page(Math.min(500, what.expected + 20))
      found.push(...page)
      if (page.length === 0 || found.length >= most || page.at(-1)!.seq >= what.untilSeq) break
    }
    return found
  }))

const sampleTargets = Effect.fnUntraced(function* (
  link: NatsLink,
  places: MeterPlaces,
  from: MeterPosition,
  turns: ReadonlyArray<MeteredTurn>
) {
  const last = turns.at(-1) ?? {
    firstSeq: from.firstSeq,
    lastSeq: from.seq,
    tails: from.tails,
    emitted: from.owed
  }
  const earlier = turns.length === 0
    ? []
    : [from.owed, ...turns.slice(0, -1).map((one) => one.emitted)]
  const source = places.sourceOf(from.family, from.partition)
  const targets = new Set([
    ...Object.keys(from.tails),
    ...Object.keys(last.tails),
    ...[...earlier, last.emitted].flatMap((one) => Object.keys(one ?? {}))
  ])
  const alarms: Array<MeterAlarm> = []
  let compared = 0
  for (const target of targets) {
    const before = from.tails[target]?.[0] ?? 0
    const tail = last.tails[target]
    const facts = yield* streamFacts(link.nc, target)
    // Nothing new there, and nothing to be there.
    if (facts.lastSeq <= Math.max(before, tail?.[0] ?? 0) && turns.length === 0) continue
    const counted = sumOf(earlier, target)
    // Where messages aged out, or their tail with them, their number says nothing.
    const aged = facts.firstSeq > before + 1 || (tail === undefined && before > 0)
    const deliveries = yield* scanned(link, {
      stream: target,
      filter: fenceFilter(target, source),
      startSeq: before + 1,
      untilSeq: tail?.[0] ?? before,
      expected: (counted ?? MESSAGES_MAX) + (last.emitted?.[target] ?? 0)
    })
    const expected = aged ? undefined : counted
    alarms.push(...comparedWithTarget({
      target,
      tail,
      expected,
      last,
      lastEmitted: last.emitted?.[target] ?? (last.emitted === null ? undefined : 0),
      found: deliveries.map(emitted)
    }))
    compared += expected ?? 0
  }
  return { alarms, compared }
})

const sumOf = (
  emitted: ReadonlyArray<Readonly<Record<string, number>> | null>,
  target: string
): number | undefined =>
  emitted.includes(null) ? undefined : emitted.reduce((sum, one) => sum + (one![target] ?? 0), 0)

const emitted = ({ header, seq }: Delivery): Emitted => {
  const parts = header(Header.emission)?.split("/").slice(2).map(Number)
  return { seq, id: parts?.length === 2 ? [parts[0]!, parts[1]!] : undefined }
}
