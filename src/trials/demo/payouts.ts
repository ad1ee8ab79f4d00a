import { Effect } from "effect"
import type { House } from "./house.ts"
import { merchants } from "./traffic.ts"
import { rest } from "./ways.ts"

const LOOK_EVERY_MILLIS = 250
/** Far beyond an answer that never comes and the inquiry after it. */
const OPEN_MILLIS = 60_000
const AT_ONCE = 8
/** Every so many-th bank account is closed, and another answers nothing. */
const CLOSED_EVERY = 7
const SILENT_AT = 3

interface Balance {
  readonly currency: string
  readonly recipient?: string
  readonly available: string
  readonly in_transit: string
}

interface Payout {
  readonly id: string
  readonly merchant: string
  readonly currency: string
  readonly recipient?: string
  readonly amount: number
  readonly status: string
}

interface PaidOut {
  readonly asked: number
  readonly paid: number
  readonly failed: number
  /** What was paid per currency, minor units. */
  readonly sums: Readonly<Record<string, string>>
  /** What speaks against it: the bank's memory and ours differ, or money is missing. */
  readonly against: ReadonlyArray<string>
}

/** Everybody with money asks for it: merchants, and recipients through them. */
export const payOut = async (house: House): Promise<PaidOut> => {
  const wanted = (await Promise.all(merchants.map((merchant) => balancesOf(house, merchant))))
    .flat()
    .filter(({ available }) => BigInt(available) > 0n)
  const payouts = await Effect.runPromise(
    Effect.forEach(
      wanted,
      (one, index) => Effect.promise(() => payOne(house, one, index)),
      { concurrency: AT_ONCE }
    )
  )
  const paid = payouts.filter(({ status }) => status === "paid")
  const failed = payouts.filter(({ status }) => status === "failed")
  return {
    asked: wanted.length,
    paid: paid.length,
    failed: failed.length,
    sums: sumsOf(paid),
    against: [
      ...payouts.filter(({ status }) => status !== "paid" && status !== "failed")
        .map(({ id, status }) => `${id} is still ${status}`),
      ...await bankAgainst(house, paid),
      ...await returnsAgainst(house, failed)
    ]
  }
}

export const balancesOf = async (house: House, merchant: string) => {
  const { data } = await house.ask<{ data: ReadonlyArray<Balance> }>(
    `/v1/balances?limit=100&merchant=${merchant}`
  )
  return data.map((balance) => ({ ...balance, merchant }))
}

const destinationOf = (index: number): string =>
  index % CLOSED_EVERY === CLOSED_EVERY - 1
    ? "ba_closed"
    : index === SILENT_AT
    ? "ba_timeout"
    : `ba_${index}`

const payOne = async (
  house: House,
  { currency, merchant, recipient }: Balance & { readonly merchant: string },
  index: number
): Promise<Payout> => {
  const call = async (method: string, path: string, body?: object) => {
    const answer = await fetch(house.lastro.edge.url + path, {
      method,
      headers: {
        authorization: `Bearer ${house.keyOf(merchant)}`,
        "content-type": "application/json",
        "idempotency-key": `payout-${index}`,
        prefer: "wait=30"
      },
      ...(body !== undefined && { body: JSON.stringify(body) })
    })
    const json = await answer.json()
    if (!answer.ok) throw new Error(`${path} was answered ${answer.status}: ${json.detail}`)
    return json as Payout
  }
  const deadline = Date.now() + OPEN_MILLIS
  const wanted = { currency, destination: destinationOf(index), ...(recipient && { recipient }) }
  let payout = await call("POST", "/v1/payouts", wanted)
  while (payout.status !== "paid" && payout.status !== "failed" && Date.now() < deadline) {
    await rest(LOOK_EVERY_MILLIS)
    payout = await call("GET", `/v1/payouts/${payout.id}`)
  }
  return payout
}

const sumsOf = (payouts: ReadonlyArray<Payout>): Record<string, string> => {
  const sums: Record<string, string> = {}
  for (const { amount, currency } of payouts) {
    sums[currency] = String(BigInt(sums[currency] ?? 0) + BigInt(amount))
  }
  return sums
}

const accountOf = ({ currency, recipient }: Payout): string =>
  recipient === undefined ? `balance:${currency}` : `balance:${currency}:${recipient}`

/** The bank's own memory: each payout once, with its amount. */
const bankAgainst = async (
  house: House,
  paid: ReadonlyArray<Payout>
): Promise<ReadonlyArray<string>> => {
  const against: Array<string> = []
  for (const [account, ours] of Map.groupBy(paid, accountOf)) {
    const answer = await fetch(`${house.lastro.simulator.url}/book/${account}`)
    const operations = (await answer.json()) as ReadonlyArray<
      { readonly key: string; readonly amount: number; readonly status: string }
    >
    const theirs = new Map(
      operations.filter(({ status }) => status === "approved").map((one) => [one.key, one.amount])
    )
    for (const { amount, id } of ours) {
      if (theirs.get(id) !== amount) {
        against.push(`${id} paid ${amount}, the bank ${theirs.get(id)}`)
      }
      theirs.delete(id)
    }
    for (const [id, amount] of theirs) against.push(`the bank paid ${amount} for ${id}, we did not`)
  }
  return against
}

/** What was refused is available again, to the last minor unit. */
const returnsAgainst = async (
  house: House,
  failed: ReadonlyArray<Payout>
): Promise<ReadonlyArray<string>> => {
  const against: Array<string> = []
  for (const { amount, currency, id, merchant, recipient } of failed) {
    const now = (await balancesOf(house, merchant))
      .find((one) => one.currency === currency && one.recipient === recipient)
    if (now?.available !== String(amount) || now.in_transit !== "0") {
      against.push(`${id} failed, and ${now?.available} of ${amount} is available`)
    }
  }
  return against
}
