import { Result } from "effect"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { laterWords } from "../../actors/payments/laterWords.ts"
import { type Attempt, isDefinitive } from "../../actors/payments/payment/attempts.ts"
import * as chart from "../../src/ledger/chart.ts"
import { changesOf } from "../../src/ledger/journal.ts"
import {
  about,
  answer,
  approved,
  asked,
  type Command,
  created,
  disputeTold,
  GATEWAY,
  ID,
  Life,
  scored
} from "../support/paymentLife.ts"
import { runsOf } from "../support/runs.ts"
import { Wallets } from "../support/wallets.ts"

const no = { _tag: "Declined", code: "no", detail: "no", soft: false } as const
const yes = (amount: bigint, captured = true) => approved(amount, captured)
const last = (life: Life) => life.payment!.attempts.at(-1)!

/** A payment of 100.00, and what the gateway answered to each thing that was asked of it. */
const begun = (capture: string, ...said: ReadonlyArray<object>) => {
  const life = new Life()
  for (const command of [created({ capture }), scored("allow")]) life.take(command)
  for (const outcome of said) life.take(answer(last(life), { ...outcome }))
  return life
}
const held = () => begun("manual", yes(10_000n, false))
const paid = () => begun("automatic", yes(10_000n))
const then = (life: Life, command: Command, outcome: object) => {
  life.take(command)
  life.take(answer(last(life), { ...outcome }))
  return life
}

/** The gateway's webhook speaks of an attempt, and says this when it is asked. */
const told = (life: Life, { key, operation }: Attempt, says: string, outcome: object) => {
  const heard = Result.getOrThrow(
    life.take(about("notified", { attempt: key, gateway: GATEWAY, says }))
  )
  expect(heard.emit).toMatchObject([{ to: "gateway", type: "inquire" }])
  return Result.getOrThrow(life.take(answer({ key, operation }, { ...outcome }, true)))
}
const takesBack = (life: Life, attempt = last(life)) => told(life, attempt, "not_made", no)
const makesAfterAll = (life: Life, outcome: object = yes(last(life).amount)) =>
  told(life, last(life), "made", outcome)

const dispute = (first: string, later: string) => {
  const life = paid()
  const stands = (status: string) => {
    life.take(about("dispute_notified", { dispute_id: "dp_1", gateway: GATEWAY }))
    return Result.getOrThrow(
      life.take(disputeTold("dp_1", { _tag: "Disputed", amount: "10000", status }))
    )
  }
  stands(first)
  return stands(later)
}

const payout = (first: object, later: object) => {
  const wallets = new Wallets({})
  wallets.fund("acme", "balance:BRL", 10_000)
  wallets.take("acme", "payout", { command_id: "p", currency: "BRL", destination: "ba_1" })
  const { attempt } = wallets.calls.at(-1)!.body as { attempt: string }
  const answered = (outcome: object, inquiry: boolean) => {
    const [events, entries] = [wallets.events.length, wallets.journal.length]
    wallets.take("acme", "answered", {
      ...{ payment_id: "balance:BRL", gateway: GATEWAY, attempt, operation: "payout", inquiry },
      outcome,
      took_millis: 1
    })
    return {
      events: wallets.events.slice(events),
      rows: wallets.journal.slice(entries).map((entry) => ({ _tag: "Entry" as const, entry }))
    }
  }
  answered(first, false)
  return answered(later, true)
}

const refundKey = `${ID}.refund.re_1`

/** What brings each line of the table about. */
const lives: Readonly<
  Record<string, () => ReturnType<typeof takesBack> | ReturnType<typeof payout>>
> = {
  "charge, captured: taken back": () => takesBack(paid()),
  "charge, authorized: taken back": () => takesBack(held()),
  "charge, captured: made after all": () => makesAfterAll(begun("automatic", no)),
  "charge, authorized: made after all": () =>
    makesAfterAll(begun("manual", no), yes(10_000n, false)),
  "capture: taken back": () => takesBack(then(held(), asked("capture", "c"), yes(10_000n))),
  "capture: made after all": () => makesAfterAll(then(held(), asked("capture", "c"), no)),
  "increment: taken back": () =>
    takesBack(then(held(), asked("increment", "i", { amount: 500 }), yes(500n))),
  "increment: made after all": () =>
    makesAfterAll(then(held(), asked("increment", "i", { amount: 500 }), no)),
  "void: taken back": () => takesBack(then(held(), asked("void", "v"), yes(10_000n))),
  "void: made after all": () => makesAfterAll(then(held(), asked("void", "v"), no)),
  "refund: taken back": () => takesBack(then(paid(), asked("refund", "r"), yes(10_000n))),
  "refund: made after all": () => makesAfterAll(then(paid(), asked("refund", "r"), no)),
  "refund: never asked for": () => {
    const life = paid()
    const more = { attempt: refundKey, refund_id: "re_1", says: "made", gateway: GATEWAY }
    life.take(about("notified", more))
    return Result.getOrThrow(life.take(answer(last(life), yes(4_000n), true)))
  },
  "payout: taken back": () => payout(yes(10_000n), no),
  "payout: made after all": () => payout(no, yes(10_000n)),
  "dispute, won: taken back": () => dispute("won", "lost"),
  "dispute, lost: taken back": () => dispute("lost", "won")
}

describe("a gateway's later word", () => {
  // What is for no payment reaches none: test/gateways/laterWords.test.ts.
  it.each(laterWords.filter(([, , becomes]) => becomes !== "no payment's"))(
    "%s, %s: %s",
    (operation, word, _becomes, books, tells) => {
      const { events = [], rows = [] } = lives[`${operation}: ${word}`]!()
      const kinds = rows.flatMap((row) => row._tag === "Entry" ? [row.entry.kind] : [])
      expect(kinds.filter((kind) => kind !== "clearing")).toEqual(books)
      expect(events.map(({ type }) => type)).toEqual(tells)
    }
  )

  it("has a line for each life above", () => {
    expect(laterWords.map(([operation, word]) => `${operation}: ${word}`).sort())
      .toEqual([...Object.keys(lives), "charge: never asked for"].sort())
  })
})

describe("an authorization that is none of the payment's", () => {
  /** That it is asked to be given back, and is: the payment stays as it is, and can be gone on with. */
  const isGivenBack = (
    life: Life,
    { emit = [] }: ReturnType<typeof takesBack>,
    charge: string,
    amount = 10_000n
  ) => {
    const { status, version } = life.payment!
    const attempt = last(life)
    expect(emit.filter(({ type }) => type === "call").map(({ body }) => body)).toMatchObject([
      { operation: "void", attempt: attempt.key, amount, charge_id: charge, gateway: GATEWAY }
    ])
    const { events, rows } = Result.getOrThrow(
      life.take(answer(attempt, approved(amount, false, charge)))
    )
    expect([events, rows]).toEqual([[], []])
    expect(life.payment).toMatchObject({ status, version: version + 1 })
    expect(last(life)).toMatchObject({ key: attempt.key, status: "approved" })
  }

  it("is given back where the charge had been declined", () => {
    const life = begun("manual", no)
    isGivenBack(life, makesAfterAll(life, yes(10_000n, false)), "ch_1")
    expect(life.payment!.status).toBe("failed")
  })

  it("is given back where it is of another amount than was asked for", () => {
    const life = begun("manual")
    isGivenBack(
      life,
      Result.getOrThrow(life.take(answer(last(life), yes(9_000n, false)))),
      "ch_1",
      9_000n
    )
    expect(life.payment!.status).toBe("failed")
  })

  it("is given back where it came beside another, which is captured and voided as ever", () => {
    const life = begun("manual")
    const others = [{ charge_id: "ch_2", amount: "10000" }]
    const made = life.take(answer(last(life), { ...yes(10_000n, false), others }))
    const key = last(life).key
    then(life, asked("capture", "c", { amount: 4_000 }), yes(4_000n))
    life.take(asked("void", "v"))
    expect(last(life)).toMatchObject({ key: `${ID}.void.1`, amount: 6_000n })
    life.take(answer(last(life), yes(6_000n)))
    expect(life.payment).toMatchObject({ status: "captured", amount_captured: 4_000n })
    life.take(answer({ key, operation: "void" }, approved(10_000n, false, "ch_2")))
    expect(life.attempt(key)).toMatchObject({ status: "approved", charge_id: "ch_2" })
    expect(Result.getOrThrow(made).emit).toMatchObject([
      { type: "call", body: { operation: "void", charge_id: "ch_2" } }
    ])
  })
})

it("a refund made at the gateway that crosses ours of the same money is booked once ours is not made", () => {
  const life = paid()
  life.take(asked("refund", "ours"))
  const ours = last(life)
  const more = { attempt: refundKey, refund_id: "re_1", says: "made", gateway: GATEWAY }
  life.take(about("notified", more))
  life.take(answer(last(life), yes(10_000n), true))
  expect(life.suspense).toBe(-10_000n)
  const { events } = Result.getOrThrow(life.take(answer(ours, no)))
  expect(events!.map(({ type }) => type)).toEqual(["payment.refund_failed", "payment.refunded"])
  expect(life.suspense).toBe(0n)
  expect(life.payment).toMatchObject({ amount_refunded: 10_000n })
  expect(life.payment!.refunds.map(({ made_at_gateway, status }) => [status, made_at_gateway]))
    .toEqual([["failed", undefined], ["succeeded", true]])
})

it("a gateway that turns for ever leaves a document that does not grow", () => {
  const life = begun("automatic", no)
  const turn = () => {
    makesAfterAll(life, yes(10_000n))
    told(life, last(life), "not_made", no)
  }
  turn()
  turn()
  const size = JSON.stringify(life.payment!.contradictions).length
  for (let turns = 0; turns < 40; turns++) turn()
  expect(life.payment!.contradictions).toHaveLength(2)
  expect(JSON.stringify(life.payment!.contradictions).length).toBeLessThan(size + 4)
  expect(life.suspense).toBe(0n)
})

it("nor does a bank that turns for ever about a dispute", () => {
  const life = paid()
  const stands = (status: string) => {
    life.take(about("dispute_notified", { dispute_id: "dp_1", gateway: GATEWAY }))
    life.take(disputeTold("dp_1", { _tag: "Disputed", amount: "10000", status }))
  }
  for (let turns = 0; turns < 40; turns++) for (const status of ["won", "lost"]) stands(status)
  expect(life.payment!.contradictions).toHaveLength(2)
})

/** A gateway that changes its mind, tells of it in any order, and answers in any other. */
class Fickle {
  readonly life: Life
  /** What is so now, by attempt: made or not, and of what amount. */
  readonly truth = new Map<string, { isMade: boolean; readonly amount: bigint }>()
  private readonly asked: Array<{ readonly attempt: Asked; answer?: object; inquiry: boolean }> = []
  private readonly news: Array<{ readonly key: string; readonly says: string }> = []
  private readonly capture: string

  constructor(capture: string) {
    this.capture = capture
    this.life = new Life()
    this.take(created({ capture }))
    this.take(scored("allow"))
  }

  take(command: Command): void {
    this.life.now += 1_000
    const decided = this.life.take(command)
    if (Result.isFailure(decided)) return
    for (const { body, to, type } of decided.success.emit ?? []) {
      if (to !== "gateway") continue
      const { amount, attempt: key } = body
      const operation = body.operation as Asked["operation"]
      this.asked.push({ attempt: { key, operation }, inquiry: type === "inquire" })
      if (type === "call") this.truth.set(key, { isMade: true, amount })
    }
  }

  flip(nth: number): void {
    const key = [...this.truth.keys()][nth % this.truth.size]
    if (key === undefined) return
    const known = this.truth.get(key)!
    known.isMade = !known.isMade
    this.news.push({ key, says: known.isMade ? "made" : "not_made" })
  }

  /** Somebody refunds something at the gateway itself. */
  outside(amount: number): void {
    const key = `${ID}.refund.re_${this.truth.size}`
    this.truth.set(key, { isMade: true, amount: BigInt(amount) })
    this.news.push({ key, says: "made" })
  }

  /** It looks how the attempt stands; the answer is on its way from then on. */
  look(nth: number, isSilent = false): void {
    const open = this.asked.filter(({ answer }) => answer === undefined)
    const one = open[nth % open.length]
    if (one === undefined) return
    const { attempt: { key, operation } } = one
    const known = this.truth.get(key)!
    const isCharge = operation === "charge"
    one.answer = isSilent
      ? { _tag: "Unknown", detail: "no answer in time" }
      : known.isMade
      ? yes(known.amount, !isCharge || this.capture === "automatic")
      : no
  }

  arrive(nth: number): void {
    const ready = this.asked.filter(({ answer }) => answer !== undefined)
    const one = ready[nth % ready.length]
    if (one === undefined) return
    this.asked.splice(this.asked.indexOf(one), 1)
    this.take(answer(one.attempt, { ...one.answer }, one.inquiry))
  }

  /** Webhooks are repeated, and not told in order. */
  tell(nth: number, isLast = true): void {
    const one = this.news[nth % this.news.length]
    if (one === undefined) return
    if (isLast) this.news.splice(this.news.indexOf(one), 1)
    const { key, says } = one
    const refund_id = key.split(".refund.")[1]
    const more = { attempt: key, says, gateway: GATEWAY, ...(refund_id && { refund_id }) }
    this.take(about("notified", more))
  }

  /** All that is on its way comes, and what is waited for, until nothing is. */
  rest(): void {
    for (const [key, { isMade }] of this.truth) {
      this.news.push({ key, says: isMade ? "made" : "not_made" })
    }
    for (let times = 0; times < 500; times++) {
      this.tell(0)
      this.look(0)
      this.arrive(0)
      const waiting = this.life.payment!.attempts.find(({ wake_at }) => wake_at !== undefined)
      if (waiting === undefined && this.asked.length === 0 && this.news.length === 0) return
      if (waiting === undefined) continue
      this.take(about("wake", { timer: waiting.key, due: waiting.wake_at }))
    }
    throw new Error("it never comes to rest")
  }

  /** What the gateway owes by its own book. */
  owes(): bigint {
    return [...this.truth].reduce((sum, [key, { amount, isMade }]) => {
      const [, operation] = key.slice(ID.length).split(".")
      const isMoved = operation === "charge"
        ? this.capture === "automatic"
        : operation === "capture" || operation === "refund"
      if (!isMade || !isMoved) return sum
      return operation === "refund" ? sum - amount : sum + amount
    }, 0n)
  }

  /** What the ledger says that it owes. */
  booked(): bigint {
    const { path } = chart.gatewayReceivable(GATEWAY, 3, "BRL")
    const { postedCredits = 0n, postedDebits = 0n } = changesOf(this.life.journal).get(path)
      ?.totals ?? {}
    return postedDebits - postedCredits
  }
}
type Asked = Pick<Attempt, "key" | "operation">

const nth = fc.nat(4)
const amount = fc.integer({ min: 100, max: 6_000 })
const event = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("look" as const), nth }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("silent" as const), nth }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("arrive" as const), nth }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("flip" as const), nth }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("tell" as const), nth }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("repeat" as const), nth }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("outside" as const), amount }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom("capture", "increment", "refund"), amount })
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("void" as const) }) }
)

it("in any order and however often it is said, the last word is what is booked, once", () => {
  fc.assert(
    fc.property(
      fc.constantFrom("automatic", "manual"),
      fc.array(event, { maxLength: 60, size: "max" }),
      (capture, events) => {
        const gateway = new Fickle(capture)
        for (const [index, one] of events.entries()) {
          if (one.do === "look") gateway.look(one.nth)
          else if (one.do === "silent") gateway.look(one.nth, true)
          else if (one.do === "arrive") gateway.arrive(one.nth)
          else if (one.do === "flip") gateway.flip(one.nth)
          else if (one.do === "tell") gateway.tell(one.nth)
          else if (one.do === "repeat") gateway.tell(one.nth, false)
          else if (one.do === "outside") gateway.outside(one.amount)
          else if (one.do === "void") gateway.take(asked("void", `v-${index}`))
          else {
            const type = one.do as "capture"
            gateway.take(asked(type, `c-${index}`, { amount: one.amount }))
          }
        }
        gateway.rest()
        expect(gateway.booked()).toBe(gateway.owes())
        const { attempts } = gateway.life.payment!
        expect(attempts.every(({ question, status }) => isDefinitive(status) && !question))
          .toBe(true)
      }
    ),
    { numRuns: runsOf(200) }
  )
})
