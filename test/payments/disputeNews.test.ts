import { Result } from "effect"
import fc from "fast-check"
import { expect, test } from "vitest"
import { changesOf } from "../../src/ledger/journal.ts"
import {
  about,
  answer,
  approved,
  asked,
  created,
  disputeTold,
  GATEWAY,
  ID,
  Life,
  scored
} from "../support/paymentLife.ts"

const heard = (dispute_id = "dp_1", gateway = GATEWAY) =>
  about("dispute_notified", { dispute_id, gateway })
const stands = (status: string, more = {}) =>
  disputeTold("dp_1", { _tag: "Disputed", amount: "10000", fee: "1500", status, ...more })

const captured = () => {
  const life = new Life()
  for (const command of [created(), scored("allow")]) life.take(command)
  life.take(answer(life.payment!.attempts[0]!, approved(10_000n, true)))
  return life
}
const sentBy = (life: Life, command: ReturnType<typeof heard>) =>
  (Result.getOrThrow(life.take(command)).emit ?? [])
    .map(({ body, type }) => [type, (body as { operation: string }).operation])
const told = (life: Life, command: ReturnType<typeof heard>) =>
  (Result.getOrThrow(life.take(command)).events ?? []).map(({ type }) => type)
const dispute = (life: Life) => life.payment!.disputes?.[0]
const ASKS = [["inquire", "dispute"]]
const unknownThere = disputeTold("dp_1", { _tag: "NotFound", detail: "no such dispute" })

test("a gateway's word of a dispute is a question, and its answer is the dispute", () => {
  const life = captured()
  expect(sentBy(life, heard())).toEqual(ASKS)
  expect(dispute(life)).toBeUndefined()
  life.take(stands("needs_response", { reason: "fraudulent" }))
  expect(dispute(life)).toMatchObject({
    amount: 10_000n,
    fee: 1_500n,
    status: "needs_response",
    reason: "fraudulent"
  })
  expect(life.payment!.dispute_questions).toEqual([])
  // The answer once more, to a question that is over.
  expect(Result.getOrThrow(life.take(stands("lost")))).toEqual({})
})

test("what happens while a question is under way is asked about once more, and not once for each", () => {
  const life = captured()
  life.take(heard())
  expect(sentBy(life, heard())).toEqual([])
  expect(sentBy(life, heard())).toEqual([])
  expect(sentBy(life, stands("needs_response"))).toEqual(ASKS)
  expect(sentBy(life, stands("lost"))).toEqual([])
  expect(dispute(life)!.status).toBe("lost")
})

test("a gateway that cannot say is asked again by the timer; what it told of and never knew is a break, once", () => {
  const life = captured()
  life.take(heard())
  life.take(disputeTold("dp_1", { _tag: "Unknown", detail: "no answer in time" }))
  const due = life.payment!.dispute_questions![0]!.wake_at!
  const timer = `${ID}.dispute.dp_1`
  expect(sentBy(life, about("wake", { timer, due: due - 1 }))).toEqual([])
  expect(sentBy(life, about("wake", { timer, due }))).toEqual(ASKS)
  expect(sentBy(life, about("wake", { timer, due }))).toEqual([])
  expect(told(life, unknownThere)).toEqual(["payment.charge_contradicted"])
  expect(life.payment!.dispute_questions).toEqual([])
  expect(dispute(life)).toBeUndefined()
  life.take(heard())
  expect(told(life, unknownThere)).toEqual([])
})

test("a dispute that is told again while it is asked about is asked about once more before it is doubted", () => {
  const life = captured()
  life.take(heard())
  life.take(heard())
  expect(sentBy(life, unknownThere)).toEqual(ASKS)
  expect(life.payment!.contradictions).toEqual([])
  expect(told(life, unknownThere)).toEqual(["payment.charge_contradicted"])
})

const wake = (life: Life) => {
  const { wake_at: due } = life.payment!.dispute_questions![0]!
  return about("wake", { timer: `${ID}.dispute.dp_1`, due })
}
const charging = () => {
  const life = new Life()
  for (const command of [created(), scored("allow")]) life.take(command)
  return { life, charge: life.payment!.attempts[0]! }
}

test("a dispute that is told before the charge is known is asked about when it is", () => {
  const { charge, life } = charging()
  expect(sentBy(life, heard())).toEqual([])
  expect(sentBy(life, heard())).toEqual([])
  expect(sentBy(life, wake(life))).toEqual([])
  life.take(answer(charge, approved(10_000n, true)))
  expect(sentBy(life, wake(life))).toEqual(ASKS)
  life.take(stands("lost"))
  expect(life.payment!.disputes).toMatchObject([{ status: "lost" }])
})

test("a dispute of a payment that ended without a charge is told as a break, once", () => {
  const { charge, life } = charging()
  life.take(heard())
  life.take(answer(charge, declined))
  expect(life.payment!.status).toBe("failed")
  expect(told(life, wake(life))).toEqual(["payment.charge_contradicted"])
  expect(life.payment!.dispute_questions).toEqual([])
  expect(told(life, heard())).toEqual([])
  expect(told(life, heard("dp_2"))).toEqual(["payment.charge_contradicted"])
})

test("a dispute beyond those that are asked about at once is told as a break, and none is lost", () => {
  const life = captured()
  for (let nth = 1; nth <= 20; nth++) expect(sentBy(life, heard(`dp_${nth}`))).toEqual(ASKS)
  expect(told(life, heard("dp_21"))).toEqual(["payment.charge_contradicted"])
  expect(told(life, heard("dp_21"))).toEqual([])
  life.take(stands("lost"))
  expect(sentBy(life, heard("dp_21"))).toEqual(ASKS)
})

test("while a capture is in question nobody can say what a dispute takes back of it", () => {
  const life = new Life()
  for (const command of [created({ capture: "manual" }), scored("allow")]) life.take(command)
  life.take(answer(life.payment!.attempts[0]!, approved(10_000n, false)))
  life.take(asked("capture", "c-1"))
  const capture = life.payment!.attempts[1]!
  life.take(heard())
  expect(told(life, stands("lost"))).toEqual([])
  life.take(answer(capture, approved(10_000n, true)))
  expect(sentBy(life, wake(life))).toEqual(ASKS)
  life.take(stands("lost"))
  expect(life.payment!.disputes).toMatchObject([{ status: "lost" }])
})

test.each([
  ["amount", { amount: "9999" }],
  ["currency", { currency: "USD" }]
])("a known dispute that has another %s later is told as a break, once, and stays", (_, more) => {
  const life = captured()
  life.take(heard())
  life.take(stands("needs_response"))
  const before = life.journal.length
  const events = ["under_review", "lost"].flatMap((status) => {
    life.take(heard())
    return told(life, stands(status, more))
  })
  expect(events).toEqual(["payment.charge_contradicted"])
  expect([life.journal.length, dispute(life)!.status]).toEqual([before, "needs_response"])
  life.take(heard())
  life.take(stands("lost"))
  expect(dispute(life)!.status).toBe("lost")
})

test("whatever order news and answers come in, the gateway's last word holds and is booked once", () => {
  const stages = ["warning", "needs_response", "under_review"]
  const history = fc.record({
    end: fc.constantFrom("won", "lost"),
    // How far the gateway had come at each look, and how many more webhooks came before it answered.
    looks: fc.array(fc.record({ at: fc.nat({ max: 3 }), more: fc.nat({ max: 2 }) }), {
      maxLength: 6
    })
  })
  fc.assert(fc.property(history, ({ end, looks }) => {
    const life = captured()
    const all = [...stages, end]
    let far = 0
    for (const { at, more } of [...looks, { at: 3, more: 0 }]) {
      far = Math.max(far, at)
      for (let times = 0; times <= more; times++) life.take(heard())
      while ((life.payment!.dispute_questions ?? []).length > 0) life.take(stands(all[far]!))
    }
    expect(life.payment!.disputes).toMatchObject([{ status: end }])
    const booked = life.journal.filter(({ kind }) => kind.startsWith("dispute_"))
      .map(({ kind }) => kind)
    expect(booked).toEqual(["dispute_hold", "dispute_fee", "dispute_release", `dispute_${end}`])
  }))
})

test("a warning moves nothing, and another gateway's word is not heard", () => {
  const life = captured()
  expect(sentBy(life, heard("dp_1", "another"))).toEqual([])
  life.take(heard())
  life.take(stands("warning"))
  expect(life.payment!.disputes).toBeUndefined()
})

test("a fee that the gateway charges later is the merchant's then", () => {
  const life = captured()
  for (const fee of ["0", "1500", "1500", "700"]) {
    life.take(heard())
    life.take(stands("needs_response", { fee }))
  }
  expect(dispute(life)!.fee).toBe(1_500n)
  expect(life.journal.filter(({ kind }) => kind === "dispute_fee")).toHaveLength(1)
})

test("an end that contradicts ours is in suspense and told as a break, once", () => {
  const life = captured()
  life.take(heard())
  life.take(stands("needs_response"))
  life.take(asked("dispute_accept", "accept-1", { dispute_id: "dp_1" }))
  const events = [1, 2].flatMap(() => {
    life.take(heard())
    return Result.getOrThrow(life.take(stands("won"))).events ?? []
  })
  expect(events.map(({ type }) => type)).toEqual(["payment.charge_contradicted"])
  expect(life.journal.filter(({ kind }) => kind === "suspense")).toHaveLength(1)
  expect(dispute(life)!.status).toBe("accepted")
})

test.each([
  ["another currency", { currency: "USD" }],
  ["more than was captured", { amount: "10001" }]
])("a dispute in %s is no dispute of ours: told as a break, and nothing booked", (_name, more) => {
  const life = captured()
  const before = life.journal.length
  life.take(heard())
  const events = ["needs_response", "lost"].flatMap((status) => {
    life.take(heard())
    return Result.getOrThrow(life.take(stands(status, more))).events ?? []
  })
  expect(events.map(({ type }) => type)).toEqual(["payment.charge_contradicted"])
  expect([life.journal.length, dispute(life)]).toEqual([before, undefined])
})

test("evidence goes to the gateway that told of the dispute, under a key of its own, and one at a time", () => {
  const life = captured()
  life.take(heard())
  life.take(stands("needs_response"))
  const evidence = { text: "delivered", documents: ["file_1"] }
  const defence = (id: string) => asked("dispute_evidence", id, { dispute_id: "dp_1", ...evidence })
  const [call] = Result.getOrThrow(life.take(defence("d-1"))).emit!
  const key = `${ID}.evidence.1`
  expect(call).toMatchObject({
    to: "gateway",
    type: "call",
    body: { attempt: key, operation: "evidence", dispute_id: "dp_1", evidence, amount: 10_000n }
  })
  expect(dispute(life)).toMatchObject({ status: "needs_response", evidence })
  expect(Result.getFailure(life.take(defence("d-2")))).toMatchObject({
    value: { code: "operation_in_progress" }
  })
  const attempt = { key, operation: "evidence" } as const
  // Nobody answers: only the gateway may say whether it has it.
  life.take(answer(attempt, { _tag: "Unknown", detail: "no answer in time" }))
  const { wake_at } = life.attempt(key)!
  const [inquiry] = Result.getOrThrow(life.take(about("wake", { timer: key, due: wake_at }))).emit!
  expect(inquiry).toMatchObject({ type: "inquire", body: { attempt: key, dispute_id: "dp_1" } })
  const { events = [] } = Result.getOrThrow(
    life.take(answer(attempt, approved(10_000n, true), true))
  )
  expect(events.map(({ type }) => type)).toEqual(["payment.dispute_evidence_submitted"])
  expect(dispute(life)!.status).toBe("under_review")
  // Nothing else of the payment waits for words.
  expect(Result.isSuccess(life.take(defence("d-3")))).toBe(true)
})

test("a dispute that was written down here takes its evidence to the gateway once that knows it", () => {
  const life = captured()
  const written = { dispute_id: "dp_1", amount: 10_000, fee: 1_500 }
  life.take(asked("dispute_opened", "o-1", written))
  const defence = (id: string) =>
    sentBy(life, asked("dispute_evidence", id, { dispute_id: "dp_1", text: "delivered" }))
  expect(defence("d-1")).toEqual([])
  life.take(heard())
  const before = life.journal.length
  life.take(stands("needs_response"))
  expect(life.journal.length).toBe(before)
  expect(defence("d-2")).toEqual([["call", "evidence"]])
})

const declined = { _tag: "Declined", code: "too_late", detail: "too late", soft: false }
const submits = (life: Life, nth: number, text: string, outcome: object) => {
  life.take(asked("dispute_evidence", `d-${nth}`, { dispute_id: "dp_1", text }))
  const attempt = { key: `${ID}.evidence.${nth}`, operation: "evidence" } as const
  life.take(answer(attempt, { ...outcome }))
}

test("evidence that the gateway does not take is none, and what it took before stays", () => {
  const life = captured()
  life.take(heard())
  life.take(stands("needs_response"))
  submits(life, 1, "nothing", declined)
  expect(dispute(life)).not.toHaveProperty("evidence")
  submits(life, 2, "delivered", approved(10_000n, true))
  submits(life, 3, "too late", declined)
  expect(dispute(life)).toMatchObject({ status: "under_review", evidence: { text: "delivered" } })
  submits(life, 4, "signed for", approved(10_000n, true))
  expect(dispute(life)!.evidence!.text).toBe("signed for")
})

test("evidence that the gateway does not take leaves the dispute waiting for another", () => {
  const life = captured()
  life.take(heard())
  life.take(stands("needs_response"))
  life.take(asked("dispute_evidence", "d-1", { dispute_id: "dp_1", text: "delivered" }))
  const attempt = { key: `${ID}.evidence.1`, operation: "evidence" } as const
  const { events = [] } = Result.getOrThrow(life.take(answer(attempt, declined)))
  expect(events.map(({ type }) => type)).toEqual(["payment.evidence_failed"])
  expect(dispute(life)!.status).toBe("needs_response")
})

test("a dispute that ends otherwise and then as at first leaves nothing in suspense, however often", () => {
  for (const [first, other] of [["won", "lost"], ["lost", "won"]] as const) {
    const life = captured()
    const becomes = (status: string) => {
      life.take(heard())
      return told(life, stands(status))
    }
    becomes(first)
    for (let times = 0; times < 3; times++) {
      expect(becomes(other)).toEqual(["payment.charge_contradicted"])
      expect(becomes(other)).toEqual([])
      expect(dispute(life)).toMatchObject({ status: first, contradicted: {} })
      expect(becomes(first)).toEqual(["payment.charge_contradicted"])
      expect(becomes(first)).toEqual([])
      expect(suspense(life)).toBe(0n)
    }
  }
})

const suspense = ({ journal }: Life): bigint => {
  const totals = changesOf(journal).get("liabilities:suspense:simulator:p03:BRL")!.totals
  return totals.postedCredits - totals.postedDebits
}
