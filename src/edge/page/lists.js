/** What the lists show, column by column. */

import { fillKeyActs, fillLetterActs } from "./actions.js"
import { fillDecision, forgetDecisions } from "./decisions.js"
import { openLetter } from "./letter.js"
import { button, chip, el, line, list, make, mark, part, put, sync } from "./parts.js"
import { overview, secondsSince } from "./reading.js"
import { heldNote, hold, inUse, shown, showTable, tableOf } from "./tables.js"
import { clock, decimal, money, named, number, plural, short, span, t } from "./telling.js"
import { openTrace } from "./trace.js"

const CAUSE_CHARACTERS_SHOWN = 110

let paused = false

const TONES = {
  captured: "good",
  authorized: "good",
  partially_captured: "good",
  in_review: "warn",
  requires_action: "warn",
  unknown: "warn",
  failed: "bad",
  rejected: "bad"
}
const timeCell = (key) => (cell, item) => line(cell, "time", "", clock(item[key]), item[key])
const column = (label, classes, fill) => ({ label, classes, fill })

const payments = [
  column("time", "tight", timeCell("created_at")),
  column("payment", "mono", (cell, item) => line(cell, "id", "", short(item.id), item.id)),
  column("merchant", "", (cell, item) => line(cell, "name", "", item.merchant)),
  column(
    "status",
    "",
    (cell, item) => chip(cell, named("status_", item.status), TONES[item.status])
  ),
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
    sync(
      reasons,
      list(item.reasons),
      (reason) => reason.code,
      () => make("li", "muted"),
      (node, reason) => {
        put(node, reason.detail || named("", reason.code))
        mark(node, "title", reason.code)
      }
    )
  }),
  column(
    "waits",
    "tight",
    (cell, item) => line(cell, "age", "", span(secondsSince(item.opened_at)), item.opened_at)
  ),
  column("decision", "wide", fillDecision)
]

export const dead = [
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
    put(
      part(long, "short", () => make("summary", "", long)),
      text.slice(0, CAUSE_CHARACTERS_SHOWN) + "…"
    )
    put(part(long, "full", () => make("p", "mono", long)), text)
  }),
  column("act", "wide acts", fillLetterActs)
]

const STATE_TONES = { paused: "bad", quarantined: "bad", retrying: "warn" }
export const keys = [
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

export const breaks = [
  column("date", "tight", (cell, item) => line(cell, "date", "", item.date)),
  column("kind", "", (cell, item) => chip(cell, named("kind_", item.kind), "warn")),
  column("source", "", (cell, item) => {
    line(cell, "source", "", item.source)
    line(cell, "merchant", "sub", item.merchant ?? "")
  }),
  column(
    "charge",
    "mono",
    (cell, item) => line(cell, "charge", "", short(item.charge_id), item.charge_id)
  ),
  column("reason", "wide", (cell, item) => line(cell, "why", "", item.reason ?? ""))
]

/** Only an exact zero is balanced. */
export const balances = (item) => /^-?0+$/.test(String(item.difference))
export const balance = [
  column("currency", "", (cell, item) => line(cell, "code", "", item.currency)),
  column(
    "debits",
    "num",
    (cell, item) => line(cell, "sum", "", decimal(item.debits, item.currency))
  ),
  column(
    "credits",
    "num",
    (cell, item) => line(cell, "sum", "", decimal(item.credits, item.currency))
  ),
  column("difference", "num", (cell, item) => {
    const good = balances(item)
    chip(
      cell,
      decimal(item.difference, item.currency) + " · " +
        t(good ? "balanced" : "unbalanced"),
      good ? "good" : "bad"
    )
  })
]

export const showPayments = () => {
  const held = inUse("payments")
  const idOf = (item) => item.id
  const newer = hold("payments", list(overview.payments), idOf, held || paused)
  heldNote("payments", paused ? "paused" : held && newer ? "held" : "", newer)
  const rows = showTable("payments", payments, shown.payments, idOf)
  const current = rows.contains(document.activeElement)
    ? document.activeElement?.closest("tr")
    : rows.querySelector("tr[tabindex='0']") ?? rows.rows[0]
  for (const row of rows.rows) mark(row, "tabindex", row === current ? 0 : -1)
}
export const showReviews = () => {
  const held = inUse("reviews")
  const idOf = (item) => item.payment_id
  const newer = hold("reviews", list(overview.reviews), idOf, held)
  heldNote("reviews", held && newer ? "held" : "", newer)
  showTable(
    "reviews",
    reviews,
    shown.reviews,
    idOf,
    (row, item) => row.classList.toggle("gone", item.gone === true)
  )
  forgetDecisions(new Set(shown.reviews.map(idOf)))
}

/** A list with buttons stands still while somebody is in it; what left meanwhile is grey. */
export const showHeld = (id, columns, items, keyOf) => {
  hold(id, items, keyOf, inUse(id))
  showTable(
    id,
    columns,
    shown[id],
    keyOf,
    (row, item) => row.classList.toggle("gone", item.gone === true)
  )
}

const { table, rows } = tableOf("payments")
/** @type {(event: Event) => any} */
const pressedRow = ({ target }) => target instanceof Element ? target.closest("tr") : null
rows.addEventListener("click", (event) => {
  const row = pressedRow(event)
  // Marking an identifier to copy it is not a press.
  if (row && String(getSelection()) === "") openTrace(row.item)
})
rows.addEventListener("keydown", (event) => {
  const row = pressedRow(event)
  if (!row || event.ctrlKey || event.metaKey || event.altKey) return
  const to = {
    ArrowDown: row.nextSibling,
    ArrowUp: row.previousSibling,
    Home: rows.firstChild,
    End: rows.lastChild
  }
  if (event.key === "Enter" || event.key === " ") openTrace(row.item)
  else if (!Object.hasOwn(to, event.key)) return
  else if (to[event.key]) {
    row.tabIndex = -1
    to[event.key].tabIndex = 0
    to[event.key].focus()
  }
  event.preventDefault()
})
table.setAttribute("aria-describedby", "payments-hint")
el("pause").addEventListener("click", () => {
  paused = !paused
  mark(el("pause"), "aria-pressed", paused)
  if (overview) showPayments()
})
