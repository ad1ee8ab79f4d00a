import * as fs from "node:fs"
import { join } from "node:path"
import { StackError } from "../stack/stack.ts"
import type { Environment } from "./environment.ts"
import { dataDirOf, portOf } from "./lastro.ts"

/** Exit codes of the operator's commands, besides 0. */
export const EXIT_FAILED = 1
export const EXIT_PERSON_NEEDED = 2

/** The Lastro an operator talks to, over its HTTP interface and with an operator's key. */
export interface Operator {
  // deno-lint-ignore no-explicit-any
  readonly get: <A = any>(path: string, millis?: number) => Promise<A>
  // deno-lint-ignore no-explicit-any
  readonly post: <A = any>(path: string, body: unknown) => Promise<A>
  /** What is too large to be read at once. */
  readonly open: (path: string) => Promise<ReadableStream<Uint8Array>>
  /** What anybody may hear, whatever the status. */
  readonly probe: <A>(path: string) => Promise<A>
}

/** A reading of how things are comes within this time, or an edge that hangs is told as that. */
export const HEALTH_MILLIS = 2_000

export const where = `Asks the Lastro that runs here (LASTRO_DATA_DIR, LASTRO_PORT), or another one
(LASTRO_URL with an operator's key in LASTRO_OPERATOR_KEY).`

export const operator = (environment: Environment): Operator => {
  const url = (environment["LASTRO_URL"] ?? `http://127.0.0.1:${portOf(environment)}`)
    .replace(/\/+$/, "")
  const key = environment["LASTRO_OPERATOR_KEY"] ?? keptKey(environment)
  const answered = async (
    method: "GET" | "POST",
    path: string,
    body?: unknown,
    millis?: number
  ) => {
    const answer = await fetch(url + path, {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body !== undefined && { "content-type": "application/json" })
      },
      ...(millis !== undefined && { signal: AbortSignal.timeout(millis) }),
      ...(body !== undefined && { body: JSON.stringify(body) })
    }).catch((error: Error) => {
      throw new StackError(
        error.name === "TimeoutError"
          ? `${url} does not answer within ${millis! / 1_000} s.`
          : `nothing answers at ${url}: start Lastro first, or set LASTRO_PORT or LASTRO_URL.`
      )
    })
    if (answer.ok) return answer
    const { detail } = await answer.json().catch(() => ({})) as { detail?: string }
    throw new StackError(`${url} answered ${answer.status}${detail ? `: ${detail}` : ""}.`)
  }
  const ask = async (method: "GET" | "POST", path: string, body?: unknown, millis?: number) =>
    await (await answered(method, path, body, millis)).json().catch(() => ({}))
  return {
    get: (path, millis) => ask("GET", path, undefined, millis),
    post: (path, body) => ask("POST", path, body),
    open: async (path) => (await answered("GET", path)).body!,
    probe: async (path) => {
      const answer = await fetch(url + path, { signal: AbortSignal.timeout(HEALTH_MILLIS) })
      return await answer.json()
    }
  }
}

const keptKey = (environment: Environment): string => {
  const file = join(dataDirOf(environment), "operator.key")
  if (!fs.existsSync(file)) {
    throw new StackError(
      `there is no ${file}: start Lastro first, or set LASTRO_DATA_DIR or LASTRO_OPERATOR_KEY.`
    )
  }
  return fs.readFileSync(file, "utf8").trim()
}

/** What came of an action; undefined where its partition has not answered yet. */
export interface Action {
  readonly id: string
  readonly outcome: string | null
}

const PENDING_MILLIS_MAX = 30_000
const PENDING_LOOK_MILLIS = 250

/** Waits for the outcome of an action whose partition was not quick. */
export const settled = async (asked: Operator, action: Action): Promise<Action> => {
  const until = Date.now() + PENDING_MILLIS_MAX
  let seen = action
  while (seen.outcome === null && Date.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, PENDING_LOOK_MILLIS))
    seen = await asked.get(`/v1/operations/actions/${action.id}`)
  }
  return seen
}

export const outcomeOf = ({ id, outcome }: Action): string =>
  outcome ?? `not answered yet (${id}): its partition is behind, paused or without an owner`
