/** Families and their partitions. */

import { fillFamilyActs } from "./actions.js"
import { chip, line, list, make, mark, part, put, sync } from "./parts.js"
import { named, number, plural, span, t } from "./telling.js"

const LAG_BEHIND_SECONDS = 2
const LAG_FAR_BEHIND_SECONDS = 15

const judged = (item) => {
  if (!item.owner) return { tone: "bad", word: "no_owner" }
  if (item.quarantined + item.paused > 0) return { tone: "warn", word: "needs_person" }
  if (item.lag_seconds >= LAG_FAR_BEHIND_SECONDS) return { tone: "bad", word: "far_behind" }
  if (item.lag_seconds >= LAG_BEHIND_SECONDS) return { tone: "warn", word: "behind" }
  if (item.parked > 0) return { tone: "warn", word: "has_parked" }
  return { tone: "good", word: "keeps_up" }
}
export const totals = (partitions) => ({
  lag: partitions.reduce((sum, { lag_messages }) => sum + (lag_messages ?? 0), 0),
  oldest: partitions.reduce((most, { lag_seconds }) => Math.max(most, lag_seconds ?? 0), 0),
  parked: partitions.reduce((sum, { parked }) => sum + (parked ?? 0), 0),
  look: partitions.filter((item) => judged(item).tone !== "good").length
})
export const makeFamily = () => {
  const family = make("details", "family")
  // On a small screen a healthy family says enough in its heading.
  family.open = matchMedia("(min-width: 700px)").matches
  return family
}
export const fillFamily = (family, item) => {
  const partitions = list(item.partitions)
  const sum = totals(partitions)
  const head = part(family, "head", () => make("summary", "", family))
  put(part(head, "name", () => make("b", "", head)), named("family_", item.family))
  chip(
    head,
    item.kind === "outbound"
      ? t("calls")
      : sum.look
      ? t("look", { n: number(sum.look) })
      : t("all_well"),
    sum.look ? "warn" : "good"
  )
  const paused = line(head, "paused", "chip", item.paused ? t("family_paused") : "")
  mark(paused, "data-tone", "bad")
  paused.hidden = !item.paused
  const late = list(item.escalations).length
  line(head, "escalated", "warn", late ? t("escalated", { n: number(late) }) : "")
  line(head, "lag", "muted", plural("messages", item.lag_messages ?? sum.lag))
  const own = item.kind !== "outbound"
  line(head, "oldest", "muted", own ? t("oldest", { age: span(sum.oldest) }) : "")
  line(head, "parked", "muted", own ? plural("parked", sum.parked) : "")
  fillFamilyActs(part(family, "acts", () => make("div", "family-acts", family)), item)
  const cells = part(family, "cells", () => make("ul", "cells", family))
  sync(cells, partitions, ({ partition }) => partition, () => make("li"), fillPartition)
}
const fillPartition = (cell, item) => {
  const { tone, word } = judged(item)
  mark(cell, "data-tone", tone)
  const head = part(cell, "head", () => make("div", "line", cell))
  line(head, "label", "vh", t("partition", { n: "" }))
  line(head, "name", "name", item.partition)
  line(head, "word", "word", t(word))
  const owner = part(cell, "owner", () => make("div", "owner muted mono", cell))
  put(owner, item.owner || "–")
  mark(owner, "title", item.owner ? t("owned_by", { name: item.owner }) : null)
  const lag = part(cell, "lag", () => make("div", "line", cell))
  line(lag, "messages", "", t("lag_short", { n: number(item.lag_messages) }))
  line(lag, "seconds", "", span(item.lag_seconds))
  put(part(cell, "parked", () => make("div", "", cell)), plural("parked_short", item.parked))
  put(part(cell, "epoch", () => make("div", "muted", cell)), t("epoch", { n: item.epoch }))
}
