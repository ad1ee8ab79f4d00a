import { partitionOf } from "../domain/partition.ts"
import { derivedId } from "../domain/identifiers.ts"
import { storable } from "../domain/text.ts"
import { validTraceparent } from "../telemetry/traces.ts"
import type { Decision, Refusal, Timer } from "./actor.ts"
import { stateKey } from "./actor.ts"
import { nameIn, type WireNames } from "./evolution.ts"
import { type Draft, jsonOf, keptBy, type OutboxMessage } from "./draft.ts"
import { Header, type Letter, placeOf } from "./letter.ts"
import { replyAddressOf } from "./reply.ts"

/** Where messages go: given by `streams/`, so that the machine knows no family. */
export interface Addressing {
  readonly mailbox: string
  readonly partition: number
  /** `payments-07`: the token the fence watches. */
  readonly source: string
  readonly streamOf: (family: string) => string | undefined
  readonly partitions: number
  readonly routesOf: (eventType: string) => ReadonlyArray<{ to: string; as: string }>
  /** Names of message types that changed since they were first written. */
  readonly wireNames?: WireNames
  /** Bytes of one message; more is a defect of its cause, found before the commit. */
  readonly messageBytesMax: number
}

export const EVENTS_STREAM = "EVENTS"
export const DEAD_LETTERS_STREAM = "DEAD_LETTERS"

/** What the fence of a target watches: everything this source ever wrote there. */
export const fenceFilter = (target: string, source: string) =>
  target === EVENTS_STREAM
    ? `events.${source}.>`
    : target === DEAD_LETTERS_STREAM
    ? `dead.${source}.>`
    : `*.*.${source}`

type Counter = { ordinal: number }

/** Adds a decision to the turn. Returns the JSON of everything decided, for the digest. */
export const addDecision = (
  addressing: Addressing,
  draft: Draft,
  cause: Letter,
  counter: Counter,
  letter: Letter,
  decision: Decision<unknown, unknown>,
  committed: (id: string) => unknown
): ReadonlyArray<string> => {
  const { family, merchant } = letter
  const { partition } = addressing
  const kept = keptBy(draft, family)
  const parts: Array<string> = []
  // Made first: a violation must leave nothing of this decision in the turn.
  const messages = (decision.emit ?? []).map((emission) => {
    const body = jsonOf(emission.body)
    parts.push(body)
    return mailboxMessage(addressing, cause, counter, letter, { ...emission, body })
  })
  const stored = (decision.events ?? []).map((event) => {
    const json = jsonOf(event.body)
    parts.push(json)
    return { ...event, merchant, atMillis: draft.clockMillis, json }
  })
  for (const event of stored) {
    messages.push(...eventMessages(addressing, cause, counter, letter, event))
  }
  const states = (decision.put ?? []).map(([key, state]) => {
    const json = jsonOf(state)
    parts.push(json)
    const id = stateKey(merchant, key)
    const isNew = kept.states.get(id)?.isNew ?? committed(id) === undefined
    return [id, { partition, merchant, key, state, json, isNew }] as const
  })
  const timers = (decision.timers ?? []).map((timer) => {
    const body = jsonOf(timer.body)
    parts.push(timer.id, body)
    return {
      family,
      id: timer.id,
      atMillis: timer.atMillis,
      headers: timerHeaders(addressing, letter, timer),
      body
    }
  })

  for (const [id, saved] of states) kept.states.set(id, saved)
  for (const row of decision.rows ?? []) {
    const { part, seq } = letter
    kept.rows.push({ partition, merchant, at: draft.clockMillis, seq, part, row })
  }
  draft.events.push(...stored)
  draft.outbox.push(...messages)
  draft.timers.push(...timers)
  draft.answers.push(...(decision.answers ?? []))
  return parts
}

/** A detail is for people, and its event must fit everywhere. */
const DETAIL_CHARACTERS_MAX = 1_000

/** A refusal changes nothing, but whoever asked and whoever watches hears of it. */
export const addRefusal = (
  addressing: Addressing,
  draft: Draft,
  cause: Letter,
  counter: Counter,
  letter: Letter,
  refusal: Refusal
): void => {
  const replyTo = replyAddressOf(letter, () => commandIdOf(letter))
  const { code, pointer } = refusal
  const detail = storable(refusal.detail.slice(0, DETAIL_CHARACTERS_MAX))
  const refused = { code, detail, ...(pointer !== undefined && { pointer }) }
  if (replyTo !== undefined) draft.answers.push({ to: replyTo, body: { refused } })
  for (const [key, state] of refusal.put ?? []) {
    const { merchant } = letter
    const { partition } = addressing
    const saved = { partition, merchant, key, state, json: jsonOf(state), isNew: false }
    keptBy(draft, letter.family).states.set(stateKey(merchant, key), saved)
  }
  if (!/^[a-z0-9_-]{1,32}$/.test(letter.merchant)) return
  const type = `${letter.family}.command_refused`
  const body = {
    command: storable(letter.type.slice(0, 64)),
    command_id: commandIdOf(letter),
    ...refused
  }
  const event = {
    id: derivedId("evt", addressing.source, placeOf(letter), type),
    type,
    about: refusal.about ?? "",
    body,
    merchant: letter.merchant,
    atMillis: draft.clockMillis,
    json: jsonOf(body)
  }
  draft.events.push(event)
  draft.outbox.push(...eventMessages(addressing, cause, counter, letter, event))
}

const commandIdOf = (letter: Letter): string | undefined => {
  try {
    const id = JSON.parse(new TextDecoder().decode(letter.body))?.command_id
    return typeof id === "string" ? storable(id.slice(0, 255)) : undefined
  } catch {
    return undefined
  }
}

const mailboxMessage = (
  addressing: Addressing,
  cause: Letter,
  counter: Counter,
  letter: Letter,
  emission: {
    readonly to: string
    readonly type: string
    readonly key: string
    readonly partition?: number
    readonly body: string
  }
): OutboxMessage => {
  const target = addressing.streamOf(emission.to)
  if (target === undefined) throw new Error(`no mailbox ${emission.to}`)
  const partition = emission.partition ?? partitionOf(emission.key, addressing.partitions)
  return message(addressing, cause, counter, letter, {
    target,
    subject: `${emission.to}.${partition}.${addressing.source}`,
    type: nameIn(addressing.wireNames, emission.to, emission.type),
    merchant: emission.key,
    body: emission.body
  })
}

/** On EVENTS for anyone, and in the mailboxes that `streams/events.ts` names. */
const eventMessages = (
  addressing: Addressing,
  cause: Letter,
  counter: Counter,
  letter: Letter,
  event: {
    id: string
    type: string
    about: string
    merchant: string
    atMillis: number
    json: string
  }
): Array<OutboxMessage> => {
  const body = `{"about":${jsonOf(event.about)},"at":${event.atMillis},"data":${event.json},` +
    `"event_id":"${event.id}","merchant":"${event.merchant}","type":"${event.type}"}`
  const messages = [message(addressing, cause, counter, letter, {
    target: EVENTS_STREAM,
    subject: `events.${addressing.source}.${event.type}`,
    type: event.type,
    merchant: event.merchant,
    body
  })]
  for (const route of addressing.routesOf(event.type)) {
    messages.push(mailboxMessage(addressing, cause, counter, letter, {
      to: route.to,
      type: route.as,
      key: event.merchant,
      body
    }))
  }
  return messages
}

const message = (
  addressing: Addressing,
  cause: Letter,
  counter: Counter,
  letter: Letter,
  one: { target: string; subject: string; type: string; merchant: string; body: string }
): OutboxMessage => {
  if (!fits(one.body, addressing.messageBytesMax)) {
    throw new Error(`a message for ${one.target} of more than ${addressing.messageBytesMax} bytes`)
  }
  const id = { seq: cause.seq, ordinal: counter.ordinal++ }
  return { ...one, id, trace: traceOf(letter) ?? "" }
}

/** What headers, the fence, an atomic batch and the bundle add to a body, with room to spare. */
const APPEND_BYTES = 1_024

/** A stream's limit counts headers, too; what exceeds it would be sent again and again for ever. */
export const fits = (body: string, messageBytesMax: number): boolean =>
  Buffer.byteLength(body) + APPEND_BYTES <= messageBytesMax

const traceOf = (letter: Letter): string | undefined =>
  validTraceparent(letter.headers[Header.trace])

const timerHeaders = (
  { wireNames }: Addressing,
  letter: Letter,
  { atMillis, type }: Timer
) => {
  const trace = traceOf(letter)
  return [
    [Header.type, nameIn(wireNames, letter.family, type)] as const,
    [Header.merchant, letter.merchant] as const,
    ...(trace === undefined ? [] : [[Header.trace, trace] as const]),
    [Header.due, String(atMillis)] as const
  ]
}
