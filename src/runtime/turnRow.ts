import { canonicalJson } from "../domain/canonicalJson.ts"
import type { OutboxMessage, OutboxTimer } from "./draft.ts"
import type { Tails } from "./relay.ts"

/**
 * A turn's outbox as stored: bodies once (one event may go to several targets), messages refer to
 * them. Written by hand because the bodies are JSON already.
 */
export const encodeOutbox = (
  messages: ReadonlyArray<OutboxMessage>,
  timers: ReadonlyArray<OutboxTimer>
): string | null => {
  if (messages.length === 0 && timers.length === 0) return null
  const bodies: Array<string> = []
  const indexes = new Map<string, number>()
  const indexOf = (body: string) => {
    const known = indexes.get(body)
    if (known !== undefined) return known
    indexes.set(body, bodies.length)
    return bodies.push(body) - 1
  }
  const lines = messages.map((one) => [
    one.target,
    one.subject,
    one.id.seq,
    one.id.ordinal,
    one.headers,
    indexOf(one.body)
  ])
  const wakes = timers.map((one) => [one.id, one.atMillis, one.headers, indexOf(one.body)])
  return `{"b":[${bodies.join(",")}],"m":${JSON.stringify(lines)},"t":${JSON.stringify(wakes)}}`
}

type Headers = ReadonlyArray<readonly [string, string]>

export const decodeOutbox = (
  text: string | null
): { messages: ReadonlyArray<OutboxMessage>; timers: ReadonlyArray<OutboxTimer> } => {
  if (text === null) return { messages: [], timers: [] }
  const { b, m, t } = JSON.parse(text) as {
    b: ReadonlyArray<unknown>
    m: ReadonlyArray<readonly [string, string, number, number, Headers, number]>
    t: ReadonlyArray<readonly [string, number, Headers, number]>
  }
  const bodyOf = (index: number) => canonicalJson(b[index])
  return {
    messages: m.map(([target, subject, seq, ordinal, headers, body]) => ({
      target,
      subject,
      id: { seq, ordinal },
      headers,
      body: bodyOf(body)
    })),
    timers: t.map(([id, atMillis, headers, body]) => ({
      id,
      atMillis,
      headers,
      body: bodyOf(body)
    }))
  }
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
