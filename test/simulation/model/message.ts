import type { Msg, MsgHdrs } from "@nats-io/transport-node"

export type Headers = ReadonlyArray<readonly [name: string, value: string]>

/** A message on its way or in a stream. */
export interface Message {
  readonly subject: string
  readonly headers: Headers
  readonly data: Uint8Array
  readonly reply: string
  /** A status instead of content: 100 heartbeat, 408 expired, 409 consumer deleted, 503 nobody there. */
  readonly status?: readonly [code: number, description: string]
}

const utf8 = { from: new TextDecoder(), to: new TextEncoder() }
const NOTHING = new Uint8Array(0)

export const bytesOf = (payload: unknown): Uint8Array =>
  payload === undefined
    ? NOTHING
    : typeof payload === "string"
    ? utf8.to.encode(payload)
    : payload as Uint8Array

export const textOf = (data: Uint8Array): string => utf8.from.decode(data)

/** Headers as they go over the wire: all that the bus's own encoder offers. */
export const headersOf = (given: MsgHdrs | undefined): Headers => {
  if (given === undefined) return []
  const lines = textOf((given as unknown as { encode: () => Uint8Array }).encode()).split("\r\n")
  return lines.slice(1).flatMap((line) => {
    const colon = line.indexOf(":")
    return colon > 0 ? [[line.slice(0, colon), line.slice(colon + 1).trim()] as const] : []
  })
}

export const headerOf = (headers: Headers, name: string): string | undefined =>
  headers.find(([known]) => known === name)?.[1]

export const wireHeaders = (headers: Headers): string =>
  `NATS/1.0\r\n${headers.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`

/** As a subscriber sees it. */
export const received = (message: Message): Msg => {
  const { data, headers, reply, status, subject } = message
  return {
    subject,
    data,
    reply: reply === "" ? undefined : reply,
    headers: headers.length === 0 && status === undefined ? undefined : {
      code: status?.[0] ?? 0,
      description: status?.[1] ?? "",
      get: (name: string) => headerOf(headers, name) ?? "",
      keys: () => headers.map(([name]) => name)
    },
    json: () => JSON.parse(textOf(data)),
    string: () => textOf(data)
  } as unknown as Msg
}

/** NATS's wildcards: `*` is one token, `>` the rest. */
export const matches = (filter: string, subject: string): boolean => {
  if (filter === subject) return true
  const wanted = tokensOf(filter)
  const tokens = tokensOf(subject)
  for (let index = 0; index < wanted.length; index++) {
    if (wanted[index] === ">") return tokens.length > index
    if (index >= tokens.length) return false
    if (wanted[index] !== "*" && wanted[index] !== tokens[index]) return false
  }
  return wanted.length === tokens.length
}

/** Subjects are few, and asked for again and again. */
const split = new Map<string, ReadonlyArray<string>>()
const SPLIT_MAX = 10_000

const tokensOf = (subject: string): ReadonlyArray<string> => {
  const known = split.get(subject)
  if (known !== undefined) return known
  if (split.size > SPLIT_MAX) split.clear()
  const tokens = subject.split(".")
  split.set(subject, tokens)
  return tokens
}
