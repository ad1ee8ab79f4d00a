import { Context, Effect, Layer } from "effect"
import { Database, DatabaseUnavailable } from "../store/database.ts"
import {
  claimFree,
  type ClaimKey,
  type KnownClaim,
  knownClaims,
  markPublished,
  markRefused,
  type NewClaim
} from "../store/idempotency.ts"

/** `Fresh`: ours to publish. `Known`: somebody asked before; compare the fingerprints. */
type Claimed =
  | { readonly _tag: "Fresh" }
  | { readonly _tag: "Known"; readonly claim: KnownClaim }

/** Idempotency keys, claimed in PostgreSQL before anything is published (docs/protocol.md §9). */
export class Claims extends Context.Service<Claims, {
  readonly claim: (claim: NewClaim) => Effect.Effect<Claimed, DatabaseUnavailable>
  /** Best effort: a lost mark makes a repeat publish again, which the actor takes as a repeat. */
  readonly published: (claim: ClaimKey) => void
  readonly refused: (
    claim: ClaimKey,
    refusal: unknown
  ) => Effect.Effect<void, DatabaseUnavailable>
}>()("lastro/edge/Claims") {
  static readonly layer = Layer.effect(Claims, Effect.map(Database, make))
}

/** Claims of one statement. More wait for the next. */
const CLAIMS_MAX = 500
/** Claims waiting for a statement. One more is told to come back. */
const WAITING_MAX = 5_000
const MARK_AFTER_MILLIS = 20
/** Marks waiting; beyond it they are dropped, which costs a repeat only. */
const MARKS_MAX = 50_000

interface Waiting {
  readonly claim: NewClaim
  readonly resume: (answer: Effect.Effect<Claimed, DatabaseUnavailable>) => void
}

function make(database: Database["Service"]): Claims["Service"] {
  const waiting: Array<Waiting> = []
  let flying = false
  let marks: Array<ClaimKey> = []
  let marking = false

  /** One statement in flight: the requests that come meanwhile share the next. */
  const flush = () => {
    if (flying || waiting.length === 0) return
    flying = true
    const batch = waiting.splice(0, CLAIMS_MAX)
    Effect.runFork(
      claimAll(database, batch.map(({ claim }) => claim)).pipe(
        Effect.match({
          onSuccess: (answers) =>
            batch.forEach((one, index) => one.resume(Effect.succeed(answers[index]!))),
          onFailure: (error) => batch.forEach((one) => one.resume(Effect.fail(error)))
        }),
        Effect.ensuring(Effect.sync(() => {
          flying = false
          flush()
        }))
      )
    )
  }

  const mark = () => {
    const batch = marks
    marks = []
    marking = false
    Effect.runFork(Effect.ignore(
      database.query("edge.published", (db) => markPublished(db, batch))
    ))
  }

  return {
    claim: (claim) =>
      Effect.callback((resume) => {
        if (waiting.length >= WAITING_MAX) {
          const cause = new Error("too many claims are waiting")
          return resume(Effect.fail(new DatabaseUnavailable({ query: "edge.claim", cause })))
        }
        waiting.push({ claim, resume })
        if (!flying && waiting.length === 1) setImmediate(flush)
      }),
    published: (claim) => {
      if (marks.length < MARKS_MAX) marks.push(claim)
      if (marking) return
      marking = true
      setTimeout(mark, MARK_AFTER_MILLIS)
    },
    refused: (claim, refusal) =>
      Effect.asVoid(database.query("edge.refused", (db) => markRefused(db, claim, refusal)))
  }
}

const nameOf = ({ key, merchant, operation }: ClaimKey): string => `${merchant} ${operation} ${key}`

const claimAll = Effect.fnUntraced(function* (
  database: Database["Service"],
  claims: ReadonlyArray<NewClaim>
) {
  const free = yield* database.query("edge.claim", (db) => claimFree(db, claims))
  const fresh = new Set(free.map(nameOf))
  const known = fresh.size === claims.length
    ? []
    : yield* database.query("edge.claims", (db) => knownClaims(db, claims))
  const byName = new Map(known.map((claim) => [nameOf(claim), claim]))
  return claims.map((claim): Claimed => {
    const name = nameOf(claim)
    // The first of two equal requests in one statement is the fresh one.
    if (fresh.delete(name)) return { _tag: "Fresh" }
    return { _tag: "Known", claim: byName.get(name)! }
  })
})
