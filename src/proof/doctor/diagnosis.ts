import { Schema } from "effect"
/** What Lastro promises (each has tests of the same name), in the words of its README. */
export const promises = {
  G1: "accepted means durable",
  G2: "no accepted command is lost, none takes effect twice",
  G3: "effects of one key follow the order of its mailbox",
  G4: "a worker that lost its lease cannot commit or append",
  G5: "every emitted message appears in its mailbox once, in order",
  G6: "a poison message stops its own key only",
  G7: "a retrying key keeps its order and slows nobody else",
  G8: "fail-over takes at most the lease TTL plus a second",
  G9: "joining and leaving workers move only their share of partitions",
  G11: "without PostgreSQL memory stays flat and nothing is lost",
  G12: "replaying a dead letter twice takes effect once",
  G13: "same idempotency key and body, same answer; other body, refused",
  G15: "replaying the mailboxes gives the same digests and balances",
  G17: "no card number, secret or personal datum in logs, subjects or metrics",
  M1: "debits equal credits per currency after every turn",
  M2: "no payment is charged twice"
} as const

export type Promised = keyof typeof promises

const Verdict = Schema.Literals(["good", "poor", "bad", "unknown"])
/** `poor` is worth knowing and breaks nothing; `unknown` could not be looked at from here. */
type Verdict = typeof Verdict.Type

const Promised = Schema.Literals(Object.keys(promises) as Array<Promised>)

/** One thing that was looked at. */
const Finding = Schema.Struct({
  area: Schema.Literals([
    "nats",
    "disks",
    "clocks",
    "streams",
    "workers",
    "identities",
    "postgresql",
    "ledger",
    "effects"
  ]),
  check: Schema.String,
  verdict: Verdict,
  found: Schema.String,
  /** What to do about it. */
  advice: Schema.optionalKey(Schema.String),
  /** What does not hold where it is bad, and is not known to hold where it is unknown. */
  undermines: Schema.Array(Promised),
  /** What this deployment, as somebody wants it, cannot keep: nothing is broken. */
  withholds: Schema.optionalKey(Schema.Array(Promised))
})
export type Finding = typeof Finding.Type

const PromiseState = Schema.Struct({
  promise: Promised,
  says: Schema.String,
  /** `absent`: nothing is wrong, and there is nothing that could keep it. */
  holds: Schema.Literals(["yes", "no", "unknown", "absent"]),
  why: Schema.Array(Schema.String)
})
export type PromiseState = typeof PromiseState.Type

export const Diagnosis = Schema.Struct({
  at: Schema.String,
  findings: Schema.Array(Finding),
  promises: Schema.Array(PromiseState),
  /** Nothing is bad, and nothing unknown that a promise needs. */
  well: Schema.Boolean
}).annotate({ identifier: "Diagnosis" })
export type Diagnosis = typeof Diagnosis.Type

/** A promise holds where every condition it rests on was seen to be met. */
export const diagnosisOf = (at: Date, findings: ReadonlyArray<Finding>): Diagnosis => {
  const states = Object.entries(promises).map(([name, says]): PromiseState => {
    const promise = name as Promised
    const about = findings.filter(({ undermines }) => undermines.includes(promise))
    const bad = about.filter(({ verdict }) => verdict === "bad")
    const unknown = about.filter(({ verdict }) => verdict === "unknown")
    const absent = findings.filter(({ withholds }) => withholds?.includes(promise))
    const reasons = [bad, unknown, absent].find((some) => some.length > 0) ?? []
    return {
      promise,
      says,
      holds: bad.length > 0
        ? "no"
        : unknown.length > 0
        ? "unknown"
        : absent.length > 0
        ? "absent"
        : "yes",
      why: reasons.map(({ area, check, found }) => `${area}, ${check}: ${found}`)
    }
  })
  return {
    at: at.toISOString(),
    findings,
    promises: states,
    well: states.every(({ holds }) => holds === "yes" || holds === "absent") &&
      findings.every(({ verdict }) => verdict !== "bad")
  }
}
