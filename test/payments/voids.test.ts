import { Result } from "effect"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { isDefinitive } from "../../actors/payments/payment/attempts.ts"
import { Status } from "../../actors/payments/payment/state.ts"
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

const last = (life: Life) => life.payment!.attempts.at(-1)!
const declined = { _tag: "Declined", code: "no", detail: "no", soft: false }
const unclear = { _tag: "Unknown", detail: "no answer in time" }
const toAct = { _tag: "RequiresAction", charge_id: "ch_1", url: "https://pay", expires_at: "" }
const lost = { _tag: "NotFound", detail: "never heard of it" }

/** A payment of 100.00, its charge answered so. */
const charged = (capture: "automatic" | "manual", ...outcomes: ReadonlyArray<Json>): Life => {
  const life = new Life()
  for (const command of [created({ capture }), scored("allow")]) life.take(command)
  for (const outcome of outcomes) life.take(answer(last(life), outcome))
  return life
}
const judged = (...decisions: ReadonlyArray<string>): Life => {
  const life = new Life()
  for (const command of [created(), ...decisions.map(scored)]) life.take(command)
  return life
}
const held = () => charged("manual", approved(10_000n, false))
const begun = (life: Life, command: "capture" | "increment", more: Json = {}): Life => {
  life.take(asked(command, "begun", more))
  return life
}
const ended = (life: Life, outcome: Json): Life => {
  life.take(answer(last(life), outcome))
  return life
}
const voided = (life: Life): Life => {
  life.take(asked("void", "before"))
  return ended(life, approved(10_000n, false))
}
const expired = (): Life => {
  const life = held()
  life.take(about("wake", { timer: `${ID}.expiry`, due: life.payment!.expires_at }))
  return ended(life, approved(10_000n, false))
}

/** How each state is reached, and what comes of a void in it: the end, or its refusal. */
const table: Readonly<Record<Status, readonly [Life, "refused" | ((life: Life) => Status)]>> = {
  screening: [judged(), (life) => life.payment!.status],
  in_review: [judged("review"), (life) => life.payment!.status],
  processing: [charged("manual"), (life) => madeThenVoided(life)],
  requires_action: [charged("manual", toAct), (life) => withdrawn(life)],
  unknown: [charged("manual", unclear), (life) => madeThenVoided(life)],
  authorized: [held(), (life) => ended(life, approved(10_000n, false)).payment!.status],
  partially_captured: [
    ended(begun(held(), "capture", { amount: 4_000 }), approved(4_000n, true)),
    (life) => ended(life, approved(6_000n, false)).payment!.status
  ],
  captured: [charged("automatic", approved(10_000n, true)), "refused"],
  rejected: [judged("deny"), "refused"],
  failed: [charged("automatic", declined), "refused"],
  voided: [voided(held()), "refused"],
  expired: [expired(), "refused"]
}
const withdrawn = (life: Life): Status => {
  const [charge, asked] = life.payment!.attempts
  expect(asked).toMatchObject({ operation: "void", amount: 10_000n, charge_id: "ch_1" })
  const ended = life.take(answer(asked!, approved(10_000n, false)))
  const { events } = Result.getOrThrow(ended)
  expect(events?.map(({ type }) => type)).toEqual(["payment.voided"])
  expect(life.attempt(charge!.key)).toMatchObject({ status: "declined", code: "withdrawn" })
  expect(life.payment!.next_action).toBeUndefined()
  return life.payment!.status
}
const madeThenVoided = (life: Life): Status => {
  expect(life.payment!.void_requested).toBe(true)
  ended(life, approved(10_000n, false))
  expect(last(life)).toMatchObject({ operation: "void", amount: 10_000n, status: "sent" })
  return ended(life, approved(10_000n, false)).payment!.status
}

describe.each(Status.literals)("a void of a payment that is %s", (status) => {
  const [life, end] = table[status]
  const calls = life.chargeCalls.length

  it(end === "refused" ? "is refused" : "ends it, and nothing more is charged", () => {
    expect(life.payment!.status).toBe(status)
    const taken = life.take(asked("void", "v"), "waiter")
    if (end === "refused") {
      return expect(Result.isFailure(taken) && taken.failure.code).toBe("invalid_state")
    }
    expect(Result.isSuccess(taken)).toBe(true)
    expect(end(life)).toBe(status === "partially_captured" ? "captured" : "voided")
    expect(life.chargeCalls.length).toBe(calls)
    expect(life.payment!.void_requested).toBeUndefined()
    expect(life.payment!.waiters).toEqual([])
  })
})

describe("a void before anything was charged", () => {
  it("leaves a score that comes later nothing to do", () => {
    const life = judged()
    const { events } = Result.getOrThrow(life.take(asked("void", "v")))
    expect(events?.map(({ type }) => type)).toEqual(["payment.voided"])
    for (const decision of ["allow", "review", "deny"]) {
      expect(Result.getOrThrow(life.take(scored(decision)))).toEqual({})
    }
    expect(life.payment).toMatchObject({ status: "voided", attempts: [] })
  })

  it("takes the payment from the reviewers, whose decision is refused with the reason", () => {
    const life = judged("review")
    const { rows } = Result.getOrThrow(life.take(asked("void", "v")))
    expect(rows).toEqual([{ _tag: "Review", paymentId: ID, open: false }])
    const review = life.take(asked("review", "r", { decision: "approve", by: "ana" }))
    expect(Result.isFailure(review) && review.failure).toMatchObject({
      code: "not_in_review",
      detail: "the payment is voided"
    })
    expect(life.payment).toMatchObject({ status: "voided", attempts: [] })
  })
})

describe("a void while the payer has not acted", () => {
  const asking = (capture: "automatic" | "manual" = "automatic") => {
    const life = charged(capture, toAct)
    const { emit } = Result.getOrThrow(life.take(asked("void", "v"), "waiter"))
    expect(emit?.map(({ body, type }) => [type, (body as Json)["charge_id"]]))
      .toEqual([["call", "ch_1"]])
    return { life, charge: life.attempt(`${ID}.charge.1`)!, void: last(life) }
  }
  const toldTo = (taken: ReturnType<Life["take"]>) =>
    Result.getOrThrow(taken).answers?.map(({ body, to }) => [
      to,
      (body as { payment: { status: string } }).payment.status
    ])

  it("is done when the gateway has taken the charge back", () => {
    const { life, void: asked } = asking()
    expect(toldTo(life.take(answer(asked, approved(10_000n, false))))).toEqual([
      ["waiter", "voided"]
    ])
  })

  it("gives back what was paid first, when the gateway refuses and says so", () => {
    const { life, charge, void: asked } = asking()
    const taken = life.take(answer(asked, declined))
    expect(Result.getOrThrow(taken).emit?.map(({ type }) => type)).toEqual(["inquire"])
    expect(toldTo(taken)).toEqual([["waiter", "requires_action"]])
    life.take(answer(charge, approved(10_000n, true), true))
    expect(last(life)).toMatchObject({ operation: "refund", amount: 10_000n, status: "sent" })
    expect(life.payment).toMatchObject({ status: "captured" })
  })

  it("gives back what was paid first, when that is told before the void is answered", () => {
    const { life, charge, void: asked } = asking()
    expect(toldTo(life.take(answer(charge, approved(10_000n, true), true)))).toEqual([
      ["waiter", "captured"]
    ])
    expect(last(life)).toMatchObject({ operation: "refund", amount: 10_000n, status: "sent" })
    expect(Result.getOrThrow(life.take(answer(asked, declined)))).toEqual({})
  })

  it("ends with a charge that nobody paid in time", () => {
    const { life, charge, void: asked } = asking()
    expect(toldTo(life.take(answer(charge, declined, true)))).toEqual([["waiter", "voided"]])
    expect(Result.getOrThrow(life.take(answer(asked, approved(10_000n, false))))).toEqual({})
  })

  it("gives back what is held since, and asks again where that was refused before", () => {
    for (const outcome of [approved(10_000n, false), declined]) {
      const { life, charge, void: asked } = asking("manual")
      life.take(answer(charge, approved(10_000n, false), true))
      expect(life.payment!.attempts).toHaveLength(2)
      life.take(answer(asked, outcome))
      if (outcome === declined) life.take(answer(last(life), approved(10_000n, false)))
      expect(life.payment!.status).toBe("voided")
      expect(life.payment!.void_requested).toBeUndefined()
    }
  })

  it("is not asked for twice", () => {
    const { life } = asking()
    life.take(asked("void", "w"), "another")
    expect(life.payment!.attempts).toHaveLength(2)
  })
})

describe("a void while the gateway works", () => {
  it("takes back a charge that its payer can pay since", () => {
    const life = charged("automatic")
    life.take(asked("void", "v"), "waiter")
    const { answers, emit } = Result.getOrThrow(life.take(answer(last(life), toAct)))
    expect(answers).toEqual([])
    expect(emit).toMatchObject([
      { type: "call", body: { operation: "void", charge_id: "ch_1", amount: 10_000n } }
    ])
    const told = Result.getOrThrow(life.take(answer(last(life), approved(10_000n, false))))
    expect(told.answers?.map(({ to }) => to)).toEqual(["waiter"])
    expect(life.payment!.status).toBe("voided")
  })

  it("takes back, too, what an inquiry finds to be payable", () => {
    const life = charged("automatic", unclear)
    life.take(asked("void", "v"))
    life.take(answer(last(life), toAct, true))
    expect(last(life)).toMatchObject({ operation: "void", charge_id: "ch_1", status: "sent" })
  })

  it("asks once where the gateway does not take it back", () => {
    const life = charged("automatic")
    life.take(asked("void", "v"))
    ended(life, toAct)
    ended(life, declined)
    life.take(answer(life.attempt(`${ID}.charge.1`)!, toAct, true))
    expect(life.payment!.attempts.filter(({ operation }) => operation === "void")).toHaveLength(1)
  })

  it("refunds a charge that took the money at once", () => {
    const life = charged("automatic")
    life.take(asked("void", "v"))
    ended(life, approved(10_000n, true))
    expect(last(life)).toMatchObject({ operation: "refund", amount: 10_000n, status: "sent" })
  })

  it("is told how the capture before it ended, and gives back what that leaves", () => {
    const life = begun(held(), "capture", { amount: 4_000 })
    life.take(asked("void", "v"), "waiter")
    const again = Result.getOrThrow(life.take(asked("void", "another"), "another"))
    expect(again.emit).toEqual([])
    const taken = Result.getOrThrow(life.take(answer(last(life), approved(4_000n, true))))
    expect(taken.answers).toEqual([])
    expect(last(life)).toMatchObject({ key: `${ID}.void.1`, amount: 6_000n, status: "sent" })
    const { answers } = Result.getOrThrow(life.take(answer(last(life), approved(6_000n, false))))
    expect(answers?.map(({ to }) => to)).toEqual(["waiter", "another"])
    expect(life.payment).toMatchObject({ status: "captured", amount_captured: 4_000n })
  })

  it.each([{}, { amount: 4_000, final: true }])(
    "fails where a capture left nothing: %j",
    (more) => {
      const life = begun(held(), "capture", more)
      const amount = last(life).amount
      life.take(asked("void", "v"), "waiter")
      const { answers, events } = Result.getOrThrow(
        life.take(answer(last(life), approved(amount, true)))
      )
      expect(events?.map(({ type }) => type)).toEqual(["payment.captured", "payment.void_failed"])
      const refused = { code: "void_not_processed", detail: "the capture before it left nothing" }
      expect(answers).toEqual([{ to: "waiter", body: { refused } }])
      expect(Result.getOrThrow(life.ask(asked("void", "v"), "again")).answers).toEqual([
        { to: "again", body: { refused } }
      ])
      expect(life.payment).toMatchObject({ status: "captured", amount_captured: amount })
    }
  )

  it.each([approved(500n, false), declined])("waits for an increment: $_tag", (outcome) => {
    const life = begun(held(), "increment", { amount: 500 })
    life.take(asked("void", "v"))
    ended(life, outcome)
    const amount = life.payment!.amount_authorized
    expect(last(life)).toMatchObject({ operation: "void", amount, status: "sent" })
    expect(ended(life, approved(amount, false)).payment!.status).toBe("voided")
  })

  it("joins a void that is under way, and both are told the same", () => {
    const life = held()
    life.take(asked("void", "v"), "waiter")
    life.take(asked("void", "w"), "another")
    expect(life.payment!.attempts).toHaveLength(2)
    const { answers = [] } = Result.getOrThrow(life.take(answer(last(life), declined)))
    expect(answers.map(({ to }) => to)).toEqual(["waiter", "another"])
    expect(answers[0]!.body).toEqual(answers[1]!.body)
  })

  it.each([
    ["the destination was full", "before", { _tag: "Deferred", detail: "busy" }],
    ["the destination is full", "after", { _tag: "Deferred", detail: "busy" }],
    ["a repeated delivery finds nothing there", "after", { _tag: "Withheld", detail: "nothing" }]
  ])("does not send the charge again where %s", (_, when, outcome) => {
    const life = charged("automatic")
    if (when === "before") ended(life, outcome)
    life.take(asked("void", "v"))
    if (when === "after") ended(life, outcome)
    life.take(about("wake", { timer: last(life).key, due: last(life).wake_at }))
    expect(life.chargeCalls).toHaveLength(1)
    life.take(answer(last(life), lost, true))
    expect(life.payment).toMatchObject({ status: "failed", refunds: [] })
  })
})

const outcome = fc.constantFrom("Approved", "Approved", "Declined", "Unknown", "Deferred", "Action")
const before = fc.constantFrom("score", "answer", "answer", "capture", "part", "increment", "wake")
const story = fc.record({
  capture: fc.constantFrom("automatic" as const, "manual" as const),
  risk: fc.constantFrom("allow", "allow", "review"),
  moves: fc.array(fc.tuple(before, outcome), { maxLength: 8 }),
  then: fc.array(outcome, { maxLength: 12 })
})

const outcomeOf = (life: Life, tag: string): Json => {
  const { amount, operation } = last(life)
  switch (tag) {
    case "Approved":
      return approved(amount, operation === "charge" && life.payment!.capture === "automatic")
    case "Action":
      return operation === "charge" ? toAct : unclear
    case "Deferred":
      return { _tag: tag, detail: "busy" }
    case "Unknown":
      return unclear
    default:
      return declined
  }
}

const open = ({ payment }: Life) => payment!.attempts.filter(({ status }) => !isDefinitive(status))

const step = (life: Life, move: string, tag: string, id: string): void => {
  life.now += 1_000
  const [attempt] = open(life)
  if (move === "score") life.take(scored("allow"))
  else if (move === "part") life.take(asked("capture", id, { amount: 1_000 }))
  else if (move === "increment") life.take(asked("increment", id, { amount: 500 }))
  else if (move === "capture") life.take(asked("capture", id))
  else if (attempt === undefined) return
  else if (move === "answer") life.take(answer(attempt, outcomeOf(life, tag), false))
  else if (attempt.wake_at !== undefined) {
    life.take(about("wake", { timer: attempt.key, due: attempt.wake_at }))
  }
}

describe("whatever came before a void, and whatever the gateway says then", () => {
  it("charges no more, and in the end nothing is held that was not captured on purpose", () => {
    fc.assert(
      fc.property(story, ({ capture, moves, risk, then }) => {
        const life = new Life()
        for (const command of [created({ capture }), scored(risk)]) life.take(command)
        for (const [nth, [move, tag]] of moves.entries()) step(life, move, tag, `m${nth}`)
        const asksCapture = life.payment!.attempts.some(({ operation }) => operation === "capture")
        const calls = life.chargeCalls.length
        const taken = life.take(asked("void", "v"))
        if (Result.isFailure(taken)) {
          return void expect(["captured", "failed"]).toContain(life.payment!.status)
        }
        for (const [nth, tag] of then.entries()) {
          step(life, nth % 3 === 2 ? "wake" : "answer", tag, `t${nth}`)
        }
        // In the end the gateway says what it did: it made everything that is still open.
        for (let left = open(life); left.length > 0; left = open(life)) {
          const { amount, operation } = left[0]!
          const took = operation === "charge" && capture === "automatic"
          life.take(answer(left[0]!, approved(amount, took), true))
        }
        const { amount_captured, amount_refunded, status } = life.payment!
        expect(life.chargeCalls.length).toBe(calls)
        if (life.payment!.attempts.some((one) => one.operation === "void" && isLost(one))) return
        if (life.payment!.refunds.some((one) => one.status === "failed")) return
        expect(["voided", "failed", "captured"]).toContain(status)
        if (!asksCapture) expect(amount_refunded).toBe(amount_captured)
      }),
      { numRuns: runsOf(400) }
    )
  })
})

const isLost = ({ status }: { readonly status: string }): boolean =>
  status === "declined" || status === "not_processed"
