import type { Outgoing } from "../bus/append.ts"
import type { EmissionId, OutboxMessage } from "./draft.ts"
import { DEAD_LETTERS_STREAM, EVENTS_STREAM } from "./outbox.ts"
import { BUNDLE, Header } from "./letter.ts"

/** Messages and bytes of one bundle. What is beyond goes into the next. */
export const BUNDLE_MESSAGES_MAX = 200
const BUNDLE_BYTES_MAX = 128 * 1024
/** Calls of one bundle: it goes to one worker, and is acknowledged after the last of its calls. */
export const BUNDLE_CALLS_MAX = 32

/**
 * What one append carries: the messages of one turn for one partition of a mailbox together, an event
 * alone. A stored message costs JetStream the same however much is in it (with `sync_interval:
 * always` 0.1 ms of a processor and one sync), so a turn sends few.
 */
export interface Bundle {
  /** The stream it is appended to. */
  readonly target: string
  readonly subject: string
  readonly messages: ReadonlyArray<OutboxMessage>
}

/** The last emission in it names the whole. */
export const idOf = ({ messages }: Bundle): EmissionId => messages.at(-1)!.id

/** In the order of emission within each subject; the fence watches a source's subjects together. */
export const bundlesOf = (
  messages: ReadonlyArray<OutboxMessage>,
  messagesMaxOf: (target: string) => number
): ReadonlyArray<Bundle> => {
  const bundles: Array<Bundle & { readonly messages: Array<OutboxMessage>; bytes: number }> = []
  const open = new Map<string, (typeof bundles)[number]>()
  for (const message of messages) {
    const { subject, target } = message
    const bytes = message.body.length
    const known = open.get(subject)
    const fits = known !== undefined && isMailbox(target) &&
      known.messages.length < messagesMaxOf(target) && known.bytes + bytes <= BUNDLE_BYTES_MAX
    if (fits) {
      known.messages.push(message)
      known.bytes += bytes
    } else {
      const bundle = { target, subject, messages: [message], bytes }
      bundles.push(bundle)
      open.set(subject, bundle)
    }
  }
  return bundles
}

/** Others read events and dead letters, one by one and by their subjects. */
const isMailbox = (target: string): boolean =>
  target !== EVENTS_STREAM && target !== DEAD_LETTERS_STREAM

/** As it is appended. What a fence watches says which emission it is; answers of calls are not fenced. */
export const outgoingOf = (
  bundle: Bundle,
  source?: { readonly mailbox: string; readonly partition: number }
): Outgoing => {
  const { messages, subject, target } = bundle
  const { ordinal, seq } = idOf(bundle)
  const emission = source === undefined
    ? []
    : [[Header.emission, `${source.mailbox}/${source.partition}/${seq}/${ordinal}`] as const]
  if (isMailbox(target)) {
    const headers = [[BUNDLE, String(messages.length)] as const, ...emission]
    return { subject, headers, payload: pack(messages) }
  }
  const { body, merchant, trace, type } = messages[0]!
  return {
    subject,
    headers: [
      [Header.type, type],
      [Header.merchant, merchant],
      ...(trace === "" ? [] : [[Header.trace, trace] as const]),
      ...emission
    ],
    payload: body
  }
}

/** Bodies are JSON already, and a trace was checked when it came in. */
const pack = (
  messages: ReadonlyArray<Pick<OutboxMessage, "type" | "merchant" | "trace" | "body">>
): string => {
  let text = ""
  for (const { body, merchant, trace, type } of messages) {
    const head = `["${type}",${JSON.stringify(merchant)},"${trace}",`
    text += `${text === "" ? "[" : ","}${head}${body}]`
  }
  return text + "]"
}
