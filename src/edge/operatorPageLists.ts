/**
 * The lists of the operator page and the decisions made in them, as the browser runs them. A list
 * stands still while someone is in it, so that no other row slides under a press of Approve.
 */
export const operatorPageLists = String.raw`
const DECISION_WAIT_SECONDS = 5
const DECISION_TIMEOUT_MILLIS = 15000
/** A decision that was taken, while its payment still waits, may be made again after this. */
const DECISION_SETTLES_MILLIS = 20000
const CAUSE_CHARACTERS_SHOWN = 110

let paused = false
let overview = null
let receivedAt = 0
/** The server's clock, so that ages do not depend on this machine's. */
const serverNow = () => new Date(overview.at).getTime() + Date.now() - receivedAt
const secondsSince = (iso) => (serverNow() - new Date(iso).getTime()) / 1000

const chip = (cell, text, tone) => mark(line(cell, "chip", "chip", text), "data-tone", tone)
const TONES = {
  captured: "good", authorized: "good", partially_captured: "good", in_review: "warn",
  requires_action: "warn", unknown: "warn", failed: "bad", rejected: "bad"
}
const timeCell = (key) => (cell, item) => line(cell, "time", "", clock(item[key]), item[key])
const column = (label, classes, fill) => ({ label, classes, fill })

const payments = [
  column("time", "tight", timeCell("created_at")),
  column("payment", "mono", (cell, item) => line(cell, "id", "", short(item.id), item.id)),
  column("merchant", "", (cell, item) => line(cell, "name", "", item.merchant)),
  column("status", "", (cell, item) =>
    chip(cell, named("status_", item.status), TONES[item.status])),
  column("amount", "num", (cell, item) => line(cell, "sum", "", money(item.amount, item.currency)))
]

const reviews = [
  column("payment", "", (cell, item) => {
    const open = button(cell, "open", "link mono", (node) => openTrace(node.closest("tr").item))
    put(open, short(item.payment_id))
    mark(open, "title", item.payment_id)
    line(cell, "merchant", "sub", item.merchant)
  }),
  column("amount", "num", (cell, item) => line(cell, "sum", "", money(item.amount, item.currency))),
  column("score", "wide", (cell, item) => {
    line(cell, "score", "", number(item.score))
    const reasons = part(cell, "reasons", () => make("ul", "", cell))
    sync(reasons, list(item.reasons), (reason) => reason.code, () => make("li", "muted"),
      (node, reason) => {
        put(node, reason.detail || named("", reason.code))
        mark(node, "title", reason.code)
      })
  }),
  column("waits", "tight", (cell, item) =>
    line(cell, "age", "", span(secondsSince(item.opened_at)), item.opened_at)),
  column("decision", "wide", fillDecision)
]

const dead = [
  column("time", "tight", timeCell("created_at")),
  column("letter", "", (cell, item) => {
    line(cell, "type", "", named("family_", item.family) + ": " + item.type)
    line(cell, "from", "sub", item.merchant + (item.key ? "/" + short(item.key) : ""), item.key)
    const open = button(cell, "open", "link mono", (node) => openLetter(node.closest("tr").item))
    put(open, short(item.id))
    mark(open, "aria-label", t("show") + " " + item.id)
  }),
  column("cause", "wide", (cell, item) => {
    chip(cell, named("kind_", item.reason), "bad")
    line(cell, "holds", "muted", item.holds_its_key ? " " + t("holds_key") : "")
    const text = String(item.cause ?? "").replace(/\s+/g, " ")
    if (text.length <= CAUSE_CHARACTERS_SHOWN) {
      line(cell, "cause", "sub", text)
      return
    }
    const long = part(cell, "long", () => make("details", "long", cell))
    put(part(long, "short", () => make("summary", "", long)),
      text.slice(0, CAUSE_CHARACTERS_SHOWN) + "…")
    put(part(long, "full", () => make("p", "mono", long)), text)
  }),
  column("act", "wide acts", fillLetterActs)
]

const STATE_TONES = { paused: "bad", quarantined: "bad", retrying: "warn" }
const keys = [
  column("state", "", (cell, item) => {
    chip(cell, named("state_", item.state), STATE_TONES[item.state])
    line(cell, "next", "sub", item.wakes_at ? t("next_try", { time: clock(item.wakes_at) }) : "")
  }),
  column("key", "wide", (cell, item) => {
    line(cell, "key", "mono", short(item.key), item.key)
    line(cell, "from", "sub", named("family_", item.family) + " · " + item.merchant)
  }),
  column("since", "", (cell, item) => {
    line(cell, "since", "", clock(item.since), item.since)
    line(cell, "letters", "sub", plural("letters", item.letters))
  }),
  column("reason", "wide", (cell, item) => line(cell, "why", "", item.reason)),
  column("act", "wide acts", fillKeyActs)
]

const breaks = [
  column("date", "tight", (cell, item) => line(cell, "date", "", item.date)),
  column("kind", "", (cell, item) => chip(cell, named("kind_", item.kind), "warn")),
  column("source", "", (cell, item) => {
    line(cell, "source", "", item.source)
    line(cell, "merchant", "sub", item.merchant ?? "")
  }),
  column("charge", "mono", (cell, item) =>
    line(cell, "charge", "", short(item.charge_id), item.charge_id)),
  column("reason", "wide", (cell, item) => line(cell, "why", "", item.reason ?? ""))
]

/** Only an exact zero is balanced. */
const balances = (item) => /^-?0+$/.test(String(item.difference))
const balance = [
  column("currency", "", (cell, item) => line(cell, "code", "", item.currency)),
  column("debits", "num", (cell, item) => line(cell, "sum", "", decimal(item.debits, item.currency))),
  column("credits", "num", (cell, item) =>
    line(cell, "sum", "", decimal(item.credits, item.currency))),
  column("difference", "num", (cell, item) => {
    const good = balances(item)
    chip(cell, decimal(item.difference, item.currency) + " · " +
      t(good ? "balanced" : "unbalanced"), good ? "good" : "bad")
  })
]

/** Roles stand there because narrow tables are laid out as blocks, which takes them away. */
for (const panel of document.querySelectorAll(".listed")) {
  const scroll = make("div", "scroll", panel)
  scroll.id = panel.id + "-scroll"
  scroll.hidden = true
  const table = make("table", "", scroll)
  const head = make("thead", "", table)
  const row = make("tr", "", head)
  const rows = make("tbody", "", table)
  for (const [node, role] of [[table, "table"], [head, "rowgroup"], [row, "row"], [rows, "rowgroup"]]) {
    mark(node, "role", role)
  }
  mark(table, "aria-labelledby", panel.id + "-name")
  make("p", "nothing", panel).dataset.t = panel.id + "_none"
}

const showTable = (id, columns, items, keyOf, dress) => {
  const table = el(id).querySelector("table")
  el(id + "-scroll").hidden = items.length === 0
  el(id).querySelector(".nothing").hidden = items.length > 0
  sync(table.tHead.rows[0], columns, ({ label }) => label, ({ classes }) => {
    const head = make("th", classes.includes("num") ? "num" : "")
    head.scope = "col"
    head.setAttribute("role", "columnheader")
    return head
  }, (head, { label }) => put(head, t(label)))
  const fill = (row, item) => {
    columns.forEach(({ label, classes, fill }, index) => {
      const cell = part(row, index, () => {
        const made = make("td", classes, row)
        made.setAttribute("role", "cell")
        return made
      })
      mark(cell, "data-label", t(label))
      fill(cell, item)
    })
    dress?.(row, item)
  }
  sync(table.tBodies[0], items, keyOf, () => {
    const row = make("tr")
    row.setAttribute("role", "row")
    return row
  }, fill)
  return table.tBodies[0]
}

const hovers = matchMedia("(hover: hover)")
/** Someone reads or is about to press: rows must not move under the pointer or the focus. */
const inUse = (id) => {
  const rows = el(id).querySelector("tbody")
  return rows.contains(document.activeElement) ||
    document.querySelector("dialog[open]") !== null ||
    (hovers.matches && rows.matches(":hover"))
}

const shown = { payments: [], reviews: [], dead: [], keys: [] }
/** The list to show: what came, or while held what was there, with what is known of it now. */
const hold = (id, items, keyOf, held) => {
  const now = new Map(items.map((item) => [keyOf(item), item]))
  let newer = 0
  if (held && shown[id].length > 0) {
    const kept = shown[id].map((item) => now.get(keyOf(item)) ?? { ...item, gone: true })
    const keys = new Set(kept.map(keyOf))
    newer = items.filter((item) => !keys.has(keyOf(item))).length
    shown[id] = kept
  } else shown[id] = items
  return newer
}
const heldNote = (id, word, newer) => put(el(id + "-note"),
  word === "" ? "" : t(word) + (newer ? " · " + t("newer", { n: number(newer) }) : ""))

const showPayments = () => {
  const held = inUse("payments")
  const idOf = (item) => item.id
  const newer = hold("payments", list(overview.payments), idOf, held || paused)
  heldNote("payments", paused ? "paused" : held && newer ? "held" : "", newer)
  const rows = showTable("payments", payments, shown.payments, idOf)
  const current = rows.contains(document.activeElement) ? document.activeElement.closest("tr") :
    rows.querySelector("tr[tabindex='0']") ?? rows.rows[0]
  for (const row of rows.rows) mark(row, "tabindex", row === current ? 0 : -1)
}
const showReviews = () => {
  const held = inUse("reviews")
  const idOf = (item) => item.payment_id
  const newer = hold("reviews", list(overview.reviews), idOf, held)
  heldNote("reviews", held && newer ? "held" : "", newer)
  showTable("reviews", reviews, shown.reviews, idOf, (row, item) =>
    row.classList.toggle("gone", item.gone === true))
  const ids = new Set(shown.reviews.map(idOf))
  for (const id of decisions.keys()) if (!ids.has(id)) decisions.delete(id)
}

/** A list with buttons stands still while somebody is in it; what left meanwhile is grey. */
const showHeld = (id, columns, items, keyOf) => {
  hold(id, items, keyOf, inUse(id))
  showTable(id, columns, shown[id], keyOf, (row, item) =>
    row.classList.toggle("gone", item.gone === true))
}

// Decisions on reviews

/** By payment. An unanswered decision keeps its idempotency key: pressing again is the same request. */
const decisions = new Map()
const randomKey = () => {
  if (crypto.randomUUID) return crypto.randomUUID()
  // Browsers hide randomUUID from pages of plain HTTP; the random bytes are there.
  const hex = [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte) => byte.toString(16).padStart(2, "0")).join("")
  return hex.slice(0, 8) + "-" + hex.slice(8, 12) + "-4" + hex.slice(13, 16) + "-a" +
    hex.slice(17, 20) + "-" + hex.slice(20)
}

function fillDecision(cell, item) {
  const made = decisions.get(item.payment_id)
  if (made?.until < Date.now() && !item.gone) decisions.delete(item.payment_id)
  const actions = part(cell, "actions", () => make("div", "actions", cell))
  const closed = item.gone === true || made?.state === "sending" || made?.state === "done"
  for (const decision of ["approve", "reject"]) {
    const node = button(actions, decision, decision, () => decide(cell, decision))
    put(node, t(decision))
    mark(node, "aria-label", t(decision) + " " + item.payment_id + ", " +
      money(item.amount, item.currency))
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
    const response = await fetch(location.origin + "/v1/fraud/reviews/" + encodeURIComponent(id) + "?merchant=" +
      encodeURIComponent(item.merchant), {
      method: "POST",
      headers: {
        "Content-Type": "application/json", "Idempotency-Key": key, Accept: "application/json",
        Prefer: "wait=" + DECISION_WAIT_SECONDS
      },
      body: JSON.stringify({ decision }),
      signal: AbortSignal.timeout(DECISION_TIMEOUT_MILLIS)
    })
    const answer = await response.json().catch(() => ({}))
    if (response.ok) {
      const outcome = response.status !== 202
      const status = outcome && typeof answer.status === "string" ? answer.status : ""
      tell("done", "good", () => t((outcome ? "sent_" : "taken_") + decision) +
        (status ? " · " + named("status_", status) : ""), Date.now() + DECISION_SETTLES_MILLIS)
      return
    }
    // A 5xx may have been taken all the same: the key must stay.
    if (response.status < 500) problem = answer.detail || String(response.status)
  } catch { /* No answer: unsure, as after a 5xx. */ }
  if (problem === null) tell("unsure", "bad", () => t("unsure"))
  else tell("refused", "bad", () => t("refused", { why: problem }))
}
`
