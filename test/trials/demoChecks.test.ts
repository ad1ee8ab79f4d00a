import { afterAll, beforeAll, describe, expect, it } from "vitest"
import {
  balances,
  chargesOnce,
  judge,
  keepsOrder,
  takesEffectOnce
} from "../../src/trials/demo/checks.ts"
import { CommandLog } from "../../src/trials/demo/commandLog.ts"
import { type Evidence, gather, type PaymentEvidence } from "../../src/trials/demo/evidence.ts"
import { type House, openHouse } from "../../src/trials/demo/house.ts"
import { untilQuiet } from "../../src/trials/demo/quiet.ts"
import { play } from "../../src/trials/demo/shopper.ts"
import { stories } from "../../src/trials/demo/stories.ts"
import { type Plan, trafficOf } from "../../src/trials/demo/traffic.ts"
import { overHttp, overNats } from "../../src/trials/demo/ways.ts"
import { startTestLastro, type TestLastro } from "../support/lastro.ts"

/** A few payments as the demo makes them; each test then forges what was found. */
let one: TestLastro
let house: House
let found: Evidence

const told = [
  "rest voided, then refunded",
  "two refunds at once",
  "sent again later",
  "double click"
]

const plansOf = (): ReadonlyArray<Plan> =>
  trafficOf({ payments: 60, seed: 3, rate: 60 }).filter(({ story }) =>
    told.includes(story.name) || story.hasty === true
  )

beforeAll(async () => {
  one = await startTestLastro()
  house = await openHouse(one.lastro)
  const log = new CommandLog()
  const callers = {
    http: overHttp(one.url, ({ merchant }) => house.keyOf(merchant)),
    nats: overNats(house.producer)
  }
  const plans = plansOf()
  await Promise.all(
    plans.map((plan) => play({ caller: callers[plan.way], log, look: house.look }, plan))
  )
  await untilQuiet(house, () => {})
  found = await gather(house, log, [])
}, 240_000)

afterAll(async () => {
  await house?.close()
  await one?.stop()
})

/** The evidence with one payment's changed: the first for which there is something to change. */
const forged = (
  change: (payment: PaymentEvidence) => PaymentEvidence | undefined
): Evidence => {
  for (const [index, payment] of found.payments.entries()) {
    const next = change(payment)
    if (next !== undefined) return { ...found, payments: found.payments.with(index, next) }
  }
  throw new Error("there is nothing to forge")
}

const backwards = <A>(list: ReadonlyArray<A>) => [...list].reverse()

it("honest evidence convinces", () => {
  expect(stories.filter(({ name }) => told.includes(name))).toHaveLength(told.length)
  expect(judge(found).map(({ against, holds }) => [holds, against])).toEqual([
    [true, []],
    [true, []],
    [true, []],
    [true, []]
  ])
  expect(found.repeats).toBe(4)
  expect(found.refusals).toHaveLength(1)
})

it("no evidence convinces nobody", () => {
  const nothing: Evidence = {
    ...found,
    commands: [],
    payments: [],
    payouts: [],
    moves: [],
    refusals: [],
    balances: [],
    trialBalance: [],
    gateway: { operations: 0, charges: 0, charged_twice: [], totals: [] }
  }
  expect(judge(nothing).map(({ holds }) => holds)).toEqual([false, false, false, false])
})

describe("G2 is broken by", () => {
  it("a command without effect", () => {
    const lost = { ...found.commands[0]!, id: "never-heard-of" }
    expect(takesEffectOnce({ ...found, commands: [...found.commands, lost] }).against).toEqual([
      `without effect: ${lost.type} ${lost.paymentId} never-heard-of`
    ])
  })

  it("a command that took effect twice", () => {
    const twice = forged((each) => ({
      ...each,
      payment: { ...each.payment, commands: [...each.payment.commands, each.payment.commands[0]!] }
    }))
    expect(takesEffectOnce(twice).against.join()).toMatch(/^once too often/)
  })

  it("a refused command that took effect as well", () => {
    const { about, data } = found.refusals[0]!
    const { command, command_id } = data as { command: string; command_id: string }
    const both = forged((each) =>
      each.payment.id !== about ? undefined : {
        ...each,
        payment: {
          ...each.payment,
          commands: [...each.payment.commands, {
            id: command_id,
            type: command,
            fingerprint: "",
            at: 0
          }]
        }
      }
    )
    expect(takesEffectOnce(both).against).toHaveLength(1)
  })

  it("a journal entry that is missing, or that nobody caused", () => {
    const missing = forged((each) =>
      each.postings.length < 2 ? undefined : {
        ...each,
        postings: each.postings.filter(({ entry_id }) => entry_id !== each.postings[0]!.entry_id)
      }
    )
    expect(takesEffectOnce(missing).against.join()).toContain("journal entry missing")
    const more = forged((each) =>
      each.postings.length === 0 ? undefined : {
        ...each,
        postings: [...each.postings, { ...each.postings[0]!, entry_id: "je_stranger", amount: "1" }]
      }
    )
    expect(takesEffectOnce(more).against.join()).toContain("je_stranger")
  })

  it("a repeat that made another payment", () => {
    expect(takesEffectOnce({ ...found, differing: ["order-1"] }).holds).toBe(false)
  })
})

describe("G3 is broken by", () => {
  it("effects in another order than their messages", () => {
    const events = forged((each) =>
      each.events.length < 2 ? undefined : { ...each, events: backwards(each.events) }
    )
    expect(keepsOrder(events).against.join()).toContain("came after message")
    const entries = forged((each) =>
      each.payment.refunds.length < 2 ? undefined : { ...each, postings: backwards(each.postings) }
    )
    expect(keepsOrder(entries).against.join()).toContain("came after message")
    const commands = forged((each) =>
      each.payment.refunds.length < 2 ? undefined : {
        ...each,
        payment: { ...each.payment, commands: backwards(each.payment.commands) }
      }
    )
    expect(keepsOrder(commands).against.join()).toContain("came after message")
  })

  it("an effect whose cause is not in the mailbox", () => {
    const without = forged((each) => ({ ...each, messages: each.messages.slice(1) }))
    expect(keepsOrder(without).against.join()).toContain("nothing in the mailbox caused create")
  })
})

describe("M1 is broken by", () => {
  it("an account that differs from the journal, or that no posting explains", () => {
    const [first, ...others] = found.balances
    const more = { ...first!, posted_debits: String(BigInt(first!.posted_debits) + 1n) }
    expect(balances({ ...found, balances: [more, ...others] }).against).toEqual([
      `${first!.path}: posted_debits ${more.posted_debits}, ` +
      `the journal says ${first!.posted_debits}`
    ])
    expect(balances({ ...found, balances: others }).against).toEqual([
      `${first!.path} has postings and no balance`
    ])
    const stranger = { ...more, path: "assets:nowhere:BRL" }
    expect(balances({ ...found, balances: [...found.balances, stranger] }).holds).toBe(false)
  })

  it("a difference in the trial balance", () => {
    for (const name of ["difference", "pending_difference", "journal_difference"]) {
      const trialBalance = found.trialBalance.map((line) => ({ ...line, [name]: "1" }))
      expect(balances({ ...found, trialBalance }).holds).toBe(false)
    }
  })
})

describe("M2 is broken by", () => {
  it("a second charge of one payment", () => {
    const twice = forged(({ operations, ...each }) => {
      const charge = operations.find(({ kind }) => kind === "charge")
      return charge && { ...each, operations: [...operations, { ...charge, captured: 0 }] }
    })
    expect(chargesOnce(twice).against.join()).toContain("has 2 charges")
    const gateway = { ...found.gateway, charged_twice: ["pay_1"] }
    expect(chargesOnce({ ...found, gateway }).against).toEqual(["pay_1 was charged twice"])
  })

  it("money the gateway moved and the payment does not know of", () => {
    const moved = forged((each) =>
      each.payment.amount_refunded === 0n
        ? undefined
        : { ...each, payment: { ...each.payment, amount_refunded: 0n } }
    )
    expect(chargesOnce(moved).against.join()).toContain("refunded 0, the gateway")
    const unknown = forged((each) =>
      each.payment.amount_captured === 0n
        ? undefined
        : { ...each, payment: { ...each.payment, amount_authorized: 0n } }
    )
    expect(chargesOnce(unknown).against.join()).toContain("but charged")
  })
})
