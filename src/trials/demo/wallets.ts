import { randomUUID } from "node:crypto"
import type { FxTerms } from "../../../streams/messages/fx.ts"
import { balances as balancesBelow } from "../../store/outcomes.ts"
import type { House } from "./house.ts"
import { balancesOf } from "./payouts.ts"
import { merchants } from "./traffic.ts"

const FROM = "BRL"
const TO = "USD"
/** Merchants that send something, and half of them convert something, too. */
const SENDERS = 10
const NOBODY = "nobody-here"
/** Less is left alone. */
const AVAILABLE_MIN = 1_000n

/** What the demo's conversions are made at. */
export const demoRates: typeof FxTerms.Type = {
  version: "demo",
  rates: [{ from: FROM as never, to: TO as never, rate: "0.1948", spread_basis_points: 100 }]
}

interface Told {
  readonly id: string
  readonly status: string
  readonly from_amount: number
  readonly to_amount: number
}

interface Moved {
  readonly sent: number
  /** To a merchant that nobody has: it came back. */
  readonly returned: number
  readonly converted: number
  /** Identifiers of what moved money. */
  readonly ids: ReadonlyArray<string>
  /** What speaks against it: money was made, lost or left on its way. */
  readonly against: ReadonlyArray<string>
}

/** Merchants send each other a part of what was settled, and convert another. */
export const moveMoney = async (house: House): Promise<Moved> => {
  const before = await held(house)
  const senders = (await wallets(house)).filter(({ available, currency, recipient }) =>
    currency === FROM && recipient === undefined && BigInt(available) >= AVAILABLE_MIN
  ).slice(0, SENDERS)
  const sent: Array<Told> = []
  const converted: Array<Told> = []
  const ids: Array<string> = []
  for (const [index, { available, merchant }] of senders.entries()) {
    const amount = Number(BigInt(available) / 4n)
    const ask = (path: string, body: object) => asked(house, merchant, path, body)
    const to = { merchant: index === 0 ? NOBODY : merchants[(index + 7) % merchants.length]! }
    sent.push(await ask("/v1/transfers", { currency: FROM, amount, to }))
    if (index % 2 === 1) continue
    const quote = await ask("/v1/fx/quotes", { from: FROM, to: TO, amount, side: "from" })
    converted.push(await ask("/v1/fx/conversions", { quote_id: quote.id }))
  }
  ids.push(...[...sent, ...converted].map(({ id }) => id))
  const count = (status: string) => sent.filter((one) => one.status === status).length
  return {
    sent: count("completed"),
    returned: count("failed"),
    converted: converted.length,
    ids,
    against: [
      ...count("completed") + count("failed") === sent.length ? [] : ["a transfer is on its way"],
      ...await missing(house, before, converted)
    ]
  }
}

const wallets = async (house: House) =>
  (await Promise.all(merchants.map((merchant) => balancesOf(house, merchant)))).flat()

/** What is available to all merchants and recipients together, by currency. */
const held = async (house: House): Promise<ReadonlyMap<string, bigint>> => {
  const sums = new Map<string, bigint>()
  for (const { available, currency } of await wallets(house)) {
    sums.set(currency, (sums.get(currency) ?? 0n) + BigInt(available))
  }
  return sums
}

const asked = async (
  house: House,
  merchant: string,
  path: string,
  body: object
): Promise<Told> => {
  const answer = await fetch(house.lastro.edge.url + path, {
    method: "POST",
    headers: {
      authorization: `Bearer ${house.keyOf(merchant)}`,
      "content-type": "application/json",
      "idempotency-key": randomUUID(),
      prefer: "wait=30"
    },
    body: JSON.stringify(body)
  })
  const json = await answer.json()
  if (answer.status !== 201) {
    throw new Error(`${path} was answered ${answer.status}: ${json.detail}`)
  }
  return json
}

/** Per currency: what wallets hold changed by what was converted and by nothing else. */
const missing = async (
  house: House,
  before: ReadonlyMap<string, bigint>,
  converted: ReadonlyArray<Told>
): Promise<ReadonlyArray<string>> => {
  const after = await held(house)
  const due = new Map(before)
  for (const { from_amount, to_amount } of converted) {
    due.set(FROM, (due.get(FROM) ?? 0n) - BigInt(from_amount))
    due.set(TO, (due.get(TO) ?? 0n) + BigInt(to_amount))
  }
  const onTheWay = await balancesBelow(house.db, "control:transfers:")
  return [
    ...[...new Set([...due.keys(), ...after.keys()])].flatMap((currency) => {
      const [is, should] = [after.get(currency) ?? 0n, due.get(currency) ?? 0n]
      return is === should ? [] : [`wallets hold ${is} ${currency}, and ${should} are due`]
    }),
    ...Object.entries(onTheWay).map(([currency, amount]) =>
      `${amount} ${currency} are between two books`
    )
  ]
}
