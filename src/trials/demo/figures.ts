import { rules } from "../../../actors/messaging/rules.ts"
import { covers, merchantEvents } from "../../../streams/events.ts"
import type { Waited } from "./commandLog.ts"
import type { Evidence, WebhookEvidence } from "./evidence.ts"
import { isPrompt, type Way, ways } from "./stories.ts"

export type Counts = Readonly<Record<string, number>>

/** How often each name occurs, the most frequent first. */
const countsOf = (names: ReadonlyArray<string>): Counts => {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return Object.fromEntries(
    [...counts].sort(([left, many], [right, more]) => more - many || (left < right ? -1 : 1))
  )
}

export interface Latency {
  readonly way: Way
  /** Without the tokens that are slow by construction. */
  readonly promptOnly: boolean
  readonly count: number
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly max: number
}

/** The smallest value that this share of all values does not exceed. */
const percentile = (sorted: ReadonlyArray<number>, share: number): number =>
  sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0

export const latenciesOf = (waits: ReadonlyArray<Waited>): ReadonlyArray<Latency> =>
  ways.flatMap((way) =>
    [true, false].map((promptOnly): Latency => {
      const millis = waits
        .filter((wait) => wait.way === way && (!promptOnly || isPrompt(wait.token)))
        .map((wait) => wait.millis)
        .sort((left, right) => left - right)
      const at = (share: number) => Math.round(percentile(millis, share) * 10) / 10
      return {
        way,
        promptOnly,
        count: millis.length,
        p50: at(0.5),
        p90: at(0.9),
        p99: at(0.99),
        max: at(1)
      }
    })
  )

export const figuresOf = (evidence: Evidence) => {
  const payments = evidence.payments.map(({ payment }) => payment)
  const risks = payments.flatMap(({ risk }) => risk === undefined ? [] : [risk])
  return {
    ways: countsOf(
      evidence.commands.filter(({ type }) => type === "create").map(({ way }) => way)
    ),
    tokens: countsOf(payments.map(({ payment_method: { token, type } }) => token ?? type)),
    statuses: countsOf(payments.map(({ status }) => status)),
    captured: moneyOf(payments.map((one) => [one.currency, one.amount_captured])),
    refunded: moneyOf(payments.map((one) => [one.currency, one.amount_refunded])),
    disputes: countsOf(
      payments.flatMap(({ disputes = [] }) => disputes.map(({ status }) => status))
    ),
    disputed: moneyOf(
      payments.flatMap(({ currency, disputes = [] }) =>
        disputes.map(({ amount }) => [currency, amount] as const)
      )
    ),
    split:
      payments.filter(({ amount_captured, splits = [] }) =>
        amount_captured > 0n && splits.length > 0
      ).length,
    to_recipients: moneyOf(
      payments.flatMap(({ currency, legs }) =>
        legs.filter(({ owner }) => owner._tag === "Recipient")
          .map(({ captured }) => [currency, captured] as const)
      )
    ),
    commands: countsOf(evidence.commands.map(({ type }) => type)),
    refusals: countsOf(
      evidence.refusals.map(({ data }) => {
        const { code, command } = data as { code: string; command: string }
        return `${command}: ${code}`
      })
    ),
    decisions: Object.fromEntries(
      [...Map.groupBy(risks, ({ decision }) => decision)].map(([decision, all]) => [decision, {
        count: all.length,
        lowest: Math.min(...all.map(({ score }) => score)),
        highest: Math.max(...all.map(({ score }) => score))
      }])
    ),
    reasons: countsOf(risks.flatMap(({ reasons }) => reasons.map(({ code }) => code))),
    webhooks: webhooksOf(evidence.webhooks),
    notifications: notificationsOf(evidence)
  }
}
type Figures = ReturnType<typeof figuresOf>

/** Minor units as decimal strings: sums do not fit JSON numbers. */
const moneyOf = (
  amounts: ReadonlyArray<readonly [currency: string, amount: bigint]>
): Readonly<Record<string, string>> => {
  const sums = new Map<string, bigint>()
  for (const [currency, amount] of amounts) sums.set(currency, (sums.get(currency) ?? 0n) + amount)
  return Object.fromEntries(
    [...sums].sort(([one], [other]) => one < other ? -1 : 1).filter(([, sum]) => sum > 0n).map((
      [currency, sum]
    ) => [currency, `${sum}`])
  )
}

const told: ReadonlySet<string> = new Set(merchantEvents)

const webhooksOf = (webhooks: ReadonlyArray<WebhookEvidence>) => {
  const each = webhooks.map(({ deliveries, endpoint, events }) => {
    const { received } = endpoint.receiver
    const { refusedSignatures, repeated, requests, turnedAway, verified } = received()
    return {
      due: events.filter(({ type }) =>
        told.has(type) && endpoint.events.some((pattern) =>
          covers(pattern, type)
        )
      ).length,
      sent: deliveries.length,
      delivered: deliveries.filter(({ status }) => status === "delivered").length,
      verified: deliveries.filter(({ event_id }) => verified.has(event_id)).length,
      requests,
      turned_away: turnedAway,
      repeated,
      refused_signatures: refusedSignatures
    }
  })
  const sum = (of: (one: (typeof each)[number]) => number) =>
    each.reduce((total, one) => total + of(one), 0)
  return {
    endpoints: each.length,
    due: sum(({ due }) => due),
    sent: sum(({ sent }) => sent),
    delivered: sum(({ delivered }) => delivered),
    verified: sum(({ verified }) => verified),
    requests: sum(({ requests }) => requests),
    turned_away: sum(({ turned_away }) => turned_away),
    repeated: sum(({ repeated }) => repeated),
    refused_signatures: sum(({ refused_signatures }) => refused_signatures)
  }
}

/** Every event was sent to those who asked for it, arrived, and its signature was right. */
export const webhooksHold = ({ webhooks }: Figures): boolean =>
  webhooks.due > 0 && webhooks.sent === webhooks.due && webhooks.delivered === webhooks.due &&
  webhooks.verified === webhooks.due && webhooks.refused_signatures === 0

const notificationsOf = ({ payments }: Evidence) => {
  const written = payments.flatMap(({ notifications }) => notifications)
  const due = payments.filter(({ payment }) => payment.customer?.email !== undefined)
    .flatMap(({ events }) =>
      events.flatMap(({ type }) => rules.filter((rule) => rule.event === type))
    )
  return {
    due: due.length,
    written: written.length,
    by_template: countsOf(written.map(({ locale, template }) => `${template} ${locale}`))
  }
}
