import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { PortTaken, urlOf } from "../../edge/listen.ts"
import { json, readJson, readText } from "./body.ts"
import { isDay } from "../../domain/day.ts"
import { Book } from "./book.ts"
import type { OperationKind, OperationRecord } from "./operation.ts"
import { complain, decideDispute, follow, showDispute } from "./complaints.ts"
import { dashboard } from "./dashboard.ts"
import {
  actionExpiresAt,
  type Asked,
  expireAction,
  judge,
  SHORT,
  SHORT_MILLIS,
  type Verdict
} from "./decisions.ts"
import { answerTo, moodOf, rumoursOf } from "./hostility.ts"
import { parseBreaks, settlementFile } from "./settlement.ts"
import { type Hook, tell } from "./webhooks.ts"

const DAY_MILLIS = 86_400_000
/** A silent answer ends at last, long after every caller gave up. */
const SILENCE_MILLIS = 60_000
/** News of an answer that never came is told when the caller has given up waiting for it. */
const NEWS_MILLIS = 4_300
type Handler = (request: IncomingMessage, response: ServerResponse) => void

export interface Simulator {
  readonly url: string
  readonly book: Book
  readonly stop: () => Promise<void>
}

/**
 * The default gateway: a real HTTP server, so that time-outs are real. It decides by token, honours
 * idempotency keys, answers inquiries and writes a settlement file per day.
 */
export const startSimulator = async (options: {
  readonly file: string
  readonly port?: number
  /** 127.0.0.1 by default. */
  readonly host?: string
  /** Others that answer here, by the first part of the path. */
  readonly beside?: Readonly<Record<string, Handler>>
}): Promise<Simulator> => {
  const book = new Book(options.file)
  const state: State = { book, outage: false, delayMillis: 0, url: "" }
  const server = createServer((request, response) => {
    const other = options.beside?.[request.url?.split("/")[1] ?? ""]
    if (other !== undefined) return other(request, response)
    handle(state, request, response).catch((error) =>
      json(response, 400, { code: "bad_request", detail: (error as Error).message })
    )
  })
  server.keepAliveTimeout = 120_000
  const host = options.host ?? "127.0.0.1"
  await listen(server, options.port ?? 0, host)
  state.url = urlOf(host, (server.address() as AddressInfo).port)
  return {
    url: state.url,
    book,
    stop: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      book.close()
    }
  }
}

interface State {
  readonly book: Book
  outage: boolean
  delayMillis: number
  url: string
  hook?: Hook
  hostile?: Hostile
}

/** A gateway that is slow, silent, late and untruthful, but honours keys and keeps its book. */
interface Hostile {
  readonly seed: number
  readonly met: Set<string>
  /** Operations that are still to be done, long after anybody waits for them. */
  late: number
  questions: number
}

const listen = (server: Server, port: number, host: string) =>
  new Promise<void>((resolve, reject) => {
    // It stays: a connection that cannot be accepted is its caller's trouble only.
    server.on("error", (error: NodeJS.ErrnoException) => {
      reject(error.code === "EADDRINUSE" ? new PortTaken(port) : error)
    })
    server.listen(port, host, () => resolve())
  })

const handle = async (state: State, request: IncomingMessage, response: ServerResponse) => {
  const url = new URL(request.url ?? "/", state.url)
  const [root = "", id = "", action = ""] = url.pathname.split("/").slice(1)
  const method = `${request.method} ${root}`
  switch (method) {
    case "POST charges":
      if (action === "disputes") return await complain(state, request, response, id)
      return await operate(state, request, response, kindOf(action), id)
    case "GET disputes":
      return id !== "" && puzzled(state, response) || showDispute(state, response, id)
    case "POST disputes":
      if (action === "") return await decideDispute(state, request, response, id)
      return await operate(state, request, response, "evidence", "", { dispute_id: id })
    case "POST payouts":
      return await operate(state, request, response, "payout", "")
    case "GET operations":
      return puzzled(state, response) ||
        inquire(state, response, url.searchParams.get("key") ?? "")
    case "GET settlement-files":
      return settle(state, response, id, url)
    case "GET actions":
      return actionPage(state, response, id)
    case "POST actions":
      return await act(state, request, response, id)
    case "GET owed":
      return json(response, 200, state.book.owed())
    case "GET book":
      return json(response, 200, id === "" ? state.book.summary() : state.book.ofPayment(id))
    case "POST dashboard":
      return await dashboard(state, request, response, id)
    case "POST control":
      return await control(state, request, response)
    default:
      return json(response, 404, { code: "not_found", detail: url.pathname })
  }
}

const kindOf = (action: string): OperationKind =>
  action === "captures"
    ? "capture"
    : action === "increments"
    ? "increment"
    : action === "voids"
    ? "void"
    : action === "refunds"
    ? "refund"
    : "charge"

const operate = async (
  state: State,
  request: IncomingMessage,
  response: ServerResponse,
  kind: OperationKind,
  chargeId: string,
  more: Partial<Asked> = {}
) => {
  const body = await readJson(request)
  if (state.outage) return json(response, 503, { code: "outage", processed: false })
  const key = String(request.headers["idempotency-key"] ?? "")
  if (key === "") return json(response, 400, { code: "idempotency_key_missing", processed: false })
  const asked: Asked = {
    ...(body as Omit<Asked, "key" | "kind">),
    key,
    kind,
    ...(chargeId !== "" && { charge_id: chargeId }),
    ...more
  }
  if (state.hostile !== undefined) {
    await operateHostile(state, state.hostile, asked, response)
  } else await answer(state, asked, response, judge(state.book, asked), 1)
  follow(state, asked)
}

const answer = async (
  state: State,
  { key }: Asked,
  response: ServerResponse,
  verdict: Verdict,
  times: number
) => {
  if (verdict._tag === "Silent") {
    fallSilent(response)
    setTimeout(() => news(state, key), NEWS_MILLIS).unref()
    return
  }
  if (verdict._tag === "NotProcessed") {
    return json(response, 422, { code: verdict.code, processed: false })
  }
  const wait = verdict.delayMillis + state.delayMillis
  if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
  const answers = Math.max(times, verdict.answers)
  json(response, 200, { ...shown(state, verdict.record), answers })
}

const fallSilent = (response: ServerResponse): void => {
  setTimeout(() => response.destroy(), SILENCE_MILLIS).unref()
}

/** Waits between rumours: some come before the answer, some long after it. */
const RUMOUR_MILLIS = [150, 900, 5_500]

const operateHostile = async (
  state: State,
  hostile: Hostile,
  asked: Asked,
  response: ServerResponse
) => {
  const { key, payment_id } = asked
  const isFirst = !hostile.met.has(key)
  hostile.met.add(key)
  const { hook } = state
  if (isFirst && hook !== undefined) {
    for (const [nth, status] of rumoursOf(hostile.seed, key).entries()) {
      setTimeout(() => void tell(hook, { key, payment_id, status }), RUMOUR_MILLIS[nth]).unref()
    }
  }
  const mood = moodOf(hostile.seed, key, isFirst)
  switch (mood._tag) {
    case "Refused":
      return json(response, 503, { code: "overloaded", processed: false })
    case "Late":
      hostile.late++
      setTimeout(() => {
        judge(state.book, asked)
        hostile.late--
        news(state, key)
      }, mood.afterMillis).unref()
      return fallSilent(response)
    case "Silent":
      judge(state.book, asked)
      return fallSilent(response)
    case "Broken":
      judge(state.book, asked)
      return json(response, 500, { code: "broken" })
    case "Plain": {
      const verdict = judge(state.book, asked)
      await new Promise((resolve) => setTimeout(resolve, mood.delayMillis))
      return await answer(state, asked, response, verdict, mood.answers)
    }
  }
}

/** What happened without an answer to a call is told by webhook. */
const news = (state: State, key: string): void => {
  const record = state.book.find(key)
  if (record !== undefined && state.hook !== undefined) void tell(state.hook, record)
}

/** A hostile gateway does not answer every question. */
const puzzled = ({ hostile }: State, response: ServerResponse): boolean => {
  if (hostile === undefined) return false
  const answer = answerTo(hostile.seed, hostile.questions++)
  if (answer === "silent") fallSilent(response)
  else if (answer === "broken") json(response, 500, { code: "broken" })
  return answer !== "plain"
}

const inquire = (state: State, response: ServerResponse, key: string) => {
  const found = state.book.find(key)
  return found === undefined
    ? json(response, 404, { code: "not_found" })
    : json(response, 200, shown(state, expireAction(state.book, found)))
}

const shown = (state: State, record: OperationRecord) => ({
  charge_id: record.charge_id,
  status: record.status,
  amount: record.amount,
  captured: record.captured === 1,
  code: record.code,
  ...(record.code === SHORT && {
    authorized_until: new Date(record.at_millis + SHORT_MILLIS).toISOString()
  }),
  ...(record.status === "requires_action" && {
    url: `${state.url}/actions/${record.charge_id}`,
    expires_at: new Date(actionExpiresAt(record)).toISOString()
  })
})

const settle = (state: State, response: ServerResponse, date: string, url: URL) => {
  if (!isDay(date)) return json(response, 400, { code: "bad_date", detail: date })
  const from = Date.parse(`${date}T00:00:00Z`)
  const { planted, text } = settlementFile(
    date,
    state.book.settled(from, from + DAY_MILLIS),
    parseBreaks(url.searchParams.get("breaks") ?? "")
  )
  response.writeHead(200, {
    "content-type": "text/csv",
    "planted-breaks": JSON.stringify(planted)
  })
  response.end(text)
}

const actionPage = (state: State, response: ServerResponse, id: string) => {
  const found = state.book.charge(id)
  response.writeHead(found === undefined ? 404 : 200, { "content-type": "text/html" })
  response.end(
    found === undefined
      ? "<p>No such charge.</p>"
      : `<!doctype html><html lang="en"><title>Simulated bank</title>
<h1>Simulated bank</h1>
<p>${found.merchant} asks for ${found.amount} ${found.currency} (minor units). It is ${found.status}.</p>
<form method="post"><button name="decision" value="approve">Approve</button>
<button name="decision" value="reject">Reject</button></form></html>`
  )
}

const act = async (
  state: State,
  request: IncomingMessage,
  response: ServerResponse,
  id: string
) => {
  const text = await readText(request)
  const decision = text.startsWith("{")
    ? (JSON.parse(text) as { decision?: string }).decision
    : new URLSearchParams(text).get("decision")
  const found = state.book.charge(id)
  if (found === undefined) return json(response, 404, { code: "not_found" })
  if (expireAction(state.book, found).status === "requires_action") {
    if (decision === "approve") {
      state.book.decide(id, "approved", found.captured === 1, "")
    } else if (decision === "reject") {
      state.book.decide(id, "declined", false, "authentication_failed")
    } else return json(response, 400, { code: "bad_decision", detail: "approve or reject" })
  }
  const decided = state.book.charge(id)!
  json(response, 200, shown(state, decided))
  news(state, decided.key)
}

/** Faults on demand: an outage, a delay, a lost charge that appears after all. */
const control = async (state: State, request: IncomingMessage, response: ServerResponse) => {
  const body = (await readJson(request)) as {
    outage?: boolean
    delay_millis?: number
    appear?: Asked
    webhooks?: Hook
    hostile?: { seed: number } | null
  }
  if (body.outage !== undefined) state.outage = body.outage
  if (body.delay_millis !== undefined) state.delayMillis = body.delay_millis
  if (body.webhooks !== undefined) state.hook = body.webhooks
  if (body.appear !== undefined) {
    judge(state.book, { ...body.appear, kind: "charge", token: "tok_approved" })
  }
  if (body.hostile === null) delete state.hostile
  else if (body.hostile !== undefined) {
    state.hostile = { seed: body.hostile.seed, met: new Set(), late: 0, questions: 0 }
  }
  json(response, 200, {
    outage: state.outage,
    delay_millis: state.delayMillis,
    late: state.hostile?.late ?? 0
  })
}
