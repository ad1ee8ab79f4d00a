import { Hono } from "hono"
import { isDay } from "../../domain/day.ts"
import { answering, type Call, type Desk, jsonOf, textOf } from "../desk.ts"
import { listen, type Place } from "../listen.ts"
import { Book } from "./book.ts"
import { complain, decideDispute, showDispute } from "./complaints.ts"
import { dashboard } from "./dashboard.ts"
import { type Asked, expireAction, judge } from "./decisions.ts"
import { inquire, news, operate, puzzled, shown } from "./operate.ts"
import type { OperationKind } from "./operation.ts"
import { parseBreaks, settlementFile } from "./settlement.ts"
import { notFound, type State } from "./state.ts"
import type { Hook } from "./webhooks.ts"

const DAY_MILLIS = 86_400_000

export interface Simulator {
  readonly url: string
  readonly book: Book
  readonly stop: () => Promise<void>
}

/**
 * The default gateway: a real HTTP server, so that time-outs are real. It decides by token, honours
 * idempotency keys, answers inquiries and writes a settlement file per day.
 */
export const startSimulator = async (
  { beside = {}, file, ...place }: Place & {
    readonly file: string
    /** Others that answer here, by the first part of the path. */
    readonly beside?: Readonly<Record<string, Desk>>
  }
): Promise<Simulator> => {
  const book = new Book(file)
  const state: State = { book, outage: false, delayMillis: 0, url: "" }
  const desk = cardDesk(state)
  for (const [name, other] of Object.entries(beside)) desk.route(`/${name}`, other)
  const { close, url } = await listen(desk, place)
  state.url = url
  return {
    url,
    book,
    stop: async () => {
      await close()
      book.close()
    }
  }
}

/** What is asked of a charge, by the last part of the path. */
const kinds: Readonly<Record<string, OperationKind>> = {
  captures: "capture",
  increments: "increment",
  voids: "void",
  refunds: "refund"
}

const cardDesk = (state: State): Desk => {
  const desk: Desk = new Hono()
  const { book } = state
  desk.get("/healthz", (call) => call.json({ status: "alive" }))
  desk.post("/charges", answering((call) => operate(state, call, "charge")))
  desk.post("/charges/:id/disputes", (call) => complain(state, call, call.req.param("id")))
  desk.post(
    "/charges/:id/:action",
    answering((call) => {
      const { action = "", id = "" } = call.req.param()
      return operate(state, call, kinds[action] ?? "charge", { charge_id: id })
    })
  )
  desk.get("/disputes", (call) => showDispute(state, call, ""))
  desk.get(
    "/disputes/:id",
    answering((call) => puzzled(state, call) ?? showDispute(state, call, call.req.param("id")!))
  )
  desk.post("/disputes/:id", (call) => decideDispute(state, call, call.req.param("id")))
  desk.post(
    "/disputes/:id/:action",
    answering((call) => operate(state, call, "evidence", { dispute_id: call.req.param("id")! }))
  )
  desk.post("/payouts", answering((call) => operate(state, call, "payout")))
  desk.get("/operations", answering((call) => inquire(state, call)))
  desk.get("/settlement-files/:date", (call) => settle(state, call, call.req.param("date")))
  desk.get("/actions/:id", (call) => actionPage(state, call, call.req.param("id")))
  desk.post("/actions/:id", (call) => act(state, call, call.req.param("id")))
  desk.get("/owed", (call) => call.json(book.owed()))
  desk.get("/book", (call) => call.json(book.summary()))
  desk.get("/book/:id", (call) => call.json(book.ofPayment(call.req.param("id"))))
  desk.post("/dashboard/:what", (call) => dashboard(state, call, call.req.param("what")))
  desk.post("/control", (call) => control(state, call))
  desk.notFound((call) => call.json({ code: "not_found", detail: call.req.path }, 404))
  desk.onError((error, call) => call.json({ code: "bad_request", detail: error.message }, 400))
  return desk
}

const settle = (state: State, call: Call, date: string): Response => {
  if (!isDay(date)) return call.json({ code: "bad_date", detail: date }, 400)
  const from = Date.parse(`${date}T00:00:00Z`)
  const { planted, text } = settlementFile(
    date,
    state.book.settled(from, from + DAY_MILLIS),
    parseBreaks(call.req.query("breaks") ?? "")
  )
  return call.body(text, 200, {
    "content-type": "text/csv",
    "planted-breaks": JSON.stringify(planted)
  })
}

const actionPage = (state: State, call: Call, id: string): Response => {
  const found = state.book.charge(id)
  return call.body(
    found === undefined
      ? "<p>No such charge.</p>"
      : `<!doctype html><html lang="en"><title>Simulated bank</title>
<h1>Simulated bank</h1>
<p>${found.merchant} asks for ${found.amount} ${found.currency} (minor units). It is ${found.status}.</p>
<form method="post"><button name="decision" value="approve">Approve</button>
<button name="decision" value="reject">Reject</button></form></html>`,
    found === undefined ? 404 : 200,
    { "content-type": "text/html" }
  )
}

const act = async (state: State, call: Call, id: string): Promise<Response> => {
  const text = await textOf(call)
  const decision = text.startsWith("{")
    ? (JSON.parse(text) as { decision?: string }).decision
    : new URLSearchParams(text).get("decision")
  const found = state.book.charge(id)
  if (found === undefined) return notFound(call)
  if (expireAction(state.book, found).status === "requires_action") {
    if (decision === "approve") {
      state.book.decide(id, "approved", found.captured === 1, "")
    } else if (decision === "reject") {
      state.book.decide(id, "declined", false, "authentication_failed")
    } else return call.json({ code: "bad_decision", detail: "approve or reject" }, 400)
  }
  const decided = state.book.charge(id)!
  news(state, decided.key)
  return call.json(shown(state, decided))
}

/** Faults on demand: an outage, a delay, a lost charge that appears after all. */
const control = async (state: State, call: Call): Promise<Response> => {
  const body = (await jsonOf(call)) as {
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
  return call.json({
    outage: state.outage,
    delay_millis: state.delayMillis,
    late: state.hostile?.late ?? 0
  })
}
