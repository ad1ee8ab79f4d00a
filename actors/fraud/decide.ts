import { Result } from "effect"
import type { MessageOf, Received, Refusal, States } from "../../src/runtime/actor.ts"
import type { Decision, Emission } from "../../streams/emissions.ts"
import type { FraudMessages, Risk } from "../../streams/messages/fraud.ts"
import { evaluate } from "./evaluate.ts"
import { featuresOf, type Profiles } from "./features.ts"
import type { RuleSet } from "./rules.ts"
import {
  ANSWERS_MAX,
  DEVICE_CUSTOMERS_MAX,
  newProfile,
  type Profile,
  type Score,
  type SubjectKind,
  subjectsOf
} from "./state.ts"
import { DAY, HOUR, record } from "./velocity.ts"

type Message = MessageOf<typeof FraudMessages>

/** Scores one payment by what is known of its payer and device, and remembers it. Never refuses. */
export const decide = (
  states: States<Profile>,
  { body: score }: Message,
  received: Received<RuleSet>
): Result.Result<Decision<"fraud", Profile>, Refusal<never>> => {
  const subjects = subjectsOf(score)
  const payer = states.get(subjects[0].key)
  const known = payer?.answers.find((answer) => answer.payment_id === score.payment_id)
  // Asked again: the same answer, and the payment is not counted twice.
  if (known !== undefined) return Result.succeed({ emit: [answer(score, known.risk, received)] })

  const counted = subjects.map(({ key, kind }) => ({
    key,
    kind,
    profile: count(states.get(key) ?? newProfile, kind, score, received.at)
  }))
  const profiles: Profiles = Object.fromEntries(
    counted.map(({ kind, profile }) => [kind, profile])
  )
  const seenBefore = score.customer_id !== undefined && (payer?.allowed ?? 0) > 0
  const risk = evaluate(received.config, featuresOf(score, profiles, seenBefore, received.at))
  return Result.succeed({
    put: counted.map((
      { key, profile },
      index
    ) => [key, remember(profile, score, risk, index === 0)]),
    emit: [answer(score, risk, received)]
  })
}

/** Every payment counts, also those denied: testing stolen cards is a run of failures. */
const count = (profile: Profile, kind: SubjectKind, score: Score, at: number): Profile => ({
  ...profile,
  hour: record(profile.hour, HOUR, at, score.amount, score.currency),
  day: record(profile.day, DAY, at, score.amount, score.currency),
  ...(kind === "device" && score.customer_id !== undefined && {
    customers: [
      ...(profile.customers ?? []).filter(({ id }) => id !== score.customer_id),
      { id: score.customer_id, at }
    ].slice(-DEVICE_CUSTOMERS_MAX)
  })
})

const remember = (profile: Profile, score: Score, risk: Risk, isPayer: boolean): Profile => ({
  ...profile,
  allowed: profile.allowed + (risk.decision === "allow" ? 1 : 0),
  answers: isPayer
    ? [...profile.answers, { payment_id: score.payment_id, risk }].slice(-ANSWERS_MAX)
    : profile.answers
})

const answer = (
  score: Score,
  risk: Risk,
  { merchant }: Received<RuleSet>
): Emission<"payments"> => ({
  to: "payments",
  type: "scored",
  key: merchant,
  body: { payment_id: score.payment_id, risk }
})
