import fc from "fast-check"
import { describe, expect, test } from "vitest"
import { partitionOf } from "../../src/domain/partition.ts"
import { PARTITIONS } from "../../streams/mailboxes.ts"
import { runsOf } from "../support/runs.ts"
import { bookLines, Wallets } from "../support/wallets.ts"

const MINE = "balance:BRL"
const SELLER = "balance:BRL:seller"

const place = (merchant: string) => `p${String(partitionOf(merchant, PARTITIONS)).padStart(2, "0")}`
const of = (command_id: string, amount: number, to: object, more: object = {}) => ({
  command_id,
  currency: "BRL",
  amount,
  to,
  ...more
})

/** acme holds 100.00, its seller 20.00. */
const funded = () => {
  const wallets = new Wallets()
  wallets.open("globex")
  wallets.fund("acme", MINE, 10_000)
  wallets.fund("acme", SELLER, 2_000)
  wallets.journal.length = 0
  return wallets
}

describe("an accountant can read the postings of a transfer", () => {
  test("within one book it is one entry", () => {
    const wallets = funded()
    expect(wallets.take("acme", "transfer", of("t1", 3_000, { recipient: "seller" })))
      .toBeUndefined()
    wallets.take("acme", "transfer", of("t2", 500, {}, { recipient: "seller" }))
    expect(bookLines(wallets.journal)).toBe([
      "transfer: liabilities:merchant:acme:available:BRL to " +
      "liabilities:merchant:acme:recipient:seller:available:BRL 3000",
      "transfer: liabilities:merchant:acme:recipient:seller:available:BRL to " +
      "liabilities:merchant:acme:available:BRL 500"
    ].join("\n"))
    expect(wallets.onTheWay).toEqual([])
    expect(wallets.events.map(({ type }) => type)).toEqual([
      "transfer.completed",
      "transfer.completed"
    ])
  })

  test("between two books each books its leg against the control account of its partition", () => {
    const wallets = funded()
    wallets.take("acme", "transfer", of("t1", 3_000, { merchant: "globex", recipient: "shop" }))
    expect(wallets.total("control:transfers")).toBe(3_000n)
    wallets.deliverAll()
    expect(bookLines(wallets.journal)).toBe([
      `transfer_sent: liabilities:merchant:acme:available:BRL to ` +
      `control:transfers:${place("acme")}:BRL 3000`,
      `transfer_arrived: control:transfers:${place("globex")}:BRL to ` +
      `liabilities:merchant:globex:recipient:shop:available:BRL 3000`
    ].join("\n"))
    expect(wallets.total("control:transfers")).toBe(0n)
    expect(wallets.available("globex", "balance:BRL:shop")).toBe(3_000n)
    expect(wallets.events.map(({ type }) => type)).toEqual([
      "transfer.sent",
      "transfer.received",
      "transfer.completed"
    ])
  })
})

describe("a transfer is refused", () => {
  test("beyond what is available: what is reserved or on its way out is not", () => {
    const wallets = new Wallets({
      payouts: [{ schedule: "manual", reserve: { basis_points: 1_000, days: 30 } }]
    })
    wallets.fund("acme", MINE, 10_000)
    wallets.take("acme", "payout", {
      command_id: "po",
      currency: "BRL",
      amount: 4_000,
      destination: "ba_1"
    })
    // 100.00 less a tenth in reserve and 40.00 under way.
    const before = wallets.journal.length
    expect(wallets.take("acme", "transfer", of("t1", 5_001, { merchant: "globex" })))
      .toBe("insufficient_funds")
    expect(wallets.journal.length).toBe(before)
    expect(wallets.take("acme", "transfer", of("t2", 5_000, { merchant: "globex" })))
      .toBeUndefined()
    expect(wallets.available("acme", MINE)).toBe(0n)
  })

  test("from a wallet to itself, and from one that nobody filled", () => {
    const wallets = funded()
    expect(wallets.take("acme", "transfer", of("t1", 1, {}))).toBe("same_wallet")
    expect(wallets.take("acme", "transfer", of("t2", 1, { merchant: "acme" }))).toBe("same_wallet")
    const seller = { recipient: "seller" }
    expect(wallets.take("acme", "transfer", of("t3", 1, seller, seller))).toBe("same_wallet")
    expect(wallets.take("globex", "transfer", of("t4", 1, { merchant: "acme" })))
      .toBe("insufficient_funds")
    expect(wallets.journal).toEqual([])
  })
})

describe("a transfer to a merchant that nobody has", () => {
  const sent = () => {
    const wallets = funded()
    wallets.take("acme", "transfer", of("t1", 3_000, { merchant: "nobody" }), "_INBOX.1")
    expect(wallets.available("acme", MINE)).toBe(7_000n)
    return wallets
  }

  test("comes back exactly, and whoever waits is told why", () => {
    const wallets = sent()
    wallets.deliverAll()
    expect(bookLines(wallets.journal)).toBe([
      "transfer_sent: liabilities:merchant:acme:available:BRL to " +
      `control:transfers:${place("acme")}:BRL 3000`,
      `transfer_refused: control:transfers:${place("acme")}:BRL to ` +
      "liabilities:merchant:acme:available:BRL 3000"
    ].join("\n"))
    expect(wallets.journal[1]!.reverses).toBe(wallets.journal[0]!.id)
    expect(wallets.available("acme", MINE)).toBe(10_000n)
    expect(wallets.total("control:transfers")).toBe(0n)
    expect(wallets.balances("liabilities:merchant:nobody").size).toBe(0)
    expect(wallets.events.map(({ type }) => type)).toEqual(["transfer.sent", "transfer.failed"])
    const failed = {
      status: "failed",
      failure: { code: "merchant_not_found", detail: "there is no merchant nobody" }
    }
    expect(wallets.answers).toMatchObject([{ transfer: failed }])
    // The same command is that transfer, also when somebody has the merchant.
    wallets.open("nobody")
    wallets.take("acme", "transfer", of("t1", 3_000, { merchant: "nobody" }), "_INBOX.2")
    expect(wallets.answers).toMatchObject([{ transfer: failed }, { transfer: failed }])
    expect(wallets.onTheWay).toEqual([])
  })

  test("changes nothing where its messages come twice", () => {
    const wallets = sent()
    const arrived = wallets.onTheWay[0]!
    wallets.deliver()
    const refused = wallets.onTheWay[0]!
    wallets.open("nobody")
    for (const { body, key, type } of [arrived, refused, arrived, refused]) {
      wallets.take(key, type as never, body as object)
    }
    wallets.deliverAll()
    expect(wallets.available("acme", MINE)).toBe(10_000n)
    expect(wallets.available("nobody", MINE)).toBe(0n)
    expect(wallets.journal.map(({ kind }) => kind)).toEqual(["transfer_sent", "transfer_refused"])
  })

  test("goes back to the recipient's wallet that it came from", () => {
    const wallets = funded()
    const wanted = of("t1", 2_000, { merchant: "nobody" }, { recipient: "seller" })
    wallets.take("acme", "transfer", wanted)
    wallets.deliverAll()
    expect(wallets.available("acme", SELLER)).toBe(2_000n)
  })

  test("is one to a merchant that was never opened and has no money, no other", () => {
    const wallets = funded()
    wallets.fund("initech", "balance:BRL:shop", 1)
    const shop = { merchant: "initech", recipient: "shop" }
    wallets.take("acme", "transfer", of("t1", 1_000, shop))
    wallets.deliverAll()
    expect(wallets.available("initech", "balance:BRL:shop")).toBe(1_001n)
    // What an older release sent cannot be taken back.
    wallets.take("nobody", "transfer_arrived", {
      transfer_id: "trf_old",
      balance: MINE,
      amount: "7",
      from: "acme"
    })
    expect(wallets.available("nobody", MINE)).toBe(7n)
  })
})

test("who opens a merchant is answered, as often as it asks", () => {
  const wallets = new Wallets()
  for (const inbox of ["_INBOX.1", "_INBOX.2"]) {
    wallets.take("acme", "open_merchant", { command_id: inbox }, inbox)
  }
  expect(wallets.answers[0]).toMatchObject({ merchant: { id: "acme" } })
  expect(wallets.answers[1]).toEqual(wallets.answers[0])
})

test("a repeat changes nothing and gets the same answer; another body is refused", () => {
  const wallets = funded()
  const body = of("t1", 3_000, { merchant: "globex" })
  wallets.take("acme", "transfer", body, "_INBOX.1")
  const booked = wallets.journal.length
  wallets.take("acme", "transfer", body, "_INBOX.2")
  expect(wallets.take("acme", "transfer", { ...body, amount: 1 })).toBe("command_reused")
  const arrived = wallets.onTheWay[0]!
  wallets.deliverAll()
  // Both who waited are told once it is booked on both sides; who asks later, at once.
  wallets.take("acme", "transfer", body, "_INBOX.3")
  expect(wallets.answers).toHaveLength(3)
  expect(wallets.answers[0]).toMatchObject({ transfer: { status: "completed", amount: 3_000 } })
  wallets.take(arrived.key, "transfer_arrived", arrived.body as object)
  expect(wallets.journal.length).toBe(booked + 1)
  expect(wallets.available("globex", MINE)).toBe(3_000n)
})

const merchants = ["acme", "globex", "initech", "umbrella"]
const nobody = "nobody"
const action = fc.record({
  from: fc.constantFrom(...merchants),
  recipient: fc.option(fc.constantFrom("a", "b"), { nil: undefined }),
  to: fc.option(fc.constantFrom(...merchants, nobody), { nil: undefined }),
  toRecipient: fc.option(fc.constantFrom("a", "b"), { nil: undefined }),
  amount: fc.integer({ min: 1, max: 4_000 }),
  command: fc.integer({ min: 0, max: 30 }),
  deliver: fc.integer({ min: 0, max: 3 })
})

test("whatever is sent and in whatever order it arrives, no money is made or lost", () =>
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
      const wallets = new Wallets()
      for (const merchant of merchants) {
        wallets.open(merchant)
        wallets.fund(merchant, MINE, 5_000)
      }
      const filled = wallets.total("liabilities:merchant")
      for (const { amount, command, deliver, from, recipient, to, toRecipient } of actions) {
        wallets.take(
          from,
          "transfer",
          of(
            `c${command}`,
            amount,
            {
              ...(to !== undefined && { merchant: to }),
              ...(toRecipient !== undefined && { recipient: toRecipient })
            },
            recipient === undefined ? {} : { recipient }
          )
        )
        for (let nth = 0; nth < deliver && wallets.onTheWay.length > 0; nth++) {
          wallets.deliver((command + nth) % wallets.onTheWay.length)
        }
        // Cleared money comes from pending, so the book's own total never moves but by what is on its way.
        expect(wallets.total("liabilities:merchant") + wallets.total("control:transfers"))
          .toBe(filled)
        for (const [path, balance] of wallets.balances("liabilities:merchant")) {
          if (path.includes(":available:")) expect(balance).toBeGreaterThanOrEqual(0n)
        }
      }
      wallets.deliverAll()
      expect(wallets.total("control:transfers")).toBe(0n)
      expect(wallets.balances(`liabilities:merchant:${nobody}`).size).toBe(0)
      for (const merchant of merchants) {
        for (const name of [MINE, `${MINE}:a`, `${MINE}:b`]) {
          const recipient = name === MINE ? "" : `recipient:${name.at(-1)}:`
          const path = `liabilities:merchant:${merchant}:${recipient}available:BRL`
          expect(wallets.balances(path).get(path) ?? 0n).toBe(wallets.available(merchant, name))
        }
      }
    }),
    { numRuns: runsOf(200) }
  ))
