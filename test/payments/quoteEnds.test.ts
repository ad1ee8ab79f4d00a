import { afterAll, beforeAll, expect, test } from "vitest"
import { type Quote, QUOTE_KEPT_MILLIS, quoteIn } from "../../actors/payments/exchange/quote.ts"
import { isQuote, type State } from "../../actors/payments/state.ts"
import { save } from "../../actors/payments/store.ts"
import { canonicalJson } from "../../src/domain/canonicalJson.ts"
import { partitionOf } from "../../src/domain/partition.ts"
import { PARTITIONS } from "../../streams/mailboxes.ts"
import { type Journals, startJournals } from "../support/journals.ts"
import { query } from "../support/query.ts"
import { Wallets } from "../support/wallets.ts"

const fx = (rate: string) => ({
  version: rate,
  quote_seconds: 60,
  rates: [{ from: "USD" as never, to: "BRL" as never, rate, spread_basis_points: 0 }]
})
const quote = { command_id: "q", from: "USD", to: "BRL", amount: 100, side: "from" }
const only = (wallets: Wallets): Quote => [...wallets.states.values()].find(isQuote)!

test("a quote is known for a day after it expired, and then is none", () => {
  const wallets = new Wallets({ fx: fx("5") })
  wallets.fund("acme", "balance:USD", 100)
  wallets.take("acme", "quote", quote, "_INBOX.1")
  const { expires_at, id: quote_id } = only(wallets)
  const end = expires_at + QUOTE_KEPT_MILLIS
  const convert = (command_id: string) => wallets.take("acme", "convert", { command_id, quote_id })
  wallets.terms = { ...wallets.terms, fx: fx("6") }
  wallets.now = end - 3_000
  // The same command is that quote, at its own rate, and too late to convert.
  wallets.take("acme", "quote", quote, "_INBOX.2")
  expect(wallets.answers[1]).toEqual(wallets.answers[0])
  expect(convert("c1")).toBe("quote_expired")
  expect(convert("c2")).toBe("quote_not_found")
  const credited = {
    command_id: "order-1",
    amount: 100,
    currency: "USD",
    payment_method: { type: "card", token: "tok_approved" },
    quote_id
  }
  expect(wallets.take("acme", "create", credited)).toBe("quote_not_found")
  // From then on it does not matter whether the row is there still.
  wallets.take("acme", "quote", quote, "_INBOX.3")
  expect(wallets.answers[2]).toMatchObject({ quote: { id: quote_id, rate: "6" } })
  expect(convert("c3")).toBeUndefined()
})

let tables: Journals
beforeAll(async () => {
  tables = await startJournals()
})
afterAll(() => tables.stop())

/** Everything one decision puts is saved as its turn would save it. */
const saved = (wallets: Wallets, merchant: string, states: ReadonlyArray<[string, State]>) =>
  tables.together(() =>
    save({
      states: states.map(([key, state]) => ({
        partition: partitionOf(merchant, PARTITIONS),
        merchant,
        key,
        state,
        json: canonicalJson(state),
        isNew: !wallets.states.has(key)
      })),
      rows: []
    })
  )

const kept = async () =>
  (await query(tables.databaseUrl, "select merchant, id from fx_quotes order by merchant, id"))
    .map(({ id, merchant }) => `${merchant}/${id}`)

test("what is kept in the table is what counts, by the clock of the mailbox", async () => {
  const wallets = new Wallets({ fx: fx("5") })
  const quotes = () => [...wallets.states].filter(([, state]) => isQuote(state))
  for (const [nth, hours] of [0, 0, 10, 13, 1, 30].entries()) {
    wallets.now += hours * 3_600_000
    const before = new Set(wallets.states.keys())
    wallets.take("acme", "quote", { ...quote, command_id: `q${nth}` })
    if (nth === 0) wallets.take("globex", "quote", quote)
    for (const merchant of ["acme", "globex"]) {
      const fresh = quotes().filter(([id]) => id.startsWith(`${merchant}/`) && !before.has(id))
        .map(([id, state]): [string, State] => [id.slice(merchant.length + 1), state])
      await saved(wallets, merchant, fresh)
    }
    const wanted = quotes().filter(([id, state]) =>
      id.startsWith("globex/") || quoteIn(state, wallets.now) !== undefined
    )
    expect(await kept()).toEqual(wanted.map(([id]) => id).sort())
  }
  // The last came a day later than all others; globex had no other.
  expect(await kept()).toHaveLength(2)
})
