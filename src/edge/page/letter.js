/** A dead letter's content. */

import { fillLetterActs } from "./actions.js"
import { dialogOf, el, list, make, part, put, sync } from "./parts.js"
import { overview, whenChanged } from "./reading.js"
import { clock, named, number, t } from "./telling.js"

const LETTER_TIMEOUT_MILLIS = 15000
const letterBox = dialogOf("letter")
/** @type {any} */
let lettered = null
const pretty = (text) => {
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text
  }
}
const showLetter = () => {
  const { content, item, problem } = lettered
  put(el("letter-id"), item.id)
  put(
    el("letter-about"),
    named("family_", item.family) + ": " + item.type + " · " + item.merchant +
      (item.key ? "/" + item.key : "") + " · " + named("kind_", item.reason)
  )
  put(
    el("letter-state"),
    problem !== null
      ? t("letter_failed", { why: problem || t("no_answer") })
      : content === null
      ? t("letter_reading")
      : t("letter_sent", { time: clock(content.sent_at), n: number(content.attempts) })
  )
  const now = list(overview?.dead_letters).find(({ id }) => id === item.id)
  fillLetterActs(
    el("letter-acts"),
    now ?? { ...item, gone: content !== null && content.status !== "open" }
  )
  const parts = content === null ? [] : [
    ["cause", item.cause],
    ["content", content.body === undefined ? content.body_base64 : pretty(content.body)],
    ["headers", JSON.stringify(content.headers, null, 2)],
    [
      "done_by",
      list(content.actions).map((one) =>
        clock(one.at) + "  " + one.who + "  " + one.action +
        "  " + one.why + (one.outcome ? "  → " + named("did_", one.outcome) : "")
      ).join("\n")
    ]
  ]
  sync(el("letter-parts"), parts, ([name]) => name, () => make("section"), (node, [name, text]) => {
    put(part(node, "name", () => make("h3", "", node)), t(name))
    put(part(node, "text", () => make("pre", "mono", node)), text ?? "")
  })
}
export async function openLetter(item) {
  /** @type {{ item: any, content: any, problem: string | null }} */
  const mine = lettered = { item, content: null, problem: null }
  showLetter()
  letterBox.showModal()
  letterBox.scrollTop = 0
  el("letter-close").focus()
  try {
    const response = await fetch(
      location.origin + "/v1/dead-letters/" + encodeURIComponent(item.id),
      {
        cache: "no-store",
        headers: { Accept: "application/json" },
        signal: AbortSignal.timeout(LETTER_TIMEOUT_MILLIS)
      }
    )
    const answer = await response.json().catch(() => ({}))
    if (response.ok) mine.content = answer
    else mine.problem = answer.detail || String(response.status)
  } catch {
    mine.problem = ""
  }
  if (lettered === mine) showLetter()
}
letterBox.addEventListener("close", () => {
  lettered = null
})
el("letter-close").addEventListener("click", () => letterBox.close())
whenChanged(() => lettered && showLetter())
