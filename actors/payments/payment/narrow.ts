import type { Payment, PaymentIn, Status } from "./state.ts"
import { without } from "./step.ts"

/** A payment that is in one of these. Another one is a bug of ours: it stops this payment, not the partition. */
export const as = <S extends Status>(payment: Payment, ...among: ReadonlyArray<S>) => {
  const { id, status } = payment
  if (!(among as ReadonlyArray<Status>).includes(status)) {
    throw new Error(`${id} is ${status}, and not ${among.join(" or ")}`)
  }
  return payment as PaymentIn<S>
}

/** At a gateway, which has not said yet how it ends. */
export const asCharging = (payment: Payment) =>
  as(payment, "processing", "requires_action", "unknown")

export const asHeld = (payment: Payment) => as(payment, "authorized", "partially_captured")

export const asCaptured = (payment: Payment) => as(payment, "captured", "partially_captured")

/** What only some statuses have, and the next one may not. */
type Passing = "next_action" | "void_requested"

type Left<P, K extends Passing> = P extends unknown ? Omit<P, K> & { readonly [F in K]?: never }
  : never

/** The same without what its next status does not have; where there is none of it, nothing is copied. */
export const leaving = <P extends Payment, K extends Passing>(
  payment: P,
  ...fields: ReadonlyArray<K>
): Left<P, K> => {
  const left = fields.reduce<Payment>(
    (rest, field) => rest[field] === undefined ? rest : without(rest, field) as Payment,
    payment
  )
  return left as unknown as Left<P, K>
}
