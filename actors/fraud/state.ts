import { Schema } from "effect"
import { Risk, type Score } from "../../streams/messages/fraud.ts"
import { canonicalIp } from "./address.ts"
import { Slot } from "./velocity.ts"

export type Score = typeof Score.Type

/** Scores remembered per payer. A payment asked about again after that many newer ones is scored anew, which payments ignore. */
export const ANSWERS_MAX = 4
/** Customers remembered per device: the distinct count stops growing here. */
export const DEVICE_CUSTOMERS_MAX = 8
/** Reasons given with a score; the weightiest come first. */
export const REASONS_MAX = 10

/** What is remembered of a customer, a device, an address or an anonymous payment, whatever its traffic. */
export const Profile = Schema.Struct({
  /** Payments let through so far: before the first, the payer counts as never seen. */
  allowed: Schema.Int,
  hour: Schema.Array(Slot),
  day: Schema.Array(Slot),
  /** Devices only: who used it, by the time last seen. */
  customers: Schema.optionalKey(
    Schema.Array(Schema.Struct({ id: Schema.String, at: Schema.Finite }))
  ),
  /** The payer's profile only: newest last. */
  answers: Schema.Array(Schema.Struct({ payment_id: Schema.String, risk: Risk }))
})
export type Profile = typeof Profile.Type

export const newProfile: Profile = { allowed: 0, hour: [], day: [], answers: [] }

export type SubjectKind = "customer" | "device" | "ip" | "payment"

interface Subject {
  readonly kind: SubjectKind
  readonly key: string
}

/**
 * Whose history a payment touches; the first is the payer and keeps the answer. An address stands in
 * for who is unknown, never beside them: one more profile per payment would be one more row to write.
 */
export const subjectsOf = (score: Score): readonly [Subject, ...Array<Subject>] => {
  const named: Array<Subject> = []
  if (score.customer_id !== undefined) {
    named.push({ kind: "customer", key: `customer:${score.customer_id}` })
  }
  if (score.device_id !== undefined) {
    named.push({ kind: "device", key: `device:${score.device_id}` })
  }
  const [first, ...others] = named
  if (first !== undefined) return [first, ...others]
  return score.ip === undefined
    ? [{ kind: "payment", key: `payment:${score.payment_id}` }]
    : [{ kind: "ip", key: `ip:${canonicalIp(score.ip)}` }]
}
