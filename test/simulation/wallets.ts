import { gateway } from "../../actors/gateway/actor.ts"
import { payments } from "../../actors/payments/actor.ts"
import { isPayoutOpen } from "../../actors/payments/wallet/payout.ts"
import { quoteIdOf } from "../../actors/payments/exchange/quote.ts"
import { defaultTerms, type Terms } from "../../actors/payments/terms.ts"
import {
  isBalance,
  isConversion,
  isPayout,
  isTransfer,
  type State
} from "../../actors/payments/state.ts"
import { available } from "../../src/ledger/chart.ts"
import { assertBalanced, changesOf, type JournalEntry } from "../../src/ledger/journal.ts"
import type { AnyActor, AnyKeyed } from "../../src/runtime/registry.ts"
import { routesOf } from "../../streams/events.ts"
import type { Chance } from "./chance.ts"
import { attemptsOf, entriesOf, kept, modelGateway } from "./shop.ts"
import { streamsFor } from "./topology.ts"
import type { Command, House, World } from "./world.ts"

const PARTITIONS = 2
const MERCHANTS = ["acme", "globex", "initech", "umbrella"]
const PAIRS = [["USD", "BRL"], ["BRL", "USD"]] as const

const terms: Terms = {
  ...defaultTerms,
  fx: {
    version: "simulated",
    // Some expire before they are used.
    quote_seconds: 2,
    rates: PAIRS.map(([from, to]) => ({
      from: from as never,
      to: to as never,
      rate: from === "USD" ? "5.1234" : "0.1948",
      spread_basis_points: 100
    }))
  }
}

/** What clears comes from payments; here it comes from outside, so that there is money at once. */
const actor = {
  ...payments,
  ingress: [...payments.ingress, "cleared"],
  config: { ...payments.config, initial: terms }
} as unknown as AnyKeyed

const fresh = (chance: Chance, nth: number, before: ReadonlyArray<Command>): Command => {
  const merchant = chance.oneOf(MERCHANTS)
  const command_id = `cmd-${nth}`
  const [from, to] = chance.oneOf(PAIRS)
  const amount = 100 + chance.below(3_000)
  const of = (type: string, body: object) => ({ family: "payments", type, merchant, body })
  if (nth < 2 || chance.happens(0.2)) {
    const cleared = { balance: `balance:${from}`, payment_id: `pay_${nth}`, amount: "5000" }
    return of("cleared", cleared)
  }
  switch (chance.below(4)) {
    case 0: {
      // Some to merchants that nobody has, some within the book.
      const other = chance.oneOf([...MERCHANTS, "nobody"])
      const wallet = { merchant: other, ...(other === merchant && { recipient: "seller" }) }
      return of("transfer", { command_id, currency: from, amount, to: wallet })
    }
    case 1:
      return of("payout", { command_id, currency: from, amount, destination: "ba_1" })
    case 2:
      return of("quote", { command_id, from, to, amount, side: "from" })
    default: {
      const quotes = before.filter(({ type }) => type === "quote")
      if (quotes.length === 0) return of("open_merchant", { command_id })
      const quote = chance.oneOf(quotes)
      const asked = quote.body as { command_id: string; from: string; to: string }
      const quote_id = quoteIdOf(quote.merchant, asked.command_id, [asked.from, asked.to])
      return { ...of("convert", { command_id, quote_id }), merchant: quote.merchant }
    }
  }
}

const sent = new WeakMap<Chance, Array<Command>>()

/** Some are sent again word for word, as after a lost acknowledgement. */
const command: House["command"] = (chance, nth) => {
  const before = sent.get(chance) ?? []
  sent.set(chance, before)
  const again = before.filter(({ type }) => type !== "cleared")
  const one = again.length > 0 && chance.happens(0.2)
    ? chance.oneOf(again)
    : fresh(chance, nth, before)
  before.push(one)
  return one
}

const statesOf = ({ store }: World): ReadonlyArray<State> =>
  [...store.states.get("payments")?.values() ?? []].map(({ state }) => state as State)

const isQuiet = (world: World): boolean =>
  statesOf(world).every((state) =>
    isPayout(state) ? !isPayoutOpen(state) : !isTransfer(state) || state.status !== "sent"
  )

/** Nothing is made, lost, spent twice or left on its way, in any currency. */
const broken = (world: World): ReadonlyArray<string> => {
  const entries = entriesOf(world)
  const states = statesOf(world)
  const found = [...booksOf(entries, states), ...legsOf(entries, states)]
  const attempts = attemptsOf(world.store)
  for (const payout of states.filter(isPayout)) {
    const paid = attempts.get(payout.id)?._tag === "Approved"
    if (payout.status !== (paid ? "paid" : "failed")) {
      found.push(`${payout.id} is ${payout.status}, and the gateway paid it: ${paid}`)
    }
  }
  const quotes = states.filter(isConversion).map(({ quote }) => quote)
  if (new Set(quotes).size !== quotes.length) found.push("a quote is used twice")
  return found
}

const booksOf = (entries: ReadonlyArray<JournalEntry>, states: ReadonlyArray<State>) => {
  const found: Array<string> = []
  try {
    assertBalanced(entries)
  } catch (error) {
    found.push(String(error))
  }
  if (new Set(entries.map(({ id }) => id)).size !== entries.length) {
    found.push("an entry is booked twice")
  }
  const booked = new Map(
    [...changesOf(entries)].map(([path, { totals }]) =>
      [path, totals.postedCredits - totals.postedDebits] as const
    )
  )
  const wallets = states.filter(isBalance)
  for (const wallet of wallets) {
    const { currency, in_transit, merchant, recipient } = wallet
    const { path } = available(merchant, recipient, currency)
    const there = booked.get(path) ?? 0n
    if (there !== wallet.available || there < 0n || in_transit !== 0n) {
      found.push(`${path}: ${wallet.available}, booked ${there}, in transit ${in_transit}`)
    }
  }
  for (const prefix of ["control:transfers:", "liabilities:payouts_in_transit:"]) {
    for (const currency of ["BRL", "USD"]) {
      const left = [...booked].filter(([path]) =>
        path.startsWith(prefix) && path.endsWith(currency)
      )
        .reduce((sum, [, amount]) => sum + amount, 0n)
      if (left !== 0n) found.push(`${prefix}${currency} holds ${left}`)
    }
  }
  return found
}

/** Both legs of a transfer, or the first and its reversal. */
const legsOf = (entries: ReadonlyArray<JournalEntry>, states: ReadonlyArray<State>) => {
  const kinds = Map.groupBy(entries, ({ paymentId }) => paymentId)
  return states.filter(isTransfer).filter(({ direction }) => direction === "out")
    .flatMap(({ id, merchant, other, status }) => {
      const wanted = other.merchant === merchant
        ? "transfer"
        : `transfer_${status === "failed" ? "refused" : "arrived"},transfer_sent`
      const booked = (kinds.get(id) ?? []).map(({ kind }) => kind).sort().join()
      return booked === wanted ? [] : [`${id} is ${status} and booked as ${booked}`]
    })
}

/** Settled money, transfers between books, payouts and conversions, as Lastro runs them. */
export const wallets: House = {
  keyed: [actor],
  outbound: ["gateway"],
  partitions: PARTITIONS,
  streams: streamsFor({ keyed: [actor] }, ["fraud", "gateway", "messaging", "reconciliation"]),
  routesOf,
  actors: (keeper) => [
    kept(actor, keeper),
    gateway([modelGateway(keeper)]) as unknown as AnyActor
  ],
  commandsMax: 24,
  // Calls of a killed worker are repeated after half a minute; an unknown one is asked about for minutes.
  settlesMillis: 400_000,
  command,
  isQuiet,
  broken
}
