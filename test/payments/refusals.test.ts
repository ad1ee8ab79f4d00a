import { Effect } from "effect"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { type Quote, QUOTE_KEPT_MILLIS } from "../../actors/payments/exchange/quote.ts"
import { REFUSALS_MAX, type Refused, REFUSED_MILLIS } from "../../actors/payments/refused.ts"
import { load, save } from "../../actors/payments/store.ts"
import { defaultTerms } from "../../actors/payments/terms.ts"
import { isConversion, isPayment, isPayout, isQuote } from "../../actors/payments/state.ts"
import { canonicalJson } from "../../src/domain/canonicalJson.ts"
import { paymentIdOf } from "../../src/domain/identifiers.ts"
import { Database } from "../../src/store/database.ts"
import { type Journals, startJournals } from "../support/journals.ts"
import { query } from "../support/query.ts"
import { Wallets } from "../support/wallets.ts"

const fx = (rate: string) => ({
  version: rate,
  rates: [{ from: "USD" as never, to: "BRL" as never, rate, spread_basis_points: 0 }]
})
const routing = (methods: ReadonlyArray<string>) => ({
  rules: [{ name: "all", methods, to: [{ gateway: "simulator" }] as const }] as const
})

const payout = {
  command_id: "c",
  currency: "BRL",
  amount: 500,
  destination: "ba_1"
}
const transfer = { command_id: "c", currency: "BRL", amount: 500, to: { merchant: "globex" } }
const quote = { command_id: "c", from: "USD", to: "BRL", amount: 100, side: "from" }
const create = {
  command_id: "c",
  amount: 500,
  currency: "BRL",
  payment_method: { type: "card", token: "tok_approved" }
}
const paymentId = paymentIdOf("acme", "c")

/** A quote that costs more dollars than there are. */
const quoted = () => {
  const wallets = new Wallets({ fx: fx("5") })
  wallets.take("acme", "quote", quote)
  return { wallets, quote_id: [...wallets.states.values()].find(isQuote)!.id }
}

/** What was converted is spent. */
const converted = () => {
  const { quote_id, wallets } = quoted()
  wallets.fund("acme", "balance:USD", 100)
  expect(wallets.take("acme", "convert", { command_id: "c", quote_id })).toBeUndefined()
  expect(wallets.take("acme", "payout", payout)).toBeUndefined()
  const { id: conversion_id } = [...wallets.states.values()].find(isConversion)!
  return { wallets, conversion_id }
}

const paidBy = (wallets: Wallets) => {
  const { balance, id } = [...wallets.states.values()].find(isPayout)!
  return wallets.take("acme", "answered", {
    payment_id: balance,
    gateway: "simulator",
    attempt: id,
    operation: "payout",
    inquiry: false,
    outcome: { _tag: "Approved", charge_id: "po", captured: false, amount: "500" },
    took_millis: 1
  })
}

interface Case {
  readonly wallets: Wallets
  readonly type: Parameters<Wallets["take"]>[1]
  readonly body: object
  readonly other: object
  readonly code: string
  readonly change: () => unknown
}

/** A command that is refused, what then changes so that it would be taken, and the command altered. */
const cases: Readonly<Record<string, () => Case>> = {
  payout: () => {
    const wallets = new Wallets()
    return {
      wallets,
      type: "payout",
      body: payout,
      other: { amount: 1 },
      code: "insufficient_funds",
      change: () => wallets.fund("acme", "balance:BRL", 500)
    }
  },
  transfer: () => {
    const wallets = new Wallets()
    return {
      wallets,
      type: "transfer",
      body: transfer,
      other: { amount: 1 },
      code: "insufficient_funds",
      change: () => wallets.fund("acme", "balance:BRL", 500)
    }
  },
  quote: () => {
    const wallets = new Wallets()
    return {
      wallets,
      type: "quote",
      body: quote,
      other: { amount: 1 },
      code: "unknown_pair",
      change: () => wallets.terms = { ...wallets.terms, fx: fx("5") }
    }
  },
  conversion: () => {
    const { quote_id, wallets } = quoted()
    return {
      wallets,
      type: "convert",
      body: { command_id: "c", quote_id },
      other: { quote_id: quote_id.replace("usdbrl", "usdjpy") },
      code: "insufficient_funds",
      change: () => wallets.fund("acme", "balance:USD", 100)
    }
  },
  "reversal of a conversion": () => {
    const { conversion_id, wallets } = converted()
    return {
      wallets,
      type: "reverse_conversion",
      body: { command_id: "c", conversion_id, rate: "original" },
      other: { rate: "current" },
      code: "insufficient_funds",
      change: () => wallets.fund("acme", "balance:BRL", 500)
    }
  },
  "return of a payout": () => {
    const { wallets } = converted()
    const { id: payout_id } = [...wallets.states.values()].find(isPayout)!
    return {
      wallets,
      type: "payout_returned",
      body: { command_id: "c", payout_id, currency: "BRL", code: "closed" },
      other: { code: "unknown" },
      code: "invalid_state",
      change: () => paidBy(wallets)
    }
  },
  payment: () => {
    const wallets = new Wallets({ routing: routing(["pix"]) })
    return {
      wallets,
      type: "create",
      body: create,
      other: { amount: 1 },
      code: "no_gateway",
      change: () => wallets.terms = { ...defaultTerms, routing: routing(["card"]) }
    }
  }
}

describe.each(Object.entries(cases))("the refusal of a %s", (_, start) => {
  test("is the answer to the same command for good, whatever has changed since", () => {
    const { body, change, code, other, type, wallets } = start()
    expect(wallets.take("acme", type, body)).toBe(code)
    change()
    const booked = wallets.journal.length
    expect(wallets.take("acme", type, body)).toBe(code)
    expect(wallets.take("acme", type, { ...body, ...other })).toBe("command_reused")
    expect(wallets.journal.length).toBe(booked)
    // It would be taken now.
    const taken = { ...body, command_id: "d" }
    expect(wallets.take("acme", type, taken)).toBeUndefined()
    expect(wallets.take("acme", type, body)).toBe(code)
    // A wrong body under the name of one that was taken does not take its place.
    expect(wallets.take("acme", type, { ...taken, ...other })).toBe("command_reused")
    expect(wallets.take("acme", type, taken)).toBeUndefined()
  })
})

/** A quote whose day after its time is over, the same command that is refused then, and rates again. */
const forgotten = () => {
  const { wallets } = quoted()
  const [key, old] = [...wallets.states].find(([, state]) => isQuote(state))!
  wallets.now += 60_000 + QUOTE_KEPT_MILLIS
  const { fx: _, ...without } = wallets.terms
  wallets.terms = without
  expect(wallets.take("acme", "quote", quote)).toBe("unknown_pair")
  wallets.terms = { ...without, fx: fx("5") }
  return { wallets, key, old: old as Quote }
}

test("a refusal is remembered under the key of a quote that counts no more", () => {
  const { wallets } = forgotten()
  expect(wallets.take("acme", "quote", quote)).toBe("unknown_pair")
  expect(wallets.take("acme", "quote", { ...quote, command_id: "d" })).toBeUndefined()
})

test("a refusal is remembered for thirty days", () => {
  const wallets = new Wallets()
  expect(wallets.take("acme", "payout", payout)).toBe("insufficient_funds")
  const until = wallets.now + REFUSED_MILLIS
  wallets.fund("acme", "balance:BRL", 500)
  wallets.now = until - 2_000
  expect(wallets.take("acme", "payout", payout)).toBe("insufficient_funds")
  expect(wallets.take("acme", "payout", payout)).toBeUndefined()
})

test("a capture that came before its payment stays refused when there is one", () => {
  const wallets = new Wallets({ routing: routing(["card"]) })
  const capture = { command_id: "early", payment_id: paymentId }
  expect(wallets.take("acme", "capture", capture)).toBe("payment_not_found")
  expect(wallets.take("acme", "create", create)).toBeUndefined()
  // Another command would be told of the payment's state.
  const late = wallets.take("acme", "capture", { ...capture, command_id: "late" })
  expect(late).toBe("operation_in_progress")
  expect(wallets.take("acme", "capture", capture)).toBe("payment_not_found")
  expect(wallets.take("acme", "capture", { ...capture, amount: 1 })).toBe("command_reused")
  const [payment] = [...wallets.states.values()].filter(isPayment)
  expect(payment!.commands.map(({ id }) => id)).toEqual(["c"])
})

test("nobody fills the memory of a payment that is not there", () => {
  const wallets = new Wallets()
  const capture = (nth: number) =>
    wallets.take("acme", "capture", { command_id: `c${nth}`, payment_id: paymentId })
  for (let nth = 0; nth <= 2 * REFUSALS_MAX; nth++) expect(capture(nth)).toBe("payment_not_found")
  const [remembered] = [...wallets.states.values()]
  expect((remembered as Refused).commands).toHaveLength(REFUSALS_MAX)
})

describe("what is remembered goes when its time is over", () => {
  let tables: Journals
  beforeAll(async () => {
    tables = await startJournals()
  })
  afterAll(() => tables.stop())

  const remember = (id: string, partition: number, at: number) => {
    const state: Refused = {
      _tag: "Refused",
      id,
      merchant: "acme",
      commands: [],
      until: at + REFUSED_MILLIS
    }
    const saved = { partition, merchant: "acme", key: id, state, isNew: true }
    return tables.together(() =>
      save({ states: [{ ...saved, json: canonicalJson(state) }], rows: [] })
    )
  }
  const kept = async () =>
    (await query(
      tables.databaseUrl,
      "select id from refused_commands where id like 'po%' order by id"
    ))
      .map(({ id }) => id)

  test("and takes the place of a quote that counts no more, whose row is there still", async () => {
    const { key, old, wallets } = forgotten()
    const [id, now] = [key.slice("acme/".length), wallets.states.get(key) as Refused]
    const keep = (state: Quote | Refused) =>
      tables.together(() =>
        save({
          states: [{
            partition: 1,
            merchant: "acme",
            key: id,
            state,
            json: canonicalJson(state),
            isNew: true
          }],
          rows: []
        })
      )
    await keep(old)
    await keep(now)
    expect(now._tag).toBe("Refused")
    const loaded = await Effect.runPromise(
      load([{ merchant: "acme", key: id }]).pipe(
        Effect.provide(Database.layerOf(tables.databaseUrl, 1))
      )
    )
    expect([...loaded.values()]).toEqual([now])
  })

  test("with the next refusal of its partition, by the clock of the mailbox", async () => {
    const at = 1_800_000_000_000
    await remember("po_a", 1, at)
    await remember("po_b", 1, at + 1)
    await remember("po_c", 2, at + REFUSED_MILLIS)
    expect(await kept()).toEqual(["po_a", "po_b", "po_c"])
    await remember("po_d", 1, at + REFUSED_MILLIS)
    expect(await kept()).toEqual(["po_b", "po_c", "po_d"])
  })
})
