/**
 * Tables, and how a list stands still while someone is in it, so that no other row slides under a
 * press of Approve.
 */

import { el, make, mark, part, put, sync } from "./parts.js"
import { number, t } from "./telling.js"

/** Roles stand there because narrow tables are laid out as blocks, which takes them away. */
for (const panel of document.querySelectorAll(".listed")) {
  const scroll = make("div", "scroll", panel)
  scroll.id = panel.id + "-scroll"
  scroll.hidden = true
  const table = make("table", "", scroll)
  const head = make("thead", "", table)
  const row = make("tr", "", head)
  const rows = make("tbody", "", table)
  for (
    const [node, role] of [[table, "table"], [head, "rowgroup"], [row, "row"], [rows, "rowgroup"]]
  ) {
    mark(node, "role", role)
  }
  mark(table, "aria-labelledby", panel.id + "-name")
  const nothing = make("p", "nothing", panel)
  nothing.id = panel.id + "-nothing"
  nothing.dataset.t = panel.id + "_none"
}

/** @type {(id: string) => { table: HTMLTableElement, heads: HTMLElement, rows: HTMLTableSectionElement }} */
export const tableOf = (id) => {
  const table = el(id).querySelector("table")
  const heads = table?.tHead?.rows[0]
  const rows = table?.tBodies[0]
  if (!table || !heads || !rows) throw new Error("#" + id + " lists nothing")
  return { table, heads, rows }
}

export const showTable = (id, columns, items, keyOf, dress) => {
  const { heads, rows } = tableOf(id)
  el(id + "-scroll").hidden = items.length === 0
  el(id + "-nothing").hidden = items.length > 0
  sync(heads, columns, ({ label }) => label, ({ classes }) => {
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
  sync(rows, items, keyOf, () => {
    const row = make("tr")
    row.setAttribute("role", "row")
    return row
  }, fill)
  return rows
}

const hovers = matchMedia("(hover: hover)")
/** Someone reads or is about to press: rows must not move under the pointer or the focus. */
export const inUse = (id) => {
  const { rows } = tableOf(id)
  return rows.contains(document.activeElement) ||
    document.querySelector("dialog[open]") !== null ||
    (hovers.matches && rows.matches(":hover"))
}

export const shown = { payments: [], reviews: [], dead: [], keys: [] }
/** The list to show: what came, or while held what was there, with what is known of it now. */
export const hold = (id, items, keyOf, held) => {
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
export const heldNote = (id, word, newer) =>
  put(
    el(id + "-note"),
    word === "" ? "" : t(word) + (newer ? " · " + t("newer", { n: number(newer) }) : "")
  )
