import type { MeterAlarm, MeteredTurn } from "../../store/meter.ts"

/** A message of a mailbox: how many letters it carries. */
export interface Stored {
  readonly seq: number
  readonly letters: number
}

/** The turns must be exactly the mailbox: each message in one of them, whole and in order. */
export const comparedWithMailbox = (
  mailbox: string,
  fromSeq: number,
  turns: ReadonlyArray<MeteredTurn>,
  messages: ReadonlyArray<Stored>
): ReadonlyArray<MeterAlarm> => {
  const alarms: Array<MeterAlarm> = []
  let index = 0
  let previous = fromSeq
  for (const { firstSeq, lastSeq, messages: counted } of turns) {
    const place = `${mailbox} ${firstSeq}`
    if (firstSeq <= previous) {
      alarms.push({
        kind: "repeat",
        place,
        detail: `turn ${firstSeq}–${lastSeq} begins before the one up to ${previous} ends`
      })
    }
    const skipped: Array<number> = []
    while (index < messages.length && messages[index]!.seq < firstSeq) {
      if (messages[index]!.seq > previous) skipped.push(messages[index]!.seq)
      index++
    }
    if (skipped.length > 0) {
      alarms.push({
        kind: "gap",
        place: `${mailbox} ${skipped[0]}`,
        detail: `${skipped.length} messages from ${skipped[0]} on belong to no turn`
      })
    }
    const own: Array<Stored> = []
    while (index < messages.length && messages[index]!.seq <= lastSeq) own.push(messages[index++]!)
    const letters = own.reduce((sum, one) => sum + one.letters, 0)
    const whole = own[0]?.seq === firstSeq && own.at(-1)?.seq === lastSeq
    if (firstSeq > previous && (!whole || letters !== counted)) {
      alarms.push({
        kind: letters > counted ? "repeat" : "gap",
        place,
        detail: `turn ${firstSeq}–${lastSeq} of ${counted} stands where the mailbox has ` +
          `${own[0]?.seq ?? "nothing"}–${own.at(-1)?.seq ?? "nothing"} with ${letters}`
      })
    }
    previous = Math.max(previous, lastSeq)
  }
  return alarms
}

/** A message on a target, under one source. */
export interface Emitted {
  readonly seq: number
  /** Its cause and ordinal; undefined where nobody of ours wrote it. */
  readonly id: readonly [causeSeq: number, ordinal: number] | undefined
}

export interface Outputs {
  readonly target: string
  /** The tail as the last turn recorded it: everything up to here is of earlier turns. */
  readonly tail: readonly [seq: number, causeSeq: number, ordinal: number] | undefined
  /** Messages of the earlier turns; undefined where their number is not known. */
  readonly expected: number | undefined
  /** The last turn, whose messages may be under way. */
  readonly last: { readonly firstSeq: number; readonly lastSeq: number }
  readonly lastEmitted: number | undefined
  /** In stream order, from behind the former tail on. */
  readonly found: ReadonlyArray<Emitted>
}

/** On a target there must be what turns emitted: each message once, none beside. */
export const comparedWithTarget = (outputs: Outputs): ReadonlyArray<MeterAlarm> => {
  const { expected, found, last, lastEmitted, tail, target } = outputs
  const alarms: Array<MeterAlarm> = []
  const alarm = (kind: MeterAlarm["kind"], seq: number, detail: string) =>
    alarms.push({ kind, place: `${target} ${seq}`, detail })
  const seen = new Set<string>()
  let earlier = 0
  let present = 0
  for (const { id, seq } of found) {
    // A stray: an acknowledgement that somebody had sent here. The relay steps over it, and so does this.
    if (id === undefined) continue
    const name = id.join("/")
    if (seen.has(name)) alarm("repeat", seq, `emission ${name} stands there twice`)
    seen.add(name)
    if (seq <= (tail?.[0] ?? 0)) earlier++
    else if (id[0] < last.firstSeq) {
      alarm("repeat", seq, `emission ${name} came again behind the tail`)
    } else if (id[0] <= last.lastSeq) present++
  }
  if (expected !== undefined && earlier < expected) {
    alarm("gap", tail?.[0] ?? 0, `${earlier} of ${expected} emitted messages are there`)
  }
  if (expected !== undefined && earlier > expected) {
    alarm("repeat", tail?.[0] ?? 0, `${earlier} messages where ${expected} were emitted`)
  }
  if (lastEmitted !== undefined && present > lastEmitted) {
    alarm("repeat", last.lastSeq, `${present} messages of a turn that emitted ${lastEmitted}`)
  }
  // A relay that found strays behind its last message has its tail at the last of them.
  const end = found.findLast(({ id, seq }) => id !== undefined && seq <= (tail?.[0] ?? 0))?.id
  if (tail !== undefined && end !== undefined && end.join("/") !== tail.slice(1).join("/")) {
    alarm("gap", tail[0], `the tail ${tail.slice(1).join("/")} is not the last message there`)
  }
  return alarms
}
