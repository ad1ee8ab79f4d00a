import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { explainedBalance, explainedBalanceAsOf } from "../../src/ledger/balance.ts"
import { gatewayReceivable, merchantPending, recipientPending } from "../../src/ledger/chart.ts"
import type { Booked, EntryKind, Posting } from "../../src/ledger/journal.ts"
import { searchJournal } from "../../src/ledger/search.ts"
import { statementBounds, statementLines } from "../../src/ledger/statement.ts"
import { trialBalance, trialBalanceAsOf } from "../../src/ledger/trialBalance.ts"
import { type Journals, startJournals } from "../support/journals.ts"
import { query } from "../support/query.ts"

const receivable = gatewayReceivable("simulator", 0, "BRL")
const mine = merchantPending("acme", "BRL")
const seller = recipientPending("acme", "seller", "BRL")

/** The same seed makes the same history. */
const randomOf = (seed: number) => {
  let state = seed
  return (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

/** Names follow from causes, not from time: they say nothing of the order. */
const idOf = (nth: number): string => `je_${String((nth * 7_919) % 10_007).padStart(26, "0")}`

const START = 1_700_000_000_000

/** Payments that are held, captured, released and refunded in random parts, in turns of random sizes. */
const historyOf = (seed: number, turns: number): ReadonlyArray<ReadonlyArray<Booked>> => {
  const random = randomOf(seed)
  const held = new Map<string, bigint>()
  let at = START
  let made = 0
  const entry = (paymentId: string, kind: EntryKind, postings: ReadonlyArray<Posting>): Booked => ({
    entry: { id: idOf(made++), kind, paymentId, postings },
    partition: 0,
    merchant: "acme",
    seq: made,
    at
  })
  const one = (): Booked => {
    // Several entries share a millisecond, as in one turn.
    if (random(3) === 0) at += 1 + random(5)
    const open = [...held.keys()]
    const what = random(4)
    if (what === 0 || open.length === 0) {
      const paymentId = `pay_${made}`
      const amount = BigInt(1 + random(1_000))
      held.set(paymentId, amount)
      return entry(paymentId, "hold", [
        { layer: "pending", debit: receivable, credit: mine, amount }
      ])
    }
    const paymentId = open[random(open.length)]!
    if (what === 1) {
      const all = held.get(paymentId)!
      const amount = random(2) === 0 ? all : 1n + BigInt(random(Number(all)))
      if (amount === all) held.delete(paymentId)
      else held.set(paymentId, all - amount)
      return entry(paymentId, "release", [
        { layer: "pending", debit: receivable, credit: mine, amount: -amount }
      ])
    }
    const [big, small] = [BigInt(1 + random(500)), BigInt(1 + random(50))]
    return what === 2
      ? entry(paymentId, "capture", [
        { layer: "posted", debit: receivable, credit: mine, amount: big },
        { layer: "posted", debit: receivable, credit: seller, amount: small }
      ])
      : entry(paymentId, "refund", [
        { layer: "posted", debit: mine, credit: receivable, amount: small }
      ])
  }
  return Array.from({ length: turns }, () => Array.from({ length: 1 + random(6) }, one))
}

/** What an account must show, by adding up every entry until then. */
const sumOf = (booked: ReadonlyArray<Booked>, path: string) => {
  const totals = { posted_debits: 0n, posted_credits: 0n, pending_debits: 0n, pending_credits: 0n }
  const holds = new Map<string, bigint>()
  for (const { entry } of booked) {
    for (const { amount, credit, debit, layer } of entry.postings) {
      if (debit.path === path) totals[`${layer}_debits`] += amount
      if (credit.path === path) totals[`${layer}_credits`] += amount
      if (layer === "pending" && (debit.path === path || credit.path === path)) {
        holds.set(entry.paymentId, (holds.get(entry.paymentId) ?? 0n) + amount)
      }
    }
  }
  return {
    ...Object.fromEntries(Object.entries(totals).map(([name, amount]) => [name, `${amount}`])),
    holds: [...holds].filter(([, amount]) => amount !== 0n)
      .map(([paymentId, amount]) => `${paymentId} ${amount}`).sort()
  }
}

const shown = (found: Awaited<ReturnType<typeof explainedBalance>>) => ({
  posted_debits: found!.posted_debits,
  posted_credits: found!.posted_credits,
  pending_debits: found!.pending_debits,
  pending_credits: found!.pending_credits,
  holds: found!.holds.map(({ amount, payment_id }) => `${payment_id} ${amount}`).sort()
})

let journals: Journals
let all: ReadonlyArray<Booked>
beforeAll(async () => {
  journals = await startJournals()
  const turns = historyOf(7, 150)
  all = turns.flat()
  for (const turn of turns) await journals.write(turn)
})
afterAll(() => journals.stop())

const momentsOf = () => [START - 1, ...new Set(all.map(({ at }) => at)), all.at(-1)!.at + 1_000]

describe("reads of the ledger", () => {
  test.each([mine, seller, receivable])("$path is its entries added up", async ({ path }) => {
    const found = await explainedBalance(journals.db, undefined, path)
    expect(shown(found)).toEqual(sumOf(all, path))
    expect(Number(found!.holds_count)).toBe(found!.holds.length)
  })

  test("a balance as of any moment is the entries until then", async () => {
    expect(sumOf(all, mine.path).holds.length).toBeGreaterThan(3)
    for (const moment of momentsOf().filter((_, index) => index % 4 === 0)) {
      for (const { path } of [mine, receivable]) {
        const found = await explainedBalanceAsOf(journals.db, undefined, path, moment)
        expect([moment, shown(found)])
          .toEqual([moment, sumOf(all.filter(({ at }) => at <= moment), path)])
      }
    }
  })

  test("a hold keeps the time it was placed, also in the past", async () => {
    const moment = all[Math.floor(all.length / 2)]!.at
    const { holds } = (await explainedBalanceAsOf(journals.db, "acme", mine.path, moment))!
    expect(holds.length).toBeGreaterThan(0)
    for (const hold of holds) {
      const first = all.find(({ entry }) => entry.paymentId === hold.payment_id)!
      expect(Number(hold.placed_millis)).toBe(first.at)
    }
  })

  test("a statement's lines lead from its opening to its closing balance", async () => {
    const moments = momentsOf()
    const random = randomOf(3)
    for (let round = 0; round < 40; round++) {
      const [one, other] = [moments[random(moments.length)]!, moments[random(moments.length)]!]
      const period = { fromMillis: Math.min(one, other), toMillis: Math.max(one, other) + 1 }
      const bounds = (await statementBounds(journals.db, "acme", mine.path, period))!
      const lines = await statementLines(journals.db, mine.path, bounds, 10_000)
      const within = all.filter(({ at }) => at >= period.fromMillis && at < period.toMillis)
      const before = sumOf(all.filter(({ at }) => at < period.fromMillis), mine.path)
      const until = sumOf(all.filter(({ at }) => at < period.toMillis), mine.path)
      expect([bounds.opening_debits, bounds.opening_credits])
        .toEqual([before["posted_debits" as never], before["posted_credits" as never]])
      expect([bounds.closing_debits, bounds.closing_credits])
        .toEqual([until["posted_debits" as never], until["posted_credits" as never]])
      expect(lines.map(({ entry_id }) => entry_id)).toEqual(
        within.flatMap(({ entry }) =>
          entry.postings.filter(({ credit, debit, layer }) =>
            layer === "posted" && (credit.path === mine.path || debit.path === mine.path)
          ).map(() => entry.id)
        )
      )
    }
  })

  test("a merchant's question about another's account finds nothing", async () => {
    const period = { fromMillis: 0, toMillis: START * 2 }
    for (const merchant of ["globex", ""]) {
      expect(await explainedBalance(journals.db, merchant, mine.path)).toBeUndefined()
      expect(await explainedBalanceAsOf(journals.db, merchant, mine.path, START)).toBeUndefined()
      expect(await statementBounds(journals.db, merchant, mine.path, period)).toBeUndefined()
      expect(await searchJournal(journals.db, { merchant, limit: 10 })).toEqual([])
    }
  })

  test("a trial balance as of every moment is the journal until then", async () => {
    for (const moment of momentsOf().slice(1)) {
      const posted = all.filter(({ at }) => at <= moment).flatMap(({ entry }) => entry.postings)
        .filter(({ layer }) => layer === "posted").reduce((sum, { amount }) => sum + amount, 0n)
      expect(await trialBalanceAsOf(journals.db, moment)).toEqual([{
        currency: "BRL",
        debits: `${posted}`,
        credits: `${posted}`,
        difference: "0",
        pending_difference: "0",
        journal_difference: "0"
      }])
    }
    expect(await trialBalanceAsOf(journals.db, all.at(-1)!.at)).toEqual(
      await trialBalance(journals.db)
    )
  })
})

describe("the journal search", () => {
  const wanted = (test: (one: Booked) => boolean) =>
    all.filter(test).map(({ entry }) => entry.id).reverse()
  const touches = ({ entry }: Booked, path: string) =>
    entry.postings.some(({ credit, debit }) => credit.path === path || debit.path === path)

  test.each(
    [
      [{}, () => true],
      [{ merchant: "acme" }, () => true],
      [{ kind: "capture" }, ({ entry }) => entry.kind === "capture"],
      [{ paymentId: "pay_0" }, ({ entry }) => entry.paymentId === "pay_0"],
      [{ account: seller.path }, (one) => touches(one, seller.path)],
      [{ account: mine.path }, (one) => touches(one, mine.path)],
      [
        { account: mine.path, kind: "refund", merchant: "acme" },
        (one) => touches(one, mine.path) && one.entry.kind === "refund"
      ],
      [
        { fromMillis: START + 40, toMillis: START + 200 },
        ({ at }) => at >= START + 40 && at < START + 200
      ],
      [
        { account: receivable.path, fromMillis: START + 40, toMillis: START + 200 },
        ({ at }) => at >= START + 40 && at < START + 200
      ]
    ] as ReadonlyArray<readonly [object, (one: Booked) => boolean]>
  )("%j finds every entry once, newest first, on pages of any size", async (question, test) => {
    const expected = wanted(test)
    expect(expected.length).toBeGreaterThan(0)
    for (const limit of [1, 7, 1_000]) {
      const found: Array<string> = []
      let after: { atMillis: number; id: string } | undefined
      for (;;) {
        const page = await searchJournal(journals.db, { ...question, limit, ...after && { after } })
        found.push(...page.map(({ id }) => id))
        const last = page.at(-1)
        if (last === undefined) break
        after = { atMillis: Number(last.at_millis), id: last.id }
        if (limit === 1 && found.length >= 25) break
      }
      expect(found).toEqual(limit === 1 ? expected.slice(0, found.length) : expected)
    }
  })

  test("an entry comes with all its postings", async () => {
    const [capture] = await searchJournal(journals.db, { kind: "capture", limit: 1 })
    const { entry } = all.find((one) => one.entry.id === capture!.id)!
    expect(capture!.postings).toEqual(entry.postings.map(({ amount, credit, debit, layer }) => ({
      layer,
      debit_account: debit.path,
      credit_account: credit.path,
      amount: `${amount}`,
      currency: "BRL"
    })))
  })
})

test("a hold given back beyond what it reserved takes its whole turn with it", async () => {
  const before = await explainedBalance(journals.db, "acme", mine.path)
  const release: Booked = {
    entry: {
      id: "je_zzzzzzzzzzzzzzzzzzzzzzzzzz",
      kind: "release",
      paymentId: "pay_nobody",
      postings: [{ layer: "pending", debit: receivable, credit: mine, amount: -1n }]
    },
    partition: 0,
    merchant: "acme",
    seq: 1,
    at: START * 2
  }
  await expect(journals.write([release])).rejects.toMatchObject({ sqlState: "23514" })
  expect(await explainedBalance(journals.db, "acme", mine.path)).toEqual(before)
})

test("a balance read while turns commit is of one version, holds included", async () => {
  let writing = true
  const writer = (async () => {
    const at = all.at(-1)!.at
    for (const [index, turn] of historyOf(99, 400).entries()) {
      await journals.write(turn.map((one, line) => ({
        ...one,
        at: at + 1 + index,
        entry: {
          ...one.entry,
          id: `je_w${String(index * 100 + line).padStart(25, "0")}`,
          paymentId: `w${one.entry.paymentId}`
        }
      })))
    }
    writing = false
  })()
  const versions = new Set<string>()
  let past: unknown
  const asOf = all.at(-1)!.at
  while (writing) {
    const found = (await explainedBalance(journals.db, "acme", mine.path))!
    versions.add(found.version!)
    const holds = found.holds.reduce((sum, { amount }) => sum + BigInt(amount), 0n)
    expect(holds).toBe(BigInt(found.pending_credits))
    const then = shown(await explainedBalanceAsOf(journals.db, "acme", mine.path, asOf))
    past ??= then
    // What is over does not change, whatever is written meanwhile.
    expect(then).toEqual(past)
  }
  await writer
  expect(versions.size).toBeGreaterThan(1)
  const drift = await query(
    journals.databaseUrl,
    `select a.path from accounts a where a.pending_credits + a.pending_debits <>
      (select coalesce(sum(amount), 0) from holds where account = a.path)`
  )
  expect(drift).toEqual([])
})
