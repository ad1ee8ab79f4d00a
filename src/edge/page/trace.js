/** The trace of one payment, beside the page. */

import { keyName, offer, ofKey } from "./actions.js"
import { chip, dialogOf, el, line, list, make, part, put, sync } from "./parts.js"
import { overview, whenChanged } from "./reading.js"
import { clock, millis, money, named, span, t } from "./telling.js"

const TRACE_MILLIS = 2000
const TRACE_TIMEOUT_MILLIS = 5000

/** A payment is held and let go where one looks at it. */
const showTraceActs = () => {
  const item = { family: "payments", merchant: traced.merchant, key: traced.id, note: "trace" }
  const known = list(overview?.keys).find((one) =>
    one.family === "payments" && one.key === traced.id
  )
  const held = known?.state === "paused" || known?.state === "quarantined"
  offer(
    el("trace-acts"),
    item,
    item.family + " " + keyName(item),
    [held ? "resume" : "pause"],
    ofKey
  )
}

const dialog = dialogOf("trace")
/** @type {any} */
let traced = null
let traceTimer = 0

const showTrace = () => {
  const known = list(overview?.payments).find(({ id }) => id === traced.id)
  const status = known?.status ?? traced.status
  put(el("trace-id"), traced.id)
  put(
    el("trace-about"),
    [money(traced.amount, traced.currency), traced.merchant]
      .concat(status ? named("status_", status) : []).join(" · ")
  )
  showTraceActs()
  const steps = traced.steps
  put(
    el("trace-state"),
    traced.problem !== null
      ? t("trace_failed", { why: traced.problem || t("no_answer") })
      : steps === null
      ? t("trace_reading")
      : steps.length === 0
      ? t("trace_none")
      : ""
  )
  const first = new Date(steps?.[0]?.at).getTime()
  sync(el("steps"), steps ?? [], (_, index) => index, () => make("li"), (node, step) => {
    const when = part(node, "when", () => make("p", "when", node))
    const after = new Date(step.at).getTime() - first
    chip(when, named("kind_", step.kind))
    line(
      when,
      "at",
      "",
      " " + clock(step.at, true) +
        (after > 0 ? " · +" + (after < 10000 ? millis(after) : span(after / 1000)) : ""),
      step.at
    )
    put(part(node, "title", () => make("p", "title", node)), step.title ?? "")
    const { detail } = step
    put(
      part(node, "detail", () => make("p", "detail", node)),
      typeof detail === "object" && detail ? JSON.stringify(detail, null, 2) : detail ?? ""
    )
  })
}
const readTrace = async (about) => {
  try {
    const response = await fetch(
      location.origin + "/v1/payments/" + encodeURIComponent(about.id) +
        "/trace?merchant=" + encodeURIComponent(about.merchant),
      {
        cache: "no-store",
        headers: { Accept: "application/json" },
        signal: AbortSignal.timeout(TRACE_TIMEOUT_MILLIS)
      }
    )
    const answer = await response.json().catch(() => ({}))
    if (response.ok) {
      about.steps = list(answer.data)
      about.problem = null
    } else about.problem = answer.detail || String(response.status)
  } catch {
    about.problem = ""
  }
  // Another trace may be open by now.
  if (traced !== about) return
  showTrace()
  traceTimer = setTimeout(readTrace, TRACE_MILLIS, about)
}
export function openTrace(item) {
  clearTimeout(traceTimer)
  traced = {
    id: item.payment_id ?? item.id,
    merchant: item.merchant,
    amount: item.amount,
    currency: item.currency,
    status: item.status,
    steps: null,
    problem: null
  }
  showTrace()
  dialog.showModal()
  dialog.scrollTop = 0
  el("trace-close").focus()
  readTrace(traced)
}
dialog.addEventListener("close", () => {
  clearTimeout(traceTimer)
  traced = null
})
dialog.addEventListener("click", (event) => {
  if (event.target === dialog && event.clientX < dialog.getBoundingClientRect().left) dialog.close()
})
el("trace-close").addEventListener("click", () => dialog.close())
whenChanged(() => traced && showTrace())
