import type { Delivery } from "../bus/mailboxReader.ts"
import { canonicalJson } from "../domain/canonicalJson.ts"
import { storable } from "../domain/text.ts"
import { commandName } from "./evolution.ts"

/** Where a message came from. Only what the subject proves is believed. */
export type Origin = "ingress" | "actor" | "timer" | "control" | "operator"

/** One message of a mailbox on its way to a decision. */
export interface Letter {
  /** Whom it is for. */
  readonly family: string
  readonly seq: number
  /** Its place in the bundle it came in; 0 where it came alone. */
  readonly part: number
  /** Which of those that one letter of the mailbox sets off; 0 where it stands in the mailbox itself. */
  readonly step: number
  /** How many letters led to it within its turn, itself among them. */
  readonly depth: number
  readonly subject: string
  readonly origin: Origin
  readonly merchant: string
  readonly type: string
  readonly atMillis: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
  /** The body as read already: a bundle is parsed as a whole. */
  readonly parsed?: unknown
}

/** Headers between actors. Producers cannot write the subjects on which these are believed. */
export const Header = {
  merchant: "Lastro-Merchant",
  type: "Lastro-Type",
  emission: "Lastro-Emission",
  replyTo: "Lastro-Reply-To",
  due: "Lastro-Due",
  /** The generation of a producer's command (evolution.ts); absent means the first. */
  schema: "Lastro-Schema",
  trace: "traceparent"
} as const

/** The header that marks a bundle, and how many messages it holds. */
export const BUNDLE = "Lastro-Bundle"

/** One message in a bundle; the trace is "" where there is none. */
type Bundled = readonly [type: string, merchant: string, trace: string, body: unknown]

const utf8 = new TextDecoder()

export const openBundle = (data: Uint8Array): ReadonlyArray<Bundled> | undefined => {
  try {
    const bundled: unknown = JSON.parse(utf8.decode(data))
    return Array.isArray(bundled) && bundled.length > 0 && bundled.every(isBundled)
      ? bundled
      : undefined
  } catch {
    return undefined
  }
}

const isBundled = (one: unknown): boolean =>
  Array.isArray(one) && one.length === 4 && typeof one[0] === "string" &&
  typeof one[1] === "string" && typeof one[2] === "string"

/** The type under which the machine wakes a parked key; no actor sees it. */
export const UNPARK = "lastro.unpark"
/** The type of a configuration change (`<family>.<p>.control`). */
export const CONFIGURE = "lastro.configure"

/** The type of what an operator asks of a partition (`<family>.<p>.operate`). */
export const ORDER = "lastro.order"

/**
 * A header that the machine writes for itself. Producers choose theirs freely, so none of theirs counts:
 * a command with a bundle's header would pass for messages of actors, of any merchant.
 */
export const ownHeader = (
  { header, subject }: Pick<Delivery, "header" | "subject">,
  name: string
): string | undefined => subject.split(".", 3)[2] === "ingress" ? undefined : header(name)

/** How many letters a message holds. */
export const lettersIn = (delivery: Pick<Delivery, "header" | "subject">): number =>
  Math.max(1, Math.floor(Number(ownHeader(delivery, BUNDLE) ?? 1)) || 1)

type Arrival = Pick<Delivery, "subject" | "seq" | "atMillis" | "data" | "headers">

/** A message on its own: a producer's command, a timer, a change of configuration. */
export const letterOf = (delivery: Arrival, part = 0, step = 0): Letter => {
  const tokens = delivery.subject.split(".")
  const place = tokens[2] ?? ""
  const headers = delivery.headers()
  const base = {
    family: tokens[0] ?? "",
    seq: delivery.seq,
    part,
    step,
    depth: 1,
    subject: delivery.subject,
    atMillis: delivery.atMillis,
    headers,
    body: delivery.data
  }
  if (place === "ingress") {
    return {
      ...base,
      origin: "ingress",
      type: commandName(tokens[3] ?? "", headers[Header.schema]),
      merchant: tokens.slice(4).join(".")
    }
  }
  if (place === "operate") return { ...base, origin: "operator", type: ORDER, merchant: "" }
  return {
    ...base,
    origin: place === "timers" ? "timer" : place === "control" ? "control" : "actor",
    type: place === "control" ? CONFIGURE : headers[Header.type] ?? "",
    merchant: headers[Header.merchant] ?? ""
  }
}

/** The letters of one message: one, or those of a bundle in their order. */
export const lettersOf = (delivery: Arrival & Pick<Delivery, "header">): ReadonlyArray<Letter> => {
  if (ownHeader(delivery, BUNDLE) === undefined) return [letterOf(delivery)]
  const bundled = openBundle(delivery.data)
  // Only actors write bundles. One nobody can read is told as a dead letter of its own.
  if (bundled === undefined) return [letterOf(delivery)]
  return bundled.map((one, part) => new BundledLetter(delivery, one, part))
}

/** Its bytes are made again only where they are kept: parked, or as a dead letter. */
class BundledLetter implements Letter {
  readonly family: string
  readonly seq: number
  readonly part: number
  readonly step = 0
  readonly depth = 1
  readonly subject: string
  readonly origin = "actor"
  readonly merchant: string
  readonly type: string
  readonly atMillis: number
  readonly headers: Readonly<Record<string, string>>
  readonly parsed: unknown

  constructor(delivery: Arrival, [type, merchant, trace, body]: Bundled, part: number) {
    this.family = delivery.subject.slice(0, delivery.subject.indexOf("."))
    this.seq = delivery.seq
    this.part = part
    this.subject = delivery.subject
    this.atMillis = delivery.atMillis
    this.type = type
    this.merchant = merchant
    this.headers = trace === ""
      ? { [Header.type]: type, [Header.merchant]: merchant }
      : { [Header.type]: type, [Header.merchant]: merchant, [Header.trace]: trace }
    this.parsed = body
  }

  get body(): Uint8Array {
    return Buffer.from(canonicalJson(this.parsed))
  }
}

/** Where a letter stands in its partition: what was derived from it has its name from here. */
export const placeOf = ({ part, seq, step = 0 }: Omit<Place, "step"> & { step?: number }): string =>
  step > 0 ? `${seq}.${part}.${step}` : part === 0 ? String(seq) : `${seq}.${part}`

export type Place = Pick<Letter, "part" | "seq" | "step">

export const isAt = (one: Place) => (other: Place): boolean =>
  one.seq === other.seq && one.part === other.part && one.step === other.step

/** The place among those of all families. Letters of an earlier version stood in streams of their own. */
export const nameOf = (letter: Place & Pick<Letter, "family">): string =>
  `${letter.family}/${placeOf(letter)}`

/** Headers as they are stored: anybody may have written anything into them. */
export const headersJson = (letter: Letter): string =>
  JSON.stringify(
    Object.fromEntries(
      Object.entries(letter.headers).map(([name, value]) => [storable(name), storable(value)])
    )
  )
