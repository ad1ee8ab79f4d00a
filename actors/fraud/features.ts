import { formatMinorUnits } from "../../src/domain/currency.ts"
import { canonicalIp } from "./address.ts"
import type { AmountField, CountField, Field, FlagField, TextField } from "./rules.ts"
import type { Profile, Score, SubjectKind } from "./state.ts"
import { countWithin, DAY, HOUR, sumWithin } from "./velocity.ts"

const DAY_MILLIS = 86_400_000

/** What rules see of a payment. A feature that is absent makes every condition on it false. */
export interface Features {
  readonly currency: string
  readonly amounts: Readonly<Partial<Record<AmountField, bigint>>>
  readonly counts: Readonly<Partial<Record<CountField, number>>>
  readonly flags: Readonly<Record<FlagField, boolean>>
  readonly texts: Readonly<Partial<Record<TextField, string>>>
}

export type Profiles = Readonly<Partial<Record<SubjectKind, Profile>>>

/** `profiles` already count this payment; whether the customer was seen is a question about before it. */
export const featuresOf = (
  score: Score,
  profiles: Profiles,
  seenBefore: boolean,
  at: number
): Features => {
  const { customer, device, ip } = profiles
  return {
    currency: score.currency,
    amounts: {
      amount: score.amount,
      ...(customer && {
        customer_sum_1h: sumWithin(customer.hour, HOUR, at, score.currency),
        customer_sum_24h: sumWithin(customer.day, DAY, at, score.currency)
      })
    },
    counts: {
      ...(customer && {
        customer_count_1h: countWithin(customer.hour, HOUR, at),
        customer_count_24h: countWithin(customer.day, DAY, at)
      }),
      ...(device && {
        device_count_1h: countWithin(device.hour, HOUR, at),
        device_count_24h: countWithin(device.day, DAY, at),
        device_customers_24h: (device.customers ?? []).filter((known) =>
          known.at > at - DAY_MILLIS
        ).length
      }),
      ...(ip && {
        ip_count_1h: countWithin(ip.hour, HOUR, at),
        ip_count_24h: countWithin(ip.day, DAY, at)
      })
    },
    flags: { customer_seen_before: seenBefore },
    texts: {
      currency: score.currency,
      method: score.method,
      ...(score.ip !== undefined && { ip: canonicalIp(score.ip) }),
      ...(score.customer_id !== undefined && { customer_id: score.customer_id }),
      ...(score.device_id !== undefined && { device_id: score.device_id })
    }
  }
}

/** A feature as a person reads it: "6000.00 BRL", "11", "198.51.100.7". */
export const formatFeature = (features: Features, field: Field): string => {
  const amount = features.amounts[field as AmountField]
  if (amount !== undefined) {
    return `${formatMinorUnits(amount, features.currency)} ${features.currency}`
  }
  const other = features.counts[field as CountField] ??
    features.flags[field as FlagField] ??
    features.texts[field as TextField]
  return other === undefined ? "unknown" : String(other)
}
