import { storable } from "../domain/text.ts"
import { validTraceparent } from "../telemetry/traces.ts"
import { Header, type Letter } from "./letter.ts"

/** Characters of a command's identifier that go back to whoever asked. */
const COMMAND_ID_CHARACTERS_MAX = 255
/** The generation of outcomes: what they look like. */
const OUTCOME_GENERATION = "1"

/**
 * Where an outcome goes, as it waits in a state until there is one: the inbox, and behind it what the
 * asker needs to tell its commands apart: its trace ("-" where there is none) and the command's identifier
 * in base64url. The edge has an inbox for each command, and gets none of it. To a worker of an older version
 * all of it is one subject, on which nobody listens.
 *
 * An inbox, nothing else: the reply is published with a worker's rights, so a reply subject such
 * as `payments.5.ingress.create.acme` would let a producer forge commands.
 */
export const replyAddressOf = (
  letter: Letter,
  commandId: () => unknown
): string | undefined => {
  const subject = letter.headers[Header.replyTo]
  if (
    subject === undefined || letter.origin !== "ingress" || !isInbox(subject) ||
    !mayAnswer(subject, letter.merchant)
  ) return undefined
  if (userOf(subject) === "edge") return subject
  const id = commandId()
  const trace = validTraceparent(letter.headers[Header.trace]) ?? "-"
  return typeof id === "string" ? `${subject}|${trace}|${textOf(id)}` : subject
}

interface Outcome {
  readonly subject: string
  readonly payload: string
  readonly headers: ReadonlyArray<readonly [name: string, text: string]>
}

/** An outcome as it is published: what the asker gave comes back with it. */
export const outcomeOf = (address: string, body: unknown): Outcome => {
  const [subject, trace, id] = address.split("|")
  if (id === undefined) return { subject: subject!, payload: JSON.stringify(body), headers: [] }
  return {
    subject: subject!,
    payload: JSON.stringify({
      command_id: Buffer.from(id, "base64url").toString("utf8"),
      ...body as object
    }),
    headers: [
      [Header.schema, OUTCOME_GENERATION],
      ...(trace === "-" ? [] : [[Header.trace, trace!] as const])
    ]
  }
}

const textOf = (id: string): string =>
  Buffer.from(storable(id.slice(0, COMMAND_ID_CHARACTERS_MAX))).toString("base64url")

const userOf = (subject: string): string => subject.split(".")[1]!

/** Never a worker's own inbox, and of the merchants' only the asker's. */
const mayAnswer = (subject: string, merchant: string): boolean => {
  const user = userOf(subject)
  return user !== "worker" && (!user.startsWith("merchant-") || user === `merchant-${merchant}`)
}

const isInbox = (subject: string): boolean =>
  subject.length <= 200 && /^_INBOX\.[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+){1,4}$/.test(subject)
