import { Result } from "effect"
import fc from "fast-check"
import { expect, it } from "vitest"
import { type Attempt, isDefinitive } from "../../actors/payments/payment/attempts.ts"
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
  type Json,
  Life,
  scored
} from "../support/paymentLife.ts"

/** What a gateway has under each name: another amount is another payment. */
const chargeOf = { ch_1: 10_000n, E1: 500n, E2: 10_000n } as const
type Charge = keyof typeof chargeOf

const charge = fc.constantFrom<Charge>("ch_1", "E1", "E2")
const amount = fc.constantFrom(1, 500, 3_000, 9_999, 10_000, 10_001)
const nth = fc.nat(30)
const unclear = { _tag: "Unknown", detail: "no answer in time" }
const others: ReadonlyArray<Json> = [
  unclear,
  { _tag: "Deferred", detail: "busy" },
  { _tag: "NotFound", detail: "never heard of it" },
  { _tag: "NotProcessed", code: "no", detail: "no" },
  { _tag: "Withheld", detail: "nothing there" },
  { _tag: "RequiresAction", charge_id: "ch_1", url: "https://pay", expires_at: "" }
]

type Move = (life: Life, name: string) => Command | undefined

const commands: fc.Arbitrary<Move> = fc.oneof(
  fc.constant<Move>((_, name) => asked("void", name)),
  fc.tuple(fc.option(amount), fc.option(charge)).map(([amount, charge_id]): Move => (_, name) =>
    asked("refund", name, {
      ...(amount !== null && { amount }),
      ...(charge_id !== null && { charge_id })
    })
  ),
  fc.tuple(amount, fc.boolean()).map(([amount, final]): Move => (_, name) =>
    asked("capture", name, { amount, final })
  ),
  amount.map((amount): Move => (_, name) => asked("increment", name, { amount }))
)

/** Any answer about anything that was asked, whether it was a question or a call. */
const answers = fc.record({
  // The charge has the most to be told of.
  nth: fc.oneof(fc.constant(0), nth),
  charge,
  beside: charge,
  amount: fc.option(amount, { freq: 3 }),
  inquiry: fc.boolean(),
  kind: fc.constantFrom("made", "made", "beside", "declined", "declined", "other")
}).map(({ amount, beside, charge, inquiry, kind, nth }): Move => ({ payment, whole }) => {
  const attempt = whole.attempts[nth % whole.attempts.length]!
  const isCharge = attempt.operation === "charge"
  const made = isCharge
    ? approved(chargeOf[charge], payment!.capture === "automatic", charge)
    : approved(amount === null ? attempt.amount : BigInt(amount), true, attempt.charge_id)
  const more = isCharge && kind === "beside" && beside !== charge &&
    { others: [{ charge_id: beside, amount: `${chargeOf[beside]}` }] }
  const no = { _tag: "Declined", code: "no", detail: "no", soft: false }
  const outcome = kind === "declined"
    ? no
    : kind === "other"
    ? others[nth % others.length]!
    : { ...made, ...more }
  return answer(attempt, outcome, inquiry)
})

const news = fc.record({
  nth,
  says: fc.constantFrom("made", "not_made", "pending"),
  charge: fc.option(charge),
  refund: fc.option(fc.constantFrom("a", "b"))
}).map(({ charge, nth, refund, says }): Move => ({ whole }) =>
  about("notified", {
    attempt: refund === null
      ? whole.attempts[nth % whole.attempts.length]!.key
      : `${ID}.refund.ref_${refund}`,
    gateway: GATEWAY,
    says,
    ...(charge !== null && { charge_id: charge }),
    ...(refund !== null && { refund_id: refund })
  })
)

const disputes = fc.record({
  id: fc.constantFrom("d1", "d2"),
  status: fc.constantFrom("won", "lost", "needs_response", "under_review"),
  amount,
  isNews: fc.boolean()
}).map(({ amount, id, isNews, status }): Move => () =>
  isNews
    ? about("dispute_notified", { dispute_id: id, gateway: GATEWAY })
    : disputeTold(id, { _tag: "Disputed", amount: `${amount}`, status })
)

const wakeOf = ({ key, wake_at }: Attempt) => about("wake", { timer: key, due: wake_at })

const wakes = nth.map((nth): Move => ({ payment }) => {
  const waiting = payment!.attempts.filter(({ wake_at }) => wake_at !== undefined)
  const one = waiting[nth % (waiting.length + 1)]
  const due = payment!.expires_at
  if (one !== undefined) return wakeOf(one)
  return due === undefined ? undefined : about("wake", { timer: `${ID}.expiry`, due })
})

const moves = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: commands },
    { weight: 8, arbitrary: answers },
    { weight: 3, arbitrary: news },
    { weight: 2, arbitrary: wakes },
    { weight: 2, arbitrary: disputes }
  ),
  { maxLength: 45, size: "max" }
)

const sum = (amounts: ReadonlyArray<bigint>): bigint => amounts.reduce((all, one) => all + one, 0n)

/** What nobody knows whose it is: what may be given back, and what contradictions left. */
const inSuspense = ({ whole: { attempts, disputes = [], strays = [] } }: Life): bigint =>
  sum(strays.map(({ amount, returned }) => amount - returned)) +
  sum(disputes.map(({ contradicted }) => contradicted?.amount ?? 0n)) +
  sum(
    attempts.map(({ contradicted, operation }) => {
      const amount = contradicted?.amount ?? 0n
      return operation === "charge" && amount > 0n ? 0n : amount
    })
  )

/** Nothing is to be learnt of it any more. */
const isOver = ({ question, status }: Attempt): boolean =>
  isDefinitive(status) && question === undefined

/** In the end the gateway answers all that it is asked: what is open was made. */
const answered = (life: Life): void => {
  for (let times = 0; times < 200; times++) {
    life.now += 120_000
    const { attempts, dispute_questions: [asked] = [] } = life.payment!
    const open = attempts.find((one) => !isOver(one))
    if (open === undefined && asked === undefined) return
    if (asked !== undefined && (open === undefined || times % 2 === 0)) {
      const timer = `${ID}.dispute.${asked.dispute}`
      life.take(
        asked.wake_at === undefined
          ? disputeTold(asked.dispute, { _tag: "NotFound", detail: "none" })
          : about("wake", { timer, due: asked.wake_at })
      )
    } else if (open!.wake_at !== undefined) life.take(wakeOf(open!))
    else {
      const amount = open!.amount === 0n ? 5n : open!.amount
      const took = open!.operation !== "charge" || life.payment!.capture === "automatic"
      life.take(answer(open!, approved(amount, took, open!.charge_id), true))
    }
  }
}

it("whatever is asked, answered and told, in any order: the books say what is known, each command counts once, and all comes to an end", () => {
  fc.assert(
    fc.property(
      fc.constantFrom("automatic", "manual"),
      fc.boolean(),
      moves,
      (capture, split, all) => {
        const life = new Life()
        const splits = [{ recipient: "a", share: "0.30" }]
        life.take(created({ capture, ...(split && { splits }) }))
        life.take(scored("allow"))
        const taken: Array<Command> = []
        for (const [at, move] of all.entries()) {
          life.now += 1_000
          const command = move(life, `c${at}`)
          if (command === undefined) continue
          const decided = life.take(
            command,
            "command_id" in command.body ? `waiter-${at}` : undefined
          )
          if ("command_id" in command.body && Result.isSuccess(decided)) taken.push(command)
          expect(life.suspense).toBe(inSuspense(life))
        }
        for (const command of taken) {
          const { emit = [], rows = [] } = Result.getOrThrow(life.ask(command, "again"))
          expect([emit, rows]).toEqual([[], []])
        }
        answered(life)
        expect(life.payment!.attempts.filter((one) => !isOver(one))).toEqual([])
        expect(life.payment!.waiters).toEqual([])
        expect(life.suspense).toBe(inSuspense(life))
      }
    ),
    { numRuns: 100 }
  )
})
