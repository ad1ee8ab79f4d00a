import { Result } from "effect"
import fc from "fast-check"
import { beforeEach, describe, expect, it } from "vitest"
import { keyOfEvent } from "../../actors/reconciliation/operation.ts"
import { operationKey } from "../../actors/reconciliation/state.ts"
import type { SettlementEvent } from "../../streams/messages/reconciliation.ts"
import {
  about,
  answer,
  approved,
  asked,
  created,
  ID,
  type Json,
  Life,
  scored
} from "../support/paymentLife.ts"
import { runsOf } from "../support/runs.ts"

const CHARGE = `${ID}.charge.1`
const last = (life: Life) => life.payment!.attempts.at(-1)!
const toAct = { _tag: "RequiresAction", charge_id: "tx", url: "", expires_at: "" }
const declined = { _tag: "Declined", code: "no", detail: "no", soft: false }

/** A payment of 100.00 whose payer has to act, and then did so. */
const paidWith = (outcome: Json): Life => {
  const life = new Life()
  for (const command of [created(), scored("allow")]) life.take(command)
  life.take(answer(last(life), toAct))
  life.take(answer(life.attempt(CHARGE)!, outcome, true))
  return life
}
const charged = (
  charge_id: string,
  amount: bigint,
  ...others: ReadonlyArray<[string, bigint]>
) => ({
  ...approved(amount, true, charge_id),
  others: others.map(([charge_id, amount]) => ({ charge_id, amount: `${amount}` }))
})
const heard = (life: Life, charge_id: string) =>
  life.take(about("notified", { attempt: CHARGE, gateway: "pix", says: "made", charge_id }))
const back = (life: Life, more: Json = {}, id = "r") => life.take(asked("refund", id, more))
const eventsOf = (taken: ReturnType<Life["take"]>) =>
  Result.getOrThrow(taken).events?.map(({ type }) => type)
const codeOf = (taken: ReturnType<Life["take"]>) =>
  Result.isFailure(taken) ? taken.failure.code : "taken"

describe("money of another amount than was asked for", () => {
  it.each([100n, 20_000n])("is kept for the payer, who can be given it again: %i", (amount) => {
    const life = paidWith(approved(amount, true, "E1"))
    expect(life.payment!.status).toBe("failed")
    expect(life.payment!.strays).toMatchObject([{ charge_id: "E1", amount, returned: 0n }])
    const { emit } = Result.getOrThrow(back(life))
    expect(emit).toMatchObject([{ type: "call", body: { charge_id: "E1", amount } }])
    expect(eventsOf(life.take(answer(last(life), approved(amount, true, "E1"))))).toEqual([
      "payment.refunded"
    ])
    expect(life.suspense).toBe(0n)
    expect(life.payment).toMatchObject({ status: "failed", amount_refunded: 0n })
    expect(codeOf(back(life, {}, "again"))).toBe("nothing_to_refund")
  })

  it("goes back in parts, and is there again where the bank does not take one", () => {
    const life = paidWith(approved(1_000n, true, "E1"))
    expect(codeOf(back(life, { amount: 1_001 }, "too-much"))).toBe("amount_too_large")
    back(life, { amount: 400 })
    expect(codeOf(back(life, { amount: 601 }, "more"))).toBe("amount_too_large")
    expect(eventsOf(life.take(answer(last(life), declined)))).toEqual(["payment.refund_failed"])
    expect(life.suspense).toBe(1_000n)
    back(life, {}, "all")
    expect(last(life).amount).toBe(1_000n)
  })
})

/** A question to the gateway about the charge is open. */
const askedAbout = (life: Life) =>
  life.take(about("notified", { attempt: CHARGE, gateway: "simulator", says: "not_made" }))

describe("money that came beside what was captured", () => {
  it("is found with the charge itself, told, and given back by its name", () => {
    const life = paidWith(charged("E1", 10_000n, ["E2", 10_000n], ["E3", 50n]))
    expect(life.payment).toMatchObject({ status: "captured", charge_id: "E1" })
    expect(life.payment!.strays?.map(({ charge_id }) => charge_id)).toEqual(["E2", "E3"])
    expect(life.suspense).toBe(10_050n)
    back(life, { charge_id: "E2" })
    expect(last(life)).toMatchObject({ charge_id: "E2", amount: 10_000n })
    life.take(answer(last(life), approved(10_000n, true, "E2")))
    // What was captured is refunded as ever.
    back(life, {}, "own")
    expect(last(life)).toMatchObject({ operation: "refund", amount: 10_000n })
    expect(last(life).charge_id).toBeUndefined()
    expect(codeOf(back(life, { charge_id: "E9" }, "none"))).toBe("charge_not_found")
    expect(codeOf(back(life, { charge_id: "E2" }, "gone"))).toBe("nothing_to_refund")
    expect(life.suspense).toBe(50n)
  })

  it("is asked about when the bank tells of it, and once", () => {
    const life = paidWith(approved(10_000n, true, "E1"))
    life.payment = { ...life.payment!, gateway: "pix" }
    expect(Result.getOrThrow(heard(life, "E1"))).toEqual({})
    expect(Result.getOrThrow(heard(life, "E2")).emit).toMatchObject([{ type: "inquire" }])
    const told = answer(life.attempt(CHARGE)!, charged("E1", 10_000n, ["E2", 700n]), true)
    life.payment = { ...life.payment!, gateway: "simulator" }
    expect(eventsOf(life.take(told))).toEqual(["payment.charge_contradicted"])
    expect(life.payment!.strays).toMatchObject([{ charge_id: "E2", amount: 700n }])
    life.take(told)
    life.payment = { ...life.payment!, gateway: "pix" }
    expect(Result.getOrThrow(heard(life, "E2"))).toEqual({})
    expect(life.suspense).toBe(700n)
  })

  it("comes after a void, and is kept until it is given back", () => {
    const life = new Life()
    for (const command of [created(), scored("allow")]) life.take(command)
    life.take(answer(last(life), toAct))
    life.take(asked("void", "v"))
    life.take(answer(last(life), approved(10_000n, false, "tx")))
    expect(life.payment!.status).toBe("voided")
    life.take(answer(life.attempt(CHARGE)!, approved(10_000n, true, "E1"), true))
    expect([life.payment!.status, life.suspense]).toEqual(["voided", 10_000n])
    back(life)
    life.take(answer(last(life), approved(10_000n, true, "E1")))
    expect(life.suspense).toBe(0n)
  })
})

it("money in suspense goes back, and is looked for, where it came to: the payment may have moved on", () => {
  const life = paidWith(approved(100n, true, "E1"))
  life.payment = { ...life.payment!, gateway: "another" }
  const { emit } = Result.getOrThrow(back(life))
  expect(emit).toMatchObject([{ type: "call", body: { gateway: "simulator" } }])
  const refund = last(life)
  const keyOf = (taken: ReturnType<Life["take"]>) => {
    const [event] = Result.getOrThrow(taken).events!
    return keyOfEvent({ ...event!, data: event!.body } as unknown as SettlementEvent)
  }
  const key = operationKey("simulator", "refund", "E1")
  expect(keyOf(life.take(answer(refund, approved(100n, true, "E1"))))).toBe(key)
  const notice = { attempt: refund.key, gateway: "simulator", says: "not_made" }
  life.take(about("notified", notice))
  expect(keyOf(life.take(answer(refund, declined, true)))).toBe(key)
})

describe("money in suspense that goes back at the bank's own desk", () => {
  const desk = (life: Life, charge_id: string, amount: bigint) => {
    const attempt = `${ID}.refund.ref_desk`
    const notice = { attempt, gateway: "simulator", refund_id: "desk", says: "made", charge_id }
    const { emit } = Result.getOrThrow(life.take(about("notified", notice)))
    expect(emit).toMatchObject([{ type: "inquire", body: { charge_id, refund_id: "desk" } }])
    const told = answer(life.attempt(attempt)!, approved(amount, true, charge_id), true)
    return eventsOf(life.take(told))
  }

  it("is a refund of that money, and a break", () => {
    const life = paidWith(charged("E1", 10_000n, ["E2", 700n]))
    expect(desk(life, "E2", 700n)).toEqual(["payment.refunded", "payment.charge_contradicted"])
    expect(life.payment).toMatchObject({
      amount_refunded: 0n,
      strays: [{ charge_id: "E2", returned: 700n }],
      refunds: [{ stray: "E2", amount: 700n, made_at_gateway: true }]
    })
    expect(life.suspense).toBe(0n)
    expect(codeOf(back(life, { charge_id: "E2" }))).toBe("nothing_to_refund")
  })

  it("is none of the merchant's, also where it was not known yet", () => {
    const life = paidWith(approved(10_000n, true, "E1"))
    expect(desk(life, "E2", 700n)).toEqual(["payment.charge_contradicted"])
    expect(life.payment).toMatchObject({ amount_refunded: 0n, refunds: [] })
    expect(life.suspense).toBe(-700n)
  })

  it("and a return of the charge itself is one of what was captured", () => {
    const life = paidWith(charged("E1", 10_000n, ["E2", 700n]))
    desk(life, "E1", 300n)
    expect([life.payment!.amount_refunded, life.suspense]).toEqual([300n, 700n])
  })
})

describe("a refund of another amount than was asked for", () => {
  it.each([50n, 9_000n])("is booked as the bank made it, and told as a break: %i", (amount) => {
    const life = paidWith(approved(10_000n, true, "E1"))
    back(life, { amount: 200 })
    const taken = life.take(answer(last(life), approved(amount, true, "E1")))
    expect(eventsOf(taken)).toEqual(["payment.refunded", "payment.charge_contradicted"])
    expect(life.payment).toMatchObject({
      amount_refunded: amount,
      refunds: [{ amount, status: "succeeded" }]
    })
    expect(life.suspense).toBe(0n)
    expect(Result.getOrThrow(life.take(answer(last(life), approved(amount, true, "E1")))))
      .toEqual({})
    back(life, {}, "rest")
    expect(last(life).amount).toBe(10_000n - amount)
  })

  it("is taken back and made again as the bank made it, by its own amount", () => {
    const life = paidWith(approved(10_000n, true, "E1"))
    back(life, { amount: 200 })
    const refund = last(life)
    life.take(answer(refund, approved(50n, true, "E1")))
    life.take(about("notified", { attempt: refund.key, gateway: "simulator", says: "not_made" }))
    life.take(answer(refund, declined, true))
    expect(life.payment).toMatchObject({ amount_refunded: 0n, refunds: [{ status: "failed" }] })
    life.take(answer(refund, approved(50n, true, "E1"), true))
    expect(life.payment).toMatchObject({
      amount_refunded: 50n,
      refunds: [{ amount: 50n, status: "succeeded" }]
    })
    expect(life.suspense).toBe(0n)
  })

  it("of more than there was is no refund: its money is missing in suspense", () => {
    const life = paidWith(approved(10_000n, true, "E1"))
    back(life, { amount: 200 })
    life.take(answer(last(life), approved(10_001n, true, "E1")))
    expect(life.payment).toMatchObject({ amount_refunded: 0n, refunds: [{ status: "failed" }] })
    expect(life.suspense).toBe(-10_001n)
  })

  it("is booked so for money in suspense, too", () => {
    const life = paidWith(approved(1_000n, true, "E1"))
    back(life)
    life.take(answer(last(life), approved(300n, true, "E1")))
    expect(life.payment!.strays).toMatchObject([{ amount: 1_000n, returned: 300n }])
    expect(life.suspense).toBe(700n)
  })
})

it("money that came beside a charge is not booked again where the charge is taken back and it is not", () => {
  const life = paidWith(declined)
  life.take(answer(life.attempt(CHARGE)!, charged("E1", 10_000n, ["E2", 10_000n]), true))
  expect(life.suspense).toBe(20_000n)
  life.take(answer(life.attempt(CHARGE)!, { ...declined, charge_id: "E1" }, true))
  expect(life.suspense).toBe(10_000n)
  life.take(answer(life.attempt(CHARGE)!, charged("E2", 10_000n, ["E3", 50n]), true))
  expect(life.suspense).toBe(10_050n)
  expect(life.payment!.strays).toMatchObject([
    { charge_id: "E1", amount: 0n },
    { charge_id: "E2", amount: 10_000n },
    { charge_id: "E3", amount: 50n }
  ])
})

describe("money in suspense of which the gateway says later that it never came", () => {
  const E1 = () => life.attempt(CHARGE)!
  let life: Life

  beforeEach(() => {
    life = paidWith(declined)
    life.take(answer(E1(), approved(10_000n, true, "E1"), true))
    expect(life.suspense).toBe(10_000n)
    back(life, { amount: 3_000 })
  })
  const neverCame = () => life.take(answer(E1(), { ...declined, charge_id: "E1" }, true))

  it("is not given back any further, and is there again once it says so", () => {
    life.take(answer(last(life), approved(3_000n, true, "E1")))
    askedAbout(life)
    neverCame()
    expect(life.suspense).toBe(-3_000n)
    expect(life.payment!.strays).toMatchObject([{ amount: 0n, returned: 3_000n }])
    expect(codeOf(back(life, {}, "rest"))).toBe("nothing_to_refund")
    life.take(answer(E1(), approved(10_000n, true, "E1"), true))
    expect(life.suspense).toBe(7_000n)
    expect(life.payment!.strays).toMatchObject([{ amount: 10_000n, returned: 3_000n }])
  })

  it("is not given back either where the gateway does not name what never came", () => {
    life.take(answer(last(life), approved(3_000n, true, "E1")))
    askedAbout(life)
    life.take(answer(E1(), declined, true))
    expect(life.payment!.strays).toMatchObject([{ amount: 0n, returned: 3_000n }])
    expect(codeOf(back(life, {}, "rest"))).toBe("nothing_to_refund")
  })

  it("may have been given back all the same", () => {
    const refund = last(life)
    life.take(answer(refund, declined))
    askedAbout(life)
    neverCame()
    life.take(answer(refund, approved(3_000n, true, "E1"), true))
    expect(life.suspense).toBe(-3_000n)
    expect(codeOf(back(life, {}, "rest"))).toBe("nothing_to_refund")
  })

  it("may be the payer's twice over, until the bank says that a return failed, too", () => {
    const first = last(life)
    back(life, { amount: 2_000 }, "second")
    for (const refund of [first, last(life)]) {
      life.take(answer(refund, approved(refund.amount, true, "E1")))
    }
    askedAbout(life)
    neverCame()
    life.take(about("notified", { attempt: first.key, gateway: "simulator", says: "not_made" }))
    expect(eventsOf(life.take(answer(first, declined, true)))).toEqual(["payment.refund_failed"])
    expect(life.payment!.strays).toMatchObject([{ amount: 0n, returned: 2_000n }])
    expect(life.suspense).toBe(-2_000n)
  })
})

const amount = fc.constantFrom(1, 100, 9_999, 10_000, 10_001)
const name = fc.constantFrom("E1", "E2", "E3")
const payments = fc.uniqueArray(fc.tuple(name, amount), {
  minLength: 1,
  maxLength: 3,
  selector: ([charge_id]) => charge_id
})
const step = fc.oneof(
  fc.record({ refund: fc.option(name), of: fc.option(amount) }),
  fc.record({ made: fc.option(amount) }),
  fc.record({ told: payments })
)

describe("whatever is paid, told again and given back", () => {
  it("stands in suspense to the cent, less what went back, and no payment is lost from sight", () => {
    fc.assert(
      fc.property(payments, fc.array(step, { maxLength: 12 }), (first, steps) => {
        const outcomeOf = (all: ReadonlyArray<readonly [string, number]>) => {
          const main = all.find(([, of]) => of === 10_000) ?? all[0]!
          const rest = all.filter((one) => one !== main)
          return charged(
            main[0],
            BigInt(main[1]),
            ...rest.map(([id, of]): [string, bigint] => [
              id,
              BigInt(of)
            ])
          )
        }
        const seen = new Map(first)
        const life = paidWith(outcomeOf(first))
        for (const [nth, one] of steps.entries()) {
          const open = life.payment!.attempts.find(({ status }) => status === "sent")
          if ("told" in one) {
            // A payment that was told keeps its amount, and none goes away.
            for (const [id, of] of one.told) if (!seen.has(id)) seen.set(id, of)
            const known = life.attempt(CHARGE)!.charge_id
            const all = [...seen].sort(([left], [right]) =>
              Number(right === known) - Number(left === known)
            )
            const [main, ...rest] = all as [[string, number], ...Array<[string, number]>]
            life.take(answer(
              life.attempt(CHARGE)!,
              charged(
                main[0],
                BigInt(main[1]),
                ...rest.map(([id, of]): [string, bigint] => [
                  id,
                  BigInt(of)
                ])
              ),
              true
            ))
          } else if ("refund" in one) {
            back(life, {
              ...(one.refund !== null && { charge_id: one.refund }),
              ...(one.of !== null && { amount: one.of })
            }, `r${nth}`)
          } else if (open !== undefined) {
            const of = open.charge_id ?? life.payment!.charge_id!
            life.take(answer(
              open,
              one.made === null ? declined : approved(open.amount, true, of)
            ))
          }
        }
        const { charge_id, status, strays = [] } = life.payment!
        const kept = strays.reduce((sum, { amount, returned }) => sum + amount - returned, 0n)
        expect(life.suspense).toBe(kept)
        const own = status === "captured" ? [charge_id] : []
        expect([...own, ...strays.map((one) => one.charge_id)].sort()).toEqual(
          [...seen.keys()].sort()
        )
      }),
      { numRuns: runsOf(300) }
    )
  })
})
