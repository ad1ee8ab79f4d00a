import type { Delivery } from "../bus/mailboxReader.ts"
import { storable } from "../domain/text.ts"

/** Where a message came from. Only what the subject proves is believed. */
export type Origin = "ingress" | "actor" | "timer" | "control"

/** One message of a mailbox on its way to a decision. */
export interface Letter {
  readonly seq: number
  readonly subject: string
  readonly origin: Origin
  readonly merchant: string
  readonly type: string
  readonly atMillis: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

/** Headers between actors. Producers cannot write the subjects on which these are believed. */
export const Header = {
  merchant: "Lastro-Merchant",
  type: "Lastro-Type",
  emission: "Lastro-Emission",
  replyTo: "Lastro-Reply-To",
  due: "Lastro-Due",
  trace: "traceparent"
} as const

/** The type under which the machine wakes a parked key; no actor sees it. */
export const UNPARK = "lastro.unpark"
/** The type of a configuration change (`<family>.<p>.control`). */
export const CONFIGURE = "lastro.configure"

export const letterOf = (
  delivery: Pick<Delivery, "subject" | "seq" | "atMillis" | "data" | "headers">
): Letter => {
  const tokens = delivery.subject.split(".")
  const place = tokens[2] ?? ""
  const headers = delivery.headers()
  const base = {
    seq: delivery.seq,
    subject: delivery.subject,
    atMillis: delivery.atMillis,
    headers,
    body: delivery.data
  }
  if (place === "ingress") {
    return {
      ...base,
      origin: "ingress",
      type: tokens[3] ?? "",
      merchant: tokens.slice(4).join(".")
    }
  }
  return {
    ...base,
    origin: place === "timers" ? "timer" : place === "control" ? "control" : "actor",
    type: place === "control" ? CONFIGURE : headers[Header.type] ?? "",
    merchant: headers[Header.merchant] ?? ""
  }
}

/** Headers as they are stored: anybody may have written anything into them. */
export const headersJson = (letter: Letter): string =>
  JSON.stringify(
    Object.fromEntries(
      Object.entries(letter.headers).map(([name, value]) => [storable(name), storable(value)])
    )
  )

/**
 * An inbox, nothing else: the reply is published with a worker's rights, so a reply subject such
 * as `payments.5.ingress.create.acme` would let a producer forge commands.
 */
export const replyToOf = (letter: Letter): string | undefined => {
  const subject = letter.headers[Header.replyTo]
  return subject !== undefined && letter.origin === "ingress" && isInbox(subject) &&
      mayAnswer(subject, letter.merchant)
    ? subject
    : undefined
}

/** Never a worker's own inbox, and of the merchants' only the asker's. */
const mayAnswer = (subject: string, merchant: string): boolean => {
  const user = subject.split(".")[1]!
  return user !== "worker" && (!user.startsWith("merchant-") || user === `merchant-${merchant}`)
}

const isInbox = (subject: string): boolean =>
  subject.length <= 200 && /^_INBOX\.[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){1,4}$/.test(subject)
