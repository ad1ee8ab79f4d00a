/**
 * What an operator may do: replay and discard dead letters, hold and let go keys and families. Each
 * asks why first, because it is kept.
 */

import { announce, button, csrf, dialogOf, el, line, make, mark, part, put } from "./parts.js"
import { changed, outdated, whenChanged } from "./reading.js"
import { named, short, t } from "./telling.js"

const ACT_TIMEOUT_MILLIS = 15000
/** What came of it is told this long; a letter may be asked for again after it, where it still stands there. */
const ACT_SETTLES_MILLIS = 8000

const asking = dialogOf("ask")
const reason = /** @type {HTMLInputElement} */ (el("ask-why"))
/** @type {any} */
let asked = null
const showAsk = () => {
  put(el("ask-name"), t("ask_" + asked.verb, { name: asked.name }))
  put(el("ask-means"), t("means_" + asked.verb))
  put(el("ask-do"), t(asked.verb === "pause" ? "hold" : asked.verb))
}
/** The reason, or null where somebody thought better of it. */
const ask = (verb, name) =>
  new Promise((resolve) => {
    asked = { verb, name, resolve }
    showAsk()
    reason.value = ""
    asking.returnValue = ""
    asking.showModal()
    reason.focus()
  })
asking.addEventListener("close", () => {
  const { resolve } = asked
  asked = null
  resolve(asking.returnValue === "do" ? reason.value.trim() : null)
})
whenChanged(() => asked && showAsk())
el("ask-cancel").addEventListener("click", () => asking.close())

// Doing

/** What was asked of late, by what it is about. */
const acts = new Map()
const isClosed = (subject) => {
  const made = acts.get(subject)
  return made?.state === "sending" ||
    (made?.state === "done" && made.until > Date.now() && /replay|discard/.test(made.verb))
}
const told = (answer) => answer.outcome ? named("did_", answer.outcome) : t("act_taken")
const toneOf = ({ outcome }) =>
  /again|fail|malformed|defect|still/.test(outcome ?? "") ? "warn" : "good"

async function act({ subject, name, verb, path, body, note }) {
  if (isClosed(subject)) return
  const why = await ask(verb, name)
  if (why === null) return
  const tell = (state, tone, say) => {
    acts.set(subject, { verb, state, tone, say, until: Date.now() + ACT_SETTLES_MILLIS })
    const text = name + ": " + say()
    put(el(note + "-note"), text)
    mark(el(note + "-note"), "data-tone", tone)
    if (state !== "sending") announce(text)
    changed()
  }
  tell("sending", null, () => t("sending"))
  try {
    const response = await fetch(location.origin + path, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        Accept: "application/json",
        "X-CSRF-Token": csrf
      },
      body: JSON.stringify({ ...body, why }),
      signal: AbortSignal.timeout(ACT_TIMEOUT_MILLIS)
    })
    const answer = await response.json().catch(() => ({}))
    if (response.ok) tell("done", toneOf(answer), () => told(answer))
    else if (response.status < 500) {
      tell("refused", "bad", () => t("refused", { why: answer.detail || String(response.status) }))
    } else tell("unsure", "bad", () => t("act_unsure"))
  } catch {
    tell("unsure", "bad", () => t("act_unsure"))
  }
  outdated()
}

/** One button for each verb; what it does it does to the item its group was last filled with. */
export const offer = (cell, item, subject, verbs, doing) => {
  const group = part(cell, "actions", () => make("div", "actions", cell))
  group.item = item
  const closed = item.gone === true || isClosed(subject)
  for (const verb of ["replay", "discard", "resume", "pause"]) {
    if (!verbs.includes(verb) && !group.parts?.[verb]) continue
    const node = button(group, verb, verb === "discard" ? "reject" : "", () => {
      if (node.getAttribute("aria-disabled") !== "true") act(doing(group.item, verb))
    })
    node.hidden = !verbs.includes(verb)
    put(node, t(verb === "pause" ? "hold" : verb))
    mark(node, "aria-label", t("ask_" + verb, { name: doing(item, verb).name }).replace(/\?$/, ""))
    mark(node, "aria-disabled", closed ? "true" : null)
  }
  const made = acts.get(subject)
  const said = line(
    cell,
    "outcome",
    "outcome",
    made && (made.state !== "done" || made.until > Date.now()) ? made.say() : ""
  )
  mark(said, "data-tone", made?.tone)
}

const ofLetter = (item, verb) => ({
  subject: item.id,
  name: short(item.id),
  verb,
  note: "dead",
  body: {},
  path: "/v1/dead-letters/" + encodeURIComponent(item.id) + "/" + verb
})
export function fillLetterActs(cell, item) {
  offer(cell, item, item.id, ["replay", "discard"], ofLetter)
}

export const keyName = (item) => item.merchant + "/" + item.key
export const ofKey = (item, verb) => ({
  subject: item.family + " " + keyName(item),
  name: short(keyName(item)),
  verb,
  note: item.note ?? "keys",
  body: { key: keyName(item) },
  path: "/v1/operations/families/" + item.family + "/" + verb
})
export function fillKeyActs(cell, item) {
  offer(
    cell,
    item,
    item.family + " " + keyName(item),
    /paused|quarantined/.test(item.state) ? ["resume"] : ["resume", "pause"],
    ofKey
  )
}

const ofFamily = (item, verb) => ({
  subject: item.family,
  name: named("family_", item.family),
  verb,
  note: "families",
  body: {},
  path: "/v1/operations/families/" + item.family + "/" + verb
})
export const fillFamilyActs = (cell, item) => {
  const { paused } = item
  cell.classList.toggle("paused", paused !== null)
  line(cell, "paused", "bad", paused ? t("paused_by", paused) : "")
  const shares = item.mailbox !== item.family
  line(cell, "shares", "", shares ? t("shares", { name: named("family_", item.mailbox) }) : "")
  offer(cell, item, item.family, shares ? [] : [paused ? "resume" : "pause"], ofFamily)
}
