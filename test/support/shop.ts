import type { TrialBalanceLine } from "../../src/ledger/trialBalance.ts"
import { trialBalanceOff } from "../../src/proof/judges/books.ts"
import { randomUUID } from "node:crypto"
import { expect } from "vitest"
import { eventually, type TestLastro } from "./lastro.ts"

type Answered = Awaited<ReturnType<TestLastro["ask"]>>

/** What a payment needs at least. Tests say only what is special about theirs. */
export const order = {
  amount: 10_000,
  currency: "BRL",
  payment_method: { type: "card", token: "tok_approved" }
}

export const paidWith = (token: string) => ({ payment_method: { type: "card", token } })

/** A merchant's own view of the edge: every call carries its key, every POST a fresh one. */
export interface Shop {
  readonly merchant: string
  readonly key: string
  /** Waits for the outcome of a new payment, far longer than one takes. */
  readonly pay: (fields?: object, headers?: Record<string, string>) => Promise<Answered>
  readonly post: (
    path: string,
    body?: object,
    headers?: Record<string, string>
  ) => Promise<Answered>
  readonly get: (path: string, headers?: Record<string, string>) => Promise<Answered>
  /** The payment once it satisfies the test; its last state is in the error where it never does. */
  readonly until: (
    id: string,
    // deno-lint-ignore no-explicit-any
    test: string | ((payment: any) => boolean),
    millis?: number
    // deno-lint-ignore no-explicit-any
  ) => Promise<any>
  /** What of its own, or of a recipient's, can be moved or paid out. Undefined before there is a wallet. */
  readonly available: (currency: string, recipient?: string) => Promise<string | undefined>
  /** Posted and pending balance (credits less debits) per account, by its path without the prefix. */
  readonly balances: () => Promise<Record<string, readonly [posted: number, pending: number]>>
}

const WAIT = "wait=30"

export const openShop = async (one: TestLastro, merchant: string): Promise<Shop> => {
  const key = await one.key(merchant)
  const post: Shop["post"] = (path, body = {}, headers = {}) =>
    one.ask(key, "POST", path, {
      body,
      headers: { "idempotency-key": randomUUID(), prefer: WAIT, ...headers }
    })
  const get: Shop["get"] = (path, headers = {}) => one.ask(key, "GET", path, { headers })
  return {
    merchant,
    key,
    post,
    get,
    pay: (fields = {}, headers) => post("/v1/payments", { ...order, ...fields }, headers),
    until: (id, test, millis = 40_000) =>
      eventually(async () => {
        const { json } = await get(`/v1/payments/${id}`)
        if (typeof test === "string" ? json.status === test : test(json)) return json
        throw new Error(JSON.stringify(json))
      }, millis),
    available: async (currency, recipient) => {
      const { json } = await get("/v1/balances")
      return json.data.find((one: { currency: string; recipient?: string }) =>
        one.currency === currency && one.recipient === recipient
      )?.available
    },
    balances: async () => {
      const { json } = await get("/v1/accounts?limit=100")
      const prefix = `liabilities:merchant:${merchant}:`
      return Object.fromEntries(
        json.data.map((account: Record<string, string>) => [
          account["id"]!.replace(prefix, ""),
          [
            Number(account["posted_credits"]) - Number(account["posted_debits"]),
            Number(account["pending_credits"]) - Number(account["pending_debits"])
          ]
        ])
      )
    }
  }
}

/** The simulated gateway's own memory: the witness that is not ours. */
export const gatewayOf = (one: TestLastro) => {
  const base = one.lastro.simulator.url
  const read = async (path: string) => (await fetch(base + path)).json()
  return {
    url: base,
    summary: () =>
      read("/book") as Promise<{
        operations: number
        charges: number
        charged_twice: ReadonlyArray<string>
        totals: ReadonlyArray<{ currency: string; captured: number; refunded: number }>
      }>,
    operations: (paymentId: string) =>
      read(`/book/${paymentId}`) as Promise<
        ReadonlyArray<{ kind: string; status: string; amount: number; requests: number }>
      >,
    control: async (body: object) => {
      await fetch(`${base}/control`, { method: "POST", body: JSON.stringify(body) })
    }
  }
}

/** Hands in the gateway's file of that day, as its operator would. */
export const settle = async (one: TestLastro, at: string, breaks = "") => {
  const day = at.slice(0, 10)
  const file = await fetch(`${gatewayOf(one).url}/settlement-files/${day}${breaks}`)
  const path = `/v1/settlement-files?source=simulator&date=${day}`
  const { status } = await one.ask(await one.operatorKey(), "POST", path, {
    raw: await file.text(),
    headers: { "content-type": "text/csv" }
  })
  expect(status).toBe(202)
}

/** Every currency's debits and credits; a difference anywhere shows as it stands. */
export const trialBalance = async (one: TestLastro) => {
  const { json } = await one.ask(await one.operatorKey(), "GET", "/v1/reports/trial-balance")
  return json.data as ReadonlyArray<TrialBalanceLine>
}

/** The differences that must all be 0 after any test (M1). */
export const imbalances = async (one: TestLastro): Promise<ReadonlyArray<string>> =>
  trialBalanceOff(await trialBalance(one))

const patterns: Readonly<Record<string, RegExp>> = {
  // A package's version (pg@8.23.1) is no address: the last label is of letters.
  "e-mail": /[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,}/,
  "API key": /\bsk_[A-Za-z0-9_-]{8,}/,
  "webhook secret": /\bwhsec_[A-Za-z0-9+/=]{8,}/,
  "card number": /\b\d(?:[ -]?\d){12,18}\b/
}

/** Identifiers and times of ours are digits, too: only these are taken out before looking. */
const known = /"(?:time|at|created_at|updated_at)":"?[\dTZ:.-]+"?/g

/** What no log line may hold (G17), with the line it was found in. */
export const leaksIn = (lines: ReadonlyArray<string>): ReadonlyArray<string> =>
  lines.flatMap((line) =>
    Object.entries(patterns)
      .filter(([, pattern]) => pattern.test(line.replace(known, "")))
      .map(([name]) => `${name}: ${line}`)
  )
