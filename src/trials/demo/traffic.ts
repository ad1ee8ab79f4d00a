import { exponentOf } from "../../domain/currency.ts"
import { Random } from "../random.ts"
import { stories, type Story, type Way, ways } from "./stories.ts"

interface Split {
  readonly recipient: string
  readonly share?: string
  readonly amount?: number
}

/** The body of `POST /v1/payments`, as a shop would write it. */
interface PaymentBody {
  readonly amount: number
  readonly currency: string
  readonly capture?: "manual"
  readonly payment_method: { readonly type: "card"; readonly token: string }
  readonly customer?: { readonly id: string; readonly email: string; readonly locale: string }
  readonly device: { readonly id: string; readonly ip: string }
  readonly splits?: ReadonlyArray<Split>
  readonly reference: string
}

/** One payment to come: when, over which way, and what happens to it afterwards. */
export interface Plan {
  readonly index: number
  /** After the first one. */
  readonly atMillis: number
  readonly way: Way
  readonly story: Story
  readonly merchant: string
  readonly commandId: string
  readonly body: PaymentBody
}

export interface TrafficSettings {
  readonly payments: number
  readonly seed: number
  /** Payments a second, on average. */
  readonly rate: number
}

const trades = ["padaria", "livraria", "farmacia", "mercado", "oficina", "moda", "games", "viagens"]
const places = ["recife", "santos", "belem", "natal", "curitiba", "olinda", "manaus", "goiania"]

/** 64 merchants; the first sell most. */
export const merchants: ReadonlyArray<string> = places.flatMap((place) =>
  trades.map((trade) => `${trade}-${place}`)
)

const DENIED_ADDRESS = "203.0.113.66"
/** Above the review rule's 5,000.00 in units of any currency. */
const LARGE_UNITS_MIN = 5_500
const LARGE_UNITS_SPREAD = 14_000
/** Ordinary payments stay below that rule, so that those for review are the planned ones. */
const ORDINARY_UNITS_MAX = 4_900
const ORDINARY_UNITS_MIN = 5

/** Units, not minor units. */
const currencies = [
  { code: "BRL", weight: 88, median: 120, sigma: 1.0 },
  { code: "USD", weight: 7, median: 45, sigma: 0.9 },
  { code: "JPY", weight: 5, median: 1_900, sigma: 0.6 }
]

/** Every story comes once over each of its ways before chance decides. */
const once = stories.flatMap((story) => (story.ways ?? ways).map((way) => ({ story, way })))
export const PAYMENTS_MIN = once.length

export const trafficOf = (settings: TrafficSettings): ReadonlyArray<Plan> => {
  const random = new Random(settings.seed)
  const cast: Array<{ story: Story; way: Way }> = [...once]
  let http = cast.filter(({ way }) => way === "http").length
  while (cast.length < settings.payments) {
    const way: Way = http * 2 <= cast.length ? "http" : "nats"
    const possible = stories.filter((story) => (story.ways ?? ways).includes(way))
    cast.push({ story: random.weighted(possible, ({ weight }) => weight), way })
    if (way === "http") http++
  }
  let at = 0
  return random.shuffled(cast).map(({ story, way }, index): Plan => {
    const merchant = random.weighted(merchants, (name) => (merchants.indexOf(name) + 1) ** -0.7)
    const plan: Plan = {
      index,
      atMillis: at,
      way,
      story,
      merchant,
      commandId: `order-${settings.seed}-${index}`,
      body: bodyOf(random, settings, story, index)
    }
    at += random.exponential(1_000 / settings.rate)
    return plan
  })
}

const bodyOf = (
  random: Random,
  settings: TrafficSettings,
  story: Story,
  index: number
): PaymentBody => {
  const currency = random.weighted(currencies, ({ weight }) => weight)
  const units = story.large === true ? LARGE_UNITS_MIN + random.int(LARGE_UNITS_SPREAD) : Math.min(
    ORDINARY_UNITS_MAX,
    Math.max(ORDINARY_UNITS_MIN, random.logNormal(currency.median, currency.sigma))
  )
  const amount = Math.round(units * 10 ** exponentOf(currency.code))
  const splits = splitsOf(random, amount)
  return {
    amount,
    currency: currency.code,
    ...(story.captures !== undefined && { capture: "manual" as const }),
    payment_method: { type: "card", token: story.token },
    ...payerOf(random, settings, story, index),
    ...(splits !== undefined && { splits }),
    reference: `pedido-${index + 1}`
  }
}

/** Every fifth payment is a marketplace's: shares mostly, fixed amounts now and then. */
const splitsOf = (random: Random, amount: number): ReadonlyArray<Split> | undefined => {
  if (!random.chance(0.2)) return undefined
  return random.chance(0.75)
    ? [{ recipient: "seller_a", share: "0.70" }, { recipient: "seller_b", share: "0.20" }]
    : [{ recipient: "seller_a", amount: Math.floor(amount * 0.6) }]
}

const payerOf = (
  random: Random,
  settings: TrafficSettings,
  story: Story,
  index: number
): Pick<PaymentBody, "customer" | "device"> => {
  const pool = Math.max(40, Math.floor(settings.payments / 4))
  const number = random.int(pool)
  const id = story.large === true ? `cus_new_${index}` : `cus_${number}`
  const ip = story.fromDeniedAddress === true ? DENIED_ADDRESS : `198.51.100.${1 + (number % 254)}`
  // One computer that many people use: the device rule gives them points.
  const device = { id: random.chance(0.06) ? "dev_lan_house" : `dev_${id}`, ip }
  if (story.large !== true && random.chance(0.1)) return { device }
  const locale = random.chance(0.7) ? "pt-BR" : "en"
  return { customer: { id, email: `${id}@example.com`, locale }, device }
}
