import { type Answer, type Call, jsonOf, SILENT } from "../desk.ts"
import { follow } from "./complaints.ts"
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
import type { OperationKind, OperationRecord } from "./operation.ts"
import { type Hostile, notFound, type State } from "./state.ts"
import { tell } from "./webhooks.ts"

/** News of an answer that never came is told when the caller has given up waiting for it. */
const NEWS_MILLIS = 4_300

const wait = (millis: number) => new Promise((resolve) => setTimeout(resolve, millis))

/** Somebody asks for an operation under a key. */
export const operate = async (
  state: State,
  call: Call,
  kind: OperationKind,
  more: Partial<Asked> = {}
): Promise<Answer> => {
  const body = await jsonOf(call)
  if (state.outage) return call.json({ code: "outage", processed: false }, 503)
  const key = call.req.header("idempotency-key") ?? ""
  if (key === "") return call.json({ code: "idempotency_key_missing", processed: false }, 400)
  const asked: Asked = { ...(body as Omit<Asked, "key" | "kind">), key, kind, ...more }
  const answer = state.hostile === undefined
    ? await answerOf(state, call, asked, judge(state.book, asked), 1)
    : await hostileAnswer(state, state.hostile, call, asked)
  follow(state, asked)
  return answer
}

const answerOf = async (
  state: State,
  call: Call,
  { key }: Asked,
  verdict: Verdict,
  times: number
): Promise<Answer> => {
  if (verdict._tag === "Silent") {
    setTimeout(() => news(state, key), NEWS_MILLIS).unref()
    return SILENT
  }
  if (verdict._tag === "NotProcessed") {
    return call.json({ code: verdict.code, processed: false }, 422)
  }
  const millis = verdict.delayMillis + state.delayMillis
  if (millis > 0) await wait(millis)
  const answers = Math.max(times, verdict.answers)
  return call.json({ ...shown(state, verdict.record), answers })
}

/** Waits between rumours: some come before the answer, some long after it. */
const RUMOUR_MILLIS = [150, 900, 5_500]

const hostileAnswer = async (
  state: State,
  hostile: Hostile,
  call: Call,
  asked: Asked
): Promise<Answer> => {
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
      return call.json({ code: "overloaded", processed: false }, 503)
    case "Late":
      hostile.late++
      setTimeout(() => {
        judge(state.book, asked)
        hostile.late--
        news(state, key)
      }, mood.afterMillis).unref()
      return SILENT
    case "Silent":
      judge(state.book, asked)
      return SILENT
    case "Broken":
      judge(state.book, asked)
      return call.json({ code: "broken" }, 500)
    case "Plain": {
      const verdict = judge(state.book, asked)
      await wait(mood.delayMillis)
      return await answerOf(state, call, asked, verdict, mood.answers)
    }
  }
}

/** What happened without an answer to a call is told by webhook. */
export const news = (state: State, key: string): void => {
  const record = state.book.find(key)
  if (record !== undefined && state.hook !== undefined) void tell(state.hook, record)
}

/** What a hostile gateway says to a question that it does not answer. */
export const puzzled = ({ hostile }: State, call: Call): Answer | undefined => {
  if (hostile === undefined) return undefined
  const answer = answerTo(hostile.seed, hostile.questions++)
  return answer === "silent"
    ? SILENT
    : answer === "broken"
    ? call.json({ code: "broken" }, 500)
    : undefined
}

/** What became of an operation, by its key. */
export const inquire = (state: State, call: Call): Answer => {
  const unsaid = puzzled(state, call)
  if (unsaid !== undefined) return unsaid
  const found = state.book.find(call.req.query("key") ?? "")
  return found === undefined
    ? notFound(call)
    : call.json(shown(state, expireAction(state.book, found)))
}

/** An operation as callers see it. */
export const shown = (state: State, record: OperationRecord) => ({
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
