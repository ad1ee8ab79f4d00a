import { Effect, Schema } from "effect"
import type { Commands } from "../bus/commands.ts"
import type { Nats } from "../bus/connection.ts"
import type { Scope } from "../domain/scope.ts"
import type { Caller } from "../store/caller.ts"
import type { Database } from "../store/database.ts"
import type { Company } from "./access/company.ts"
import type { Callers } from "./access/callers.ts"
import type { Tokens } from "./access/tokens.ts"
import type { Claims } from "./claims.ts"
import type { EventStreams } from "./eventStreams.ts"
import { type Problem, problem, type ProblemCode } from "./problem.ts"
import type { Shape } from "./shape.ts"

export type EdgeServices =
  | Database
  | Commands
  | Claims
  | Nats
  | EventStreams
  | Callers
  | Tokens
  | Company

/**
 * Who may call a route. Anybody, or who has its scope: a merchant's own people (and the platform's, for the
 * merchant they name), or the platform's alone.
 */
export type Access =
  | { readonly audience: "public"; readonly scope?: never }
  | { readonly audience: "merchant" | "operator"; readonly scope: Scope }

/** Under what an operation stands for people. */
export const tags = {
  Payments: "Money that customers pay, and what becomes of it.",
  Disputes: "Payments that a payer's bank takes back, or wants to.",
  Wallets: "What merchants and recipients have: balances, payouts, transfers.",
  Exchange: "Prices of one currency in another, and conversions at them.",
  Ledger: "Accounts, postings and reports of the double-entry ledger.",
  Audit: "Proofs that the journal was not changed.",
  Events: "What happened, told in order.",
  Webhooks: "Endpoints of merchants, and news from gateways.",
  Reconciliation: "What gateways settled, compared with what was paid.",
  Reviews: "Payments that wait for a person's decision.",
  Access: "Keys, and what they may.",
  Operations: "The machine itself: families, keys, dead letters, promises.",
  Description: "This API, described."
} as const
export type Tag = keyof typeof tags

/** A request after authentication and validation. */
export interface Asked {
  readonly caller: Caller
  readonly path: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, string>>
  /** The route has a parameter by which operators say whose data they mean. */
  readonly namesMerchant: boolean
  readonly header: (name: string) => string | undefined
  /** The decoded body of routes that declare one, and its JSON as it came. */
  readonly body: unknown
  readonly json: unknown
  /** The body of routes that take text. */
  readonly text: string
  readonly requestPath: string
  readonly traceparent: string | undefined
  readonly signal: AbortSignal
}

export interface Answer {
  readonly status: number
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as it is, with the content type of `headers`. */
  readonly raw?: string | ReadableStream<Uint8Array>
}

type AnyCodec = Schema.Codec<unknown, unknown>

/** One route: what it is for people, for programs (OpenAPI) and for the server, in one place. */
export type Route = Access & {
  readonly method: "GET" | "POST"
  /** `/v1/payments/{id}` */
  readonly path: string
  readonly summary: string
  /** What clients call it: a verb and a noun. It never changes. */
  readonly operationId: string
  readonly tag: Tag
  readonly query?: Readonly<Record<string, { readonly schema: AnyCodec; readonly about: string }>>
  readonly body?: AnyCodec
  /** The body is text of this type instead of JSON. */
  readonly text?: { readonly contentType: string; readonly bytesMax: number }
  readonly idempotent?: boolean
  /** People open it: who is not signed in is led to where they can. */
  readonly page?: true
  /** What succeeds, by status. Bodies are encoded by these schemas, and nothing else leaves. */
  readonly answers: Readonly<Record<number, Shape>>
  /** What it may refuse with, beside what any route of its kind may (problemsOf.ts). */
  readonly problems?: ReadonlyArray<ProblemCode>
  readonly handle: (asked: Asked) => Effect.Effect<Answer, Problem, EdgeServices>
}

export const ok = (body: unknown, headers?: Readonly<Record<string, string>>): Answer => ({
  status: 200,
  body,
  ...(headers && { headers })
})

/** The merchant a request is about: its key's, or for operators the one they name. */
export const merchantOf = (asked: Asked): Effect.Effect<string, Problem> => {
  const merchant = asked.caller.merchant === "" ? asked.query["merchant"] : asked.caller.merchant
  if (merchant !== undefined) return Effect.succeed(merchant)
  return Effect.fail(
    asked.namesMerchant
      ? problem("merchant_needed", "an operator's key names a merchant: ?merchant=…")
      : problem("not_allowed", "this needs a merchant's key")
  )
}

/** The same for reads that operators may make over all merchants: undefined is everyone. */
export const readableMerchantOf = (asked: Asked): string | undefined =>
  asked.caller.merchant === "" ? asked.query["merchant"] : asked.caller.merchant

export const MerchantQuery = {
  schema: Schema.String.check(Schema.isPattern(/^[a-z0-9_\-]{1,32}$/u)),
  about: "Operators only: whose data."
}

const LISTED_DEFAULT = 50

/** How many of a list are asked for. */
export const limitOf = (asked: Asked, otherwise = LISTED_DEFAULT): number =>
  Number(asked.query["limit"] ?? otherwise)

export const limitQuery = (max: number) => ({
  schema: Schema.String.check(
    Schema.makeFilter(
      (text: string) =>
        (/^[1-9]\d{0,3}$/.test(text) && Number(text) <= max) || `must be a number from 1 to ${max}`,
      { toJsonSchema: () => ({ pattern: "^[1-9][0-9]{0,3}$" }) }
    )
  ),
  about: `At most ${max}.`
})
