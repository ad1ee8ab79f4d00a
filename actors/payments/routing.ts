import { hash } from "node:crypto"
import type { Cost, Health, Routing, Rule, Target } from "../../streams/messages/routing.ts"

/** What routing looks at in a payment. */
export interface Routable {
  readonly id: string
  readonly amount: bigint
  readonly currency: string
  readonly method: string
}

interface Candidate {
  readonly gateway: string
  readonly reason: string
}

interface Choice {
  readonly rule: Rule
  /** Every gateway that may be charged, the best first. */
  readonly order: ReadonlyArray<Candidate>
}

const fits = (rule: Rule, { amount, currency, method }: Routable): boolean =>
  (rule.methods === undefined || rule.methods.includes(method)) &&
  (rule.currencies === undefined || rule.currencies.some((one) => one === currency)) &&
  (rule.amount_from === undefined || amount >= rule.amount_from) &&
  (rule.amount_below === undefined || amount < rule.amount_below)

/** The first rule for this payment; undefined where none is. */
export const ruleFor = (routing: Routing, payment: Routable): Rule | undefined =>
  routing.rules.find((rule) => fits(rule, payment))

/**
 * The gateways for a payment, the best first. Pure: weights are drawn from the payment's identifier,
 * so a replay draws the same. A gateway that is down goes behind those that are not, but is never
 * left out: where all are down the first is still the best guess.
 */
export const choose = (
  routing: Routing,
  health: Readonly<Record<string, Health>>,
  payment: Routable
): Choice | undefined => {
  const rule = ruleFor(routing, payment)
  if (rule === undefined) return undefined
  const preferred = inOrder(routing, rule, health, payment)
  const fallback = (rule.fallback ?? []).map((gateway, index): Candidate => ({
    gateway,
    reason: `rule ${rule.name}, fallback ${index + 1}`
  }))
  const all = [...preferred, ...fallback]
  const isDown = ({ gateway }: Candidate) => health[gateway]?.down === true
  const order = [
    ...all.filter((one) => !isDown(one)),
    ...all.filter(isDown).map((one) => ({ ...one, reason: `${one.reason}; last, it is down` }))
  ]
  // Whoever moved up says so: it is not the rule that put it first.
  const first = order[0]!
  const passedOver = all.slice(0, all.findIndex(({ gateway }) => gateway === first.gateway))
  if (passedOver.length === 0) return { rule, order }
  const names = passedOver.map(({ gateway }) => gateway).join(", ")
  return {
    rule,
    order: [{ ...first, reason: `${first.reason}; ${names} down` }, ...order.slice(1)]
  }
}

const inOrder = (
  { costs = {} }: Routing,
  rule: Rule,
  health: Readonly<Record<string, Health>>,
  payment: Routable
): ReadonlyArray<Candidate> => {
  const { to } = rule
  if (to.length === 1) return [{ gateway: to[0].gateway, reason: `rule ${rule.name}` }]
  switch (rule.prefer) {
    case "cost":
      return sorted(to, (gateway) => costOf(costs[gateway], payment.amount)).map(
        ({ gateway, value }) => ({ gateway, reason: `rule ${rule.name}, costs ${value}` })
      )
    case "success_rate":
      // A gateway nobody has tried lately gets its chance before one that is known to fail.
      return sorted(to, (gateway) => -BigInt(health[gateway]?.success_permille ?? 1_000)).map(
        ({ gateway, value }) => ({
          gateway,
          reason: `rule ${rule.name}, approves ${-value} of 1000`
        })
      )
    default:
      return drawn(to, payment.id).map(({ gateway, weight = 1 }, index) => ({
        gateway,
        reason: `rule ${rule.name}, ${index === 0 ? "drawn by" : "behind by"} weight ${weight}`
      }))
  }
}

type Targets = ReadonlyArray<typeof Target.Type>

/** Ties keep the order of the table. */
const sorted = (to: Targets, valueOf: (gateway: string) => bigint) =>
  to.map(({ gateway }) => ({ gateway, value: valueOf(gateway) }))
    .sort((left, right) => left.value < right.value ? -1 : left.value > right.value ? 1 : 0)

/** One without a known cost is dearer than any with one. */
const UNKNOWN_COST = 1n << 62n

const costOf = (cost: typeof Cost.Type | undefined, amount: bigint): bigint =>
  cost === undefined
    ? UNKNOWN_COST
    : (amount * cost.percentage_basis_points + 5_000n) / 10_000n + cost.fixed

/** Draws without putting back: whole numbers only, so that every machine draws the same. */
const drawn = (to: Targets, id: string): Targets => {
  const left = [...to]
  const order: Array<(typeof to)[number]> = []
  while (left.length > 0) {
    const sum = left.reduce((total, { weight = 1 }) => total + weight, 0)
    // 48 bits stay exact; the bias of the remainder is far below any weight.
    const draw = parseInt(hash("sha256", `${id}/${order.length}`, "hex").slice(0, 12), 16) % sum
    let passed = 0
    const index = left.findIndex(({ weight = 1 }) => draw < (passed += weight))
    order.push(...left.splice(index, 1))
  }
  return order
}

export const triesMaxOf = ({ tries_max }: Rule): number => tries_max ?? 3

/** Who pays out in this currency; the terms' own gateway where no line says. */
export const payoutGatewayOf = (
  { gateway, routing }: { readonly gateway: string; readonly routing?: Routing },
  currency: string
): string =>
  routing?.payouts?.find(({ currencies }) =>
    currencies === undefined || currencies.some((one) => one === currency)
  )?.gateway ?? gateway
