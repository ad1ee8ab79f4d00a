/** Decisions on payments that wait for a person. */

import { announce, button, csrf, line, make, mark, part, put } from "./parts.js"
import { money, named, short, t } from "./telling.js"

const DECISION_WAIT_SECONDS = 5
const DECISION_TIMEOUT_MILLIS = 15000
/** A decision that was taken, while its payment still waits, may be made again after this. */
const DECISION_SETTLES_MILLIS = 20000

/** By payment. An unanswered decision keeps its idempotency key: pressing again is the same request. */
const decisions = new Map()
/** Of payments no longer listed nothing need be known. */
export const forgetDecisions = (listed) => {
  for (const id of decisions.keys()) if (!listed.has(id)) decisions.delete(id)
}
const randomKey = () => {
  if (crypto.randomUUID) return crypto.randomUUID()
  // Browsers hide randomUUID from pages of plain HTTP; the random bytes are there.
  const hex = [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte) => byte.toString(16).padStart(2, "0")).join("")
  return hex.slice(0, 8) + "-" + hex.slice(8, 12) + "-4" + hex.slice(13, 16) + "-a" +
    hex.slice(17, 20) + "-" + hex.slice(20)
}

export function fillDecision(cell, item) {
  const made = decisions.get(item.payment_id)
  if (made?.until < Date.now() && !item.gone) decisions.delete(item.payment_id)
  const actions = part(cell, "actions", () => make("div", "actions", cell))
  const closed = item.gone === true || made?.state === "sending" || made?.state === "done"
  for (const decision of ["approve", "reject"]) {
    const node = button(actions, decision, decision, () => decide(cell, decision))
    put(node, t(decision))
    mark(
      node,
      "aria-label",
      t(decision) + " " + item.payment_id + ", " +
        money(item.amount, item.currency)
    )
    mark(node, "aria-disabled", closed ? "true" : null)
  }
  const said = line(cell, "outcome", "outcome", made ? made.say() : item.gone ? t("left") : "")
  mark(said, "data-tone", made?.tone)
}

async function decide(cell, decision) {
  const item = cell.closest("tr").item
  const id = item.payment_id
  const before = decisions.get(id)
  if (item.gone || before?.state === "sending" || before?.state === "done") return
  const key = before?.state === "unsure" && before.decision === decision ? before.key : randomKey()
  const tell = (state, tone, say, until) => {
    decisions.set(id, { state, tone, say, until, decision, key })
    fillDecision(cell, cell.closest("tr")?.item ?? item)
    if (state !== "sending") announce(short(id) + ": " + say())
  }
  tell("sending", "", () => t("sending"))
  let problem = null
  try {
    const response = await fetch(
      location.origin + "/v1/fraud/reviews/" + encodeURIComponent(id) + "?merchant=" +
        encodeURIComponent(item.merchant),
      {
        method: "POST",
        headers: {
          "Content-Type": "application/json",
          "Idempotency-Key": key,
          "X-CSRF-Token": csrf,
          Accept: "application/json",
          Prefer: "wait=" + DECISION_WAIT_SECONDS
        },
        body: JSON.stringify({ decision }),
        signal: AbortSignal.timeout(DECISION_TIMEOUT_MILLIS)
      }
    )
    const answer = await response.json().catch(() => ({}))
    if (response.ok) {
      const outcome = response.status !== 202
      const status = outcome && typeof answer.status === "string" ? answer.status : ""
      tell("done", "good", () =>
        t((outcome ? "sent_" : "taken_") + decision) +
        (status ? " · " + named("status_", status) : ""), Date.now() + DECISION_SETTLES_MILLIS)
      return
    }
    // A 5xx may have been taken all the same: the key must stay.
    if (response.status < 500) problem = answer.detail || String(response.status)
  } catch { /* No answer: unsure, as after a 5xx. */ }
  if (problem === null) tell("unsure", "bad", () => t("unsure"))
  else tell("refused", "bad", () => t("refused", { why: problem }))
}
