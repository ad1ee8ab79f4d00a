import { partitionOf } from "../domain/partition.ts"
import { readBack } from "../domain/canonicalJson.ts"
import { derivedId } from "../domain/identifiers.ts"
import { storable } from "../domain/text.ts"
import { validTraceparent } from "../telemetry/traces.ts"
import type { Decision, Emission, Refusal, Timer } from "./actor.ts"
import { stateKey } from "./actor.ts"
import type { Cause } from "./cause.ts"
import { nameIn, type WireNames } from "./evolution.ts"
import { type Draft, jsonOf, keptBy, type OutboxMessage, type StoredEvent } from "./draft.ts"
import { eventBody } from "./eventBody.ts"
import { InnerLetter } from "./innerLetter.ts"
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
  /**
   * Whether what one family tells another is decided in its own turn, where it stays in the partition. By
   * default nothing is.
   */
  readonly isLocal?: (from: string, to: string, type: string) => boolean
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

/** What a decision sends: out of the partition, and to other families in it. */
interface Sent {
  readonly messages: Array<OutboxMessage>
  readonly inner: Array<ConstructorParameters<typeof InnerLetter>[3]>
}

/** Adds a decision to the turn. Returns the JSON of everything decided, for the digest. */
export const addDecision = (
  addressing: Addressing,
  draft: Draft,
  cause: Cause,
  letter: Letter,
  decision: Decision<unknown, unknown>,
  committed: (id: string) => unknown
): ReadonlyArray<string> => {
  const { family, merchant } = letter
  const { partition } = addressing
  const kept = keptBy(draft, family)
  const parts: Array<string> = []
  // Made first: a violation must leave nothing of this decision in the turn.
  const sent: Sent = { messages: [], inner: [] }
  for (const emission of decision.emit ?? []) {
    parts.push(sendEmission(addressing, cause, letter, sent, emission))
  }
  const stored = (decision.events ?? []).map((event) => {
    const json = jsonOf(event.body)
    parts.push(json)
    return { ...event, merchant, atMillis: draft.clockMillis, json }
  })
  for (const event of stored) sendEvent(addressing, cause, letter, sent, event)
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
    const { part, seq, step } = letter
    kept.rows.push({ partition, merchant, at: draft.clockMillis, seq, part, step, row })
  }
  draft.events.push(...stored)
  draft.timers.push(...timers)
  draft.answers.push(...(decision.answers ?? []))
  addSent(draft, cause, letter, sent)
  return parts
}

const addSent = (draft: Draft, cause: Cause, letter: Letter, { inner, messages }: Sent): void => {
  draft.outbox.push(...messages)
  for (const one of inner) {
    draft.inner.push(new InnerLetter(cause.letter, ++cause.steps, letter, one))
  }
}

/** A detail is for people, and its event must fit everywhere. */
const DETAIL_CHARACTERS_MAX = 1_000

/** A refusal changes nothing, but whoever asked and whoever watches hears of it. */
export const addRefusal = (
  addressing: Addressing,
  draft: Draft,
  cause: Cause,
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
  const sent: Sent = { messages: [], inner: [] }
  sendEvent(addressing, cause, letter, sent, event)
  addSent(draft, cause, letter, sent)
}

const commandIdOf = (letter: Letter): string | undefined => {
  try {
    const id = JSON.parse(new TextDecoder().decode(letter.body))?.command_id
    return typeof id === "string" ? storable(id.slice(0, 255)) : undefined
  } catch {
    return undefined
  }
}

/** A message for a family's mailbox, written only where it has to be. */
interface Addressed {
  readonly to: string
  readonly type: string
  readonly key: string
  readonly partition?: number
  /** Where it tells of an event. */
  readonly eventId?: string
  readonly json: () => string
  readonly value: () => unknown
}

/** Returns what the digest has of it: what is sent out of the partition is decided by nobody here. */
const sendEmission = (
  addressing: Addressing,
  cause: Cause,
  letter: Letter,
  sent: Sent,
  { body, ...emission }: Emission
): string => {
  let told = `${emission.to} ${emission.type}`
  send(addressing, cause, letter, sent, {
    ...emission,
    json: () => (told = jsonOf(body)),
    value: () => readBack(body)
  })
  return told
}

/**
 * Which way a message goes depends on who sends it, its type and its key, and on nothing else: another
 * family of this partition decides it in this very turn.
 */
const send = (
  addressing: Addressing,
  cause: Cause,
  letter: Letter,
  sent: Sent,
  { eventId, json, key, partition: named, to, type, value }: Addressed
): void => {
  const target = addressing.streamOf(to)
  if (target === undefined) throw new Error(`no mailbox ${to}`)
  const partition = named ?? partitionOf(key, addressing.partitions)
  const subject = `${to}.${partition}.${addressing.source}`
  const written = nameIn(addressing.wireNames, to, type)
  if (
    partition === addressing.partition && addressing.isLocal?.(letter.family, to, type) === true
  ) {
    sent.inner.push({ family: to, subject, type: written, merchant: key, body: value() })
    return
  }
  sent.messages.push(
    message(addressing, cause, letter, {
      target,
      subject,
      type: written,
      merchant: key,
      body: json(),
      ...(eventId !== undefined && { eventId })
    })
  )
}

/** On EVENTS for anyone, and to the families that `streams/events.ts` names. */
const sendEvent = (
  addressing: Addressing,
  cause: Cause,
  letter: Letter,
  sent: Sent,
  event: StoredEvent
): void => {
  const { about, atMillis, id, merchant, type } = event
  const body = eventBody(event)
  sent.messages.push(message(addressing, cause, letter, {
    target: EVENTS_STREAM,
    subject: `events.${addressing.source}.${type}`,
    type,
    merchant,
    body,
    eventId: id
  }))
  for (const route of addressing.routesOf(type)) {
    send(addressing, cause, letter, sent, {
      to: route.to,
      type: route.as,
      key: merchant,
      eventId: id,
      json: () => body,
      value: () => ({
        about,
        at: atMillis,
        data: readBack(event.body),
        event_id: id,
        merchant,
        type
      })
    })
  }
}

const message = (
  addressing: Addressing,
  cause: Cause,
  letter: Letter,
  one: Omit<OutboxMessage, "id" | "trace">
): OutboxMessage => {
  if (!fits(one.body, addressing.messageBytesMax)) {
    throw new Error(`a message for ${one.target} of more than ${addressing.messageBytesMax} bytes`)
  }
  const id = { seq: cause.letter.seq, ordinal: cause.counter.ordinal++ }
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
