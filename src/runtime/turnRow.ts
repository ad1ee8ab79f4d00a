import { canonicalJson } from "../domain/canonicalJson.ts"
import type { Bundle } from "./bundle.ts"
import type { OutboxTimer } from "./draft.ts"
import type { Tails } from "./relay.ts"

type StoredMessage = readonly [
  seq: number,
  ordinal: number,
  type: string,
  merchant: string,
  trace: string,
  /** Which of the bodies, or the event whose it is. */
  body: number | string
]
type StoredBundle = readonly [target: string, subject: string, ReadonlyArray<StoredMessage>]
type StoredTimer = readonly [
  id: string,
  atMillis: number,
  headers: ReadonlyArray<readonly [string, string]>,
  body: number,
  family: string | undefined
]

interface StoredOutbox {
  readonly b: ReadonlyArray<unknown>
  readonly m: ReadonlyArray<StoredBundle>
  readonly t: ReadonlyArray<StoredTimer>
}

/**
 * A turn's outbox as stored: exactly what is appended, so that another owner with other limits sends
 * the same. Bodies stand once, those of events in their own rows alone, and messages refer to them.
 * Written by hand because the bodies are JSON already.
 */
export const encodeOutbox = (
  bundles: ReadonlyArray<Bundle>,
  timers: ReadonlyArray<OutboxTimer>
): string | null => {
  if (bundles.length === 0 && timers.length === 0) return null
  const bodies: Array<string> = []
  const indexes = new Map<string, number>()
  const indexOf = (body: string) => {
    const known = indexes.get(body)
    if (known !== undefined) return known
    indexes.set(body, bodies.length)
    return bodies.push(body) - 1
  }
  const lines = bundles.map(({ messages, subject, target }): StoredBundle => [
    target,
    subject,
    messages.map(({ body, eventId, id, merchant, trace, type }) => [
      id.seq,
      id.ordinal,
      type,
      merchant,
      trace,
      eventId ?? indexOf(body)
    ])
  ])
  const wakes = timers.map((one): StoredTimer => [
    one.id,
    one.atMillis,
    one.headers,
    indexOf(one.body),
    one.family
  ])
  return `{"b":[${bodies.join(",")}],"m":${JSON.stringify(lines)},"t":${JSON.stringify(wakes)}}`
}

/** Merchants of whose events an outbox tells: they lead to the rows. */
export const merchantsOfEvents = (text: string | null): ReadonlyArray<string> => {
  if (text === null) return []
  const { m } = JSON.parse(text) as StoredOutbox
  const messages = m.flatMap(([, , messages]) => messages)
  return [
    ...new Set(
      messages.flatMap(([, , , merchant, , body]) => typeof body === "string" ? [merchant] : [])
    )
  ]
}

export const decodeOutbox = (
  text: string | null,
  /** Whose wakes they are, where a row of an earlier version does not say. */
  mailbox: string,
  /** The body of an event that stands in a row of its own. */
  bodyOfEvent: (id: string) => string
): { bundles: ReadonlyArray<Bundle>; timers: ReadonlyArray<OutboxTimer> } => {
  if (text === null) return { bundles: [], timers: [] }
  const { b, m, t } = JSON.parse(text) as StoredOutbox
  const bodyOf = (index: number) => canonicalJson(b[index])
  return {
    bundles: m.map(([target, subject, messages]) => ({
      target,
      subject,
      messages: messages.map(([seq, ordinal, type, merchant, trace, body]) => ({
        target,
        subject,
        id: { seq, ordinal },
        type,
        merchant,
        trace,
        ...(typeof body === "string"
          ? { body: bodyOfEvent(body), eventId: body }
          : { body: bodyOf(body) })
      }))
    })),
    timers: t.map(([id, atMillis, headers, body, family = mailbox]) => ({
      family,
      id,
      atMillis,
      headers,
      body: bodyOf(body)
    }))
  }
}

/** How many messages go to each target. */
export const encodeEmitted = (bundles: ReadonlyArray<Bundle>): string => {
  const counts: Record<string, number> = {}
  for (const { target } of bundles) counts[target] = (counts[target] ?? 0) + 1
  return JSON.stringify(counts)
}

export const encodeTails = (tails: Tails): string =>
  JSON.stringify(
    Object.fromEntries(
      [...tails].map(([target, { id, seq }]) => [target, [seq, id.seq, id.ordinal]])
    )
  )

export const decodeTails = (stored: unknown): Tails =>
  new Map(
    Object.entries((stored ?? {}) as Record<string, [number, number, number]>).map(
      ([target, [seq, causeSeq, ordinal]]) => [target, { seq, id: { seq: causeSeq, ordinal } }]
    )
  )
