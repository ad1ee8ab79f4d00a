import { canonicalJson } from "../domain/canonicalJson.ts"
import { validTraceparent } from "../telemetry/traces.ts"
import { Header, type Letter } from "./letter.ts"

/**
 * A message for another family of the same partition: decided in the turn of the letter that caused it,
 * and stored only where it is set aside, as what would have been sent.
 */
export class InnerLetter implements Letter {
  readonly family: string
  readonly seq: number
  readonly part: number
  readonly step: number
  readonly depth: number
  readonly subject: string
  readonly origin = "actor"
  readonly merchant: string
  readonly type: string
  readonly atMillis: number
  readonly headers: Readonly<Record<string, string>>
  /** What reading its JSON would give. */
  readonly parsed: unknown

  constructor(
    cause: Pick<Letter, "atMillis" | "part" | "seq">,
    step: number,
    sender: Pick<Letter, "depth" | "headers">,
    one: {
      readonly family: string
      readonly subject: string
      readonly type: string
      readonly merchant: string
      readonly body: unknown
    }
  ) {
    this.family = one.family
    this.seq = cause.seq
    this.part = cause.part
    this.step = step
    this.depth = sender.depth + 1
    this.subject = one.subject
    this.merchant = one.merchant
    this.type = one.type
    this.atMillis = cause.atMillis
    const trace = validTraceparent(sender.headers[Header.trace])
    this.headers = {
      [Header.type]: one.type,
      [Header.merchant]: one.merchant,
      ...(trace !== undefined && { [Header.trace]: trace })
    }
    this.parsed = one.body
  }

  get body(): Uint8Array {
    return Buffer.from(canonicalJson(this.parsed))
  }
}
