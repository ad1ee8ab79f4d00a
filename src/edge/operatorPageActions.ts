/**
 * What an operator may do, as the browser runs it after `operatorPageLists`: replay and discard dead
 * letters, hold and let go keys and families. Each asks why first, because it is kept.
 */
export const operatorPageActions = String.raw`
const ACT_TIMEOUT_MILLIS = 15000
/** What came of it is told this long; a letter may be asked for again after it, where it still stands there. */
const ACT_SETTLES_MILLIS = 8000

// Why

const asking = el("ask")
let asked = null
const showAsk = () => {
  put(el("ask-name"), t("ask_" + asked.verb, { name: asked.name }))
  put(el("ask-means"), t("means_" + asked.verb))
  put(el("ask-do"), t(asked.verb === "pause" ? "hold" : asked.verb))
}
/** The reason, or null where somebody thought better of it. */
const ask = (verb, name) => new Promise((resolve) => {
  asked = { verb, name, resolve }
  showAsk()
  el("ask-why").value = ""
  asking.returnValue = ""
  asking.showModal()
  el("ask-why").focus()
})
asking.addEventListener("close", () => {
  const { resolve } = asked
  asked = null
  resolve(asking.returnValue === "do" ? el("ask-why").value.trim() : null)
})
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
const toneOf = ({ outcome }) => /again|fail|malformed|defect|still/.test(outcome ?? "") ? "warn" : "good"

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
    show()
    if (lettered) showLetter()
    if (traced) showTraceActs()
  }
  tell("sending", null, () => t("sending"))
  try {
    const response = await fetch(location.origin + path, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify({ ...body, why }),
      signal: AbortSignal.timeout(ACT_TIMEOUT_MILLIS)
    })
    const answer = await response.json().catch(() => ({}))
    if (response.ok) tell("done", toneOf(answer), () => told(answer))
    else if (response.status < 500) {
      tell("refused", "bad", () => t("refused", { why: answer.detail || String(response.status) }))
    } else tell("unsure", "bad", () => t("act_unsure"))
  } catch { tell("unsure", "bad", () => t("act_unsure")) }
  poll()
}

/** One button for each verb; what it does it does to the item its group was last filled with. */
const offer = (cell, item, subject, verbs, doing) => {
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
  const said = line(cell, "outcome", "outcome", made && (made.state !== "done" || made.until > Date.now()) ? made.say() : "")
  mark(said, "data-tone", made?.tone)
}

const ofLetter = (item, verb) => ({
  subject: item.id, name: short(item.id), verb, note: "dead", body: {},
  path: "/v1/dead-letters/" + encodeURIComponent(item.id) + "/" + verb
})
function fillLetterActs(cell, item) {
  offer(cell, item, item.id, ["replay", "discard"], ofLetter)
}

const keyName = (item) => item.merchant + "/" + item.key
const ofKey = (item, verb) => ({
  subject: item.family + " " + keyName(item), name: short(keyName(item)), verb, note: item.note ?? "keys",
  body: { key: keyName(item) },
  path: "/v1/operations/families/" + item.family + "/" + verb
})
function fillKeyActs(cell, item) {
  offer(cell, item, item.family + " " + keyName(item),
    /paused|quarantined/.test(item.state) ? ["resume"] : ["resume", "pause"], ofKey)
}

const ofFamily = (item, verb) => ({
  subject: item.family, name: named("family_", item.family), verb, note: "families", body: {},
  path: "/v1/operations/families/" + item.family + "/" + verb
})
const fillFamilyActs = (cell, item) => {
  const { paused } = item
  cell.classList.toggle("paused", paused !== null)
  line(cell, "paused", "bad", paused ? t("paused_by", paused) : "")
  offer(cell, item, item.family, [paused ? "resume" : "pause"], ofFamily)
}

/** A payment is held and let go where one looks at it. */
const showTraceActs = () => {
  const item = { family: "payments", merchant: traced.merchant, key: traced.id, note: "trace" }
  const known = list(overview?.keys).find((one) => one.family === "payments" && one.key === traced.id)
  const held = known?.state === "paused" || known?.state === "quarantined"
  offer(el("trace-acts"), item, item.family + " " + keyName(item), [held ? "resume" : "pause"], ofKey)
}

// A dead letter's content

const letterBox = el("letter")
let lettered = null
const pretty = (text) => {
  try { return JSON.stringify(JSON.parse(text), null, 2) } catch { return text }
}
const showLetter = () => {
  const { content, item, problem } = lettered
  put(el("letter-id"), item.id)
  put(el("letter-about"), named("family_", item.family) + ": " + item.type + " · " + item.merchant +
    (item.key ? "/" + item.key : "") + " · " + named("kind_", item.reason))
  put(el("letter-state"), problem !== null ? t("letter_failed", { why: problem || t("no_answer") })
    : content === null ? t("letter_reading")
    : t("letter_sent", { time: clock(content.sent_at), n: number(content.attempts) }))
  const now = list(overview?.dead_letters).find(({ id }) => id === item.id)
  fillLetterActs(el("letter-acts"), now ?? { ...item, gone: content !== null && content.status !== "open" })
  const parts = content === null ? [] : [
    ["cause", item.cause],
    ["content", content.body === undefined ? content.body_base64 : pretty(content.body)],
    ["headers", JSON.stringify(content.headers, null, 2)],
    ["done_by", list(content.actions).map((one) => clock(one.at) + "  " + one.who + "  " + one.action +
      "  " + one.why + (one.outcome ? "  → " + named("did_", one.outcome) : "")).join("\n")]
  ]
  sync(el("letter-parts"), parts, ([name]) => name, () => make("section"), (node, [name, text]) => {
    put(part(node, "name", () => make("h3", "", node)), t(name))
    put(part(node, "text", () => make("pre", "mono", node)), text ?? "")
  })
}
async function openLetter(item) {
  const mine = lettered = { item, content: null, problem: null }
  showLetter()
  letterBox.showModal()
  letterBox.scrollTop = 0
  el("letter-close").focus()
  try {
    const response = await fetch(location.origin + "/v1/dead-letters/" + encodeURIComponent(item.id), {
      cache: "no-store", headers: { Accept: "application/json" },
      signal: AbortSignal.timeout(ACT_TIMEOUT_MILLIS)
    })
    const answer = await response.json().catch(() => ({}))
    if (response.ok) mine.content = answer
    else mine.problem = answer.detail || String(response.status)
  } catch { mine.problem = "" }
  if (lettered === mine) showLetter()
}
letterBox.addEventListener("close", () => { lettered = null })
el("letter-close").addEventListener("click", () => letterBox.close())
`
