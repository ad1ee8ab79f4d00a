/**
 * Trends, partitions, trace and connection of the operator page, as the browser runs them after
 * `operatorPageParts` and `operatorPageLists`, in one scope with them.
 */
export const operatorPageScript = String.raw`
const POLL_MILLIS = 1000
const POLL_TIMEOUT_MILLIS = 5000
const RETRY_AFTER_SECONDS_MAX = 10
const STALE_MILLIS = 4000
const WINDOW_MILLIS = 60000
/** A longer pause between two readings is shown as a gap in a trend. */
const GAP_MILLIS = 3500
const TRACE_MILLIS = 2000
const LAG_BEHIND_SECONDS = 2
const LAG_FAR_BEHIND_SECONDS = 15

// Trends and figures

const samples = []
const showTrend = (id, valueOf, shownAs) => {
  const now = Date.now()
  const points = samples.map((sample) => ({ at: sample.at, value: valueOf(sample) }))
    .filter(({ value }) => typeof value === "number")
  const peak = Math.max(0, ...points.map(({ value }) => value))
  const x = (at) => (240 * (1 - (now - at) / WINDOW_MILLIS)).toFixed(1)
  const y = (value) => (39 - 37 * (peak > 0 ? value / peak : 0)).toFixed(1)
  let trend = "", area = "", before = null
  points.forEach((point, index) => {
    const starts = before === null || point.at - before > GAP_MILLIS
    const next = points[index + 1]
    trend += (starts ? "M" : "L") + x(point.at) + " " + y(point.value)
    area += (starts ? "M" + x(point.at) + " 40" : "") + "L" + x(point.at) + " " + y(point.value)
    if (!next || next.at - point.at > GAP_MILLIS) area += "L" + x(point.at) + " 40Z"
    before = point.at
  })
  const svg = el(id + "-spark")
  mark(svg.querySelector(".trend"), "d", trend || null)
  mark(svg.querySelector(".area"), "d", area || null)
  const last = points.at(-1)?.value
  put(el(id + "-peak"), points.length ? t("peak", { n: shownAs(peak) })
    : id === "latency" && overview ? t("no_outcome") : "")
  mark(svg, "aria-label", t("spark", { name: t(id), now: shownAs(last), peak: shownAs(peak) }))
}
const sampleFigures = () => {
  samples.push({
    at: receivedAt, commands: overview.commands_per_second,
    captured: overview.captured_per_second, p99: overview.latency_ms?.p99
  })
  while (samples.length && samples[0].at < Date.now() - WINDOW_MILLIS) samples.shift()
}
const showTrends = () => {
  showTrend("commands", (sample) => sample.commands, rate)
  showTrend("captured_rate", (sample) => sample.captured, rate)
  showTrend("latency", (sample) => sample.p99, millis)
}

// Partitions

const judged = (item) => {
  if (!item.owner) return { tone: "bad", word: "no_owner" }
  if (item.quarantined + item.paused > 0) return { tone: "warn", word: "needs_person" }
  if (item.lag_seconds >= LAG_FAR_BEHIND_SECONDS) return { tone: "bad", word: "far_behind" }
  if (item.lag_seconds >= LAG_BEHIND_SECONDS) return { tone: "warn", word: "behind" }
  if (item.parked > 0) return { tone: "warn", word: "has_parked" }
  return { tone: "good", word: "keeps_up" }
}
const totals = (partitions) => ({
  lag: partitions.reduce((sum, { lag_messages }) => sum + (lag_messages ?? 0), 0),
  oldest: partitions.reduce((most, { lag_seconds }) => Math.max(most, lag_seconds ?? 0), 0),
  parked: partitions.reduce((sum, { parked }) => sum + (parked ?? 0), 0),
  look: partitions.filter((item) => judged(item).tone !== "good").length
})
const makeFamily = () => {
  const family = make("details", "family")
  // On a small screen a healthy family says enough in its heading.
  family.open = matchMedia("(min-width: 700px)").matches
  return family
}
const fillFamily = (family, item) => {
  const partitions = list(item.partitions)
  const sum = totals(partitions)
  const head = part(family, "head", () => make("summary", "", family))
  put(part(head, "name", () => make("b", "", head)), named("family_", item.family))
  chip(head, item.kind === "outbound" ? t("calls") : sum.look ? t("look", { n: number(sum.look) }) : t("all_well"),
    sum.look ? "warn" : "good")
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

// The whole page

const showJump = (id, count, tone) => {
  const link = el(id + "-jump")
  put(link.querySelector("b"), number(count))
  mark(link, "data-tone", count > 0 ? tone : "good")
}
const showMeter = (meter) => {
  if (!meter) return
  const { gaps, repeats } = meter
  const last = list(meter.alarms)[0]
  put(el("meter"), gaps + repeats === 0
    ? t("meter_good", { n: number(meter.messages + meter.outputs) })
    : t("meter_bad", { gaps: number(gaps), repeats: number(repeats),
      where: last ? last.family + "-" + last.partition + ", " + last.place : "" }))
  mark(el("meter"), "data-tone", gaps + repeats === 0 ? "good" : "bad")
}
const showHealth = () => {
  const unknown = list(overview.unknown)
  const found = list(overview.health)
    .filter(({ signal, state }) => state === "bad" || state === "poor" && signal === "servers")
    .map((one) => one.found)
  if (unknown.length > 0) found.push(t("not_known", { names: unknown.join(", ") }))
  put(el("health-what"), t("unwell"))
  put(el("health-found"), found.join("; "))
  el("health").hidden = found.length === 0
}
const show = () => {
  showHealth()
  const families = list(overview.families)
  const sum = totals(families.flatMap(({ partitions }) => list(partitions)))
  const accounts = list(overview.trial_balance)
  put(el("commands-now"), rate(overview.commands_per_second))
  put(el("captured_rate-now"), rate(overview.captured_per_second))
  put(el("p50"), millis(overview.latency_ms?.p50))
  put(el("p99"), millis(overview.latency_ms?.p99))
  put(el("backlog-messages"), plural("messages", sum.lag))
  put(el("backlog-oldest"), t("oldest", { age: span(sum.oldest) }))
  put(el("backlog-parked"), plural("parked", sum.parked))
  sync(el("families"), families, ({ family }) => family, makeFamily, fillFamily)
  el("families-none").hidden = families.length > 0
  showMeter(overview.meter)
  showPayments()
  showReviews()
  showHeld("dead", dead, list(overview.dead_letters), ({ id }) => id)
  showHeld("keys", keys, list(overview.keys), (item) => item.family + " " + keyName(item))
  showTable("breaks", breaks, list(overview.breaks), (item) =>
    [item.merchant, item.source, item.kind, item.date, item.charge_id, item.reason].join("|"))
  showTable("balance", balance, accounts, ({ currency }) => currency)
  showJump("reviews", list(overview.reviews).length, "warn")
  showJump("partitions", sum.look, "warn")
  showJump("dead", overview.dead_letters_open, "bad")
  showJump("keys", list(overview.keys).length, "warn")
  showJump("breaks", list(overview.breaks).length, "warn")
  const even = accounts.every(balances)
  const told = !list(overview.unknown).includes("trial_balance")
  put(el("balance-jump").querySelector("b"),
    told ? t(even ? "balance_good" : "balance_bad") : "–")
  mark(el("balance-jump"), "data-tone", !told ? "warn" : even ? "good" : "bad")
}

// Connection

let failure = null
/** When the readings last changed: an answer that repeats an old reading is not current. */
let freshAt = 0
let visibleAt = Date.now()
/** What the live region was last told: only a change of it is spoken. */
let spoken = "live"

const connection = () => {
  const now = Date.now()
  if (failure) {
    return { tone: "bad", word: failure.key === "down_long" ? "down" : "old", ...failure }
  }
  if (!overview) return { tone: "muted", word: "waiting" }
  if (now - Math.max(freshAt, visibleAt) > STALE_MILLIS) {
    const frozen = now - receivedAt < STALE_MILLIS
    return { tone: "bad", word: frozen ? "old" : "down", key: frozen ? "down_frozen" : "down_long" }
  }
  return { tone: "good", word: "live" }
}
const tick = () => {
  const { tone, word, key, status } = connection()
  mark(el("link"), "data-tone", tone)
  put(el("link").lastElementChild, t(word, { time: overview ? clock(overview.at) : "" }))
  const down = tone === "bad"
  el("banner").hidden = !down
  if (down) {
    put(el("banner-what"), t(key, { status }))
    put(el("banner-age"), overview
      ? t("stale_age", { age: span(Math.round((Date.now() - freshAt) / 1000)) })
      : t("stale_none"))
  }
  document.body.classList.toggle("stale", down && overview !== null)
  document.body.classList.toggle("empty", overview === null)
  const state = down ? key : tone === "good" ? "live" : spoken
  if (state !== spoken) announce(down ? t(key, { status }) : t("restored"))
  spoken = state
  const waiting = list(overview?.reviews).length
  document.title = (down ? "(!) " : waiting ? "(" + waiting + ") " : "") + "Lastro"
  showTrends()
}

let polling = false
let pollTimer = 0
const failed = (response) => {
  const { status } = response
  failure = { key: status === 401 || status === 403 ? "down_key" : "down_status", status }
  const after = Number(response.headers.get("Retry-After"))
  return after > 0 ? Math.min(after, RETRY_AFTER_SECONDS_MAX) * 1000 : POLL_MILLIS
}
const accept = (reading) => {
  if (typeof reading?.at !== "string") throw new Error("a reading has a time")
  receivedAt = Date.now()
  if (overview?.at !== reading.at) freshAt = receivedAt
  overview = reading
  failure = null
  sampleFigures()
  show()
}
const poll = async () => {
  clearTimeout(pollTimer)
  // A page nobody sees asks nothing; it asks at once when it is seen again.
  if (polling || document.hidden) return
  polling = true
  const started = Date.now()
  let wait = POLL_MILLIS
  try {
    const response = await fetch(location.origin + "/v1/operations/overview", {
      cache: "no-store", headers: { Accept: "application/json" },
      signal: AbortSignal.timeout(POLL_TIMEOUT_MILLIS)
    })
    if (response.ok) {
      const text = await response.text()
      try { accept(JSON.parse(text)) } catch (error) {
        console.error(error)
        failure = { key: "down_parse" }
      }
    } else wait = failed(response)
  } catch { failure = { key: "down_long" } }
  polling = false
  tick()
  pollTimer = setTimeout(poll, Math.max(0, wait - (Date.now() - started)))
}
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return
  visibleAt = Date.now()
  poll()
})

// Trace

const dialog = el("trace")
let traced = null
let traceTimer = 0

const showTrace = () => {
  const known = list(overview?.payments).find(({ id }) => id === traced.id)
  const status = known?.status ?? traced.status
  put(el("trace-id"), traced.id)
  put(el("trace-about"), [money(traced.amount, traced.currency), traced.merchant]
    .concat(status ? named("status_", status) : []).join(" · "))
  showTraceActs()
  const steps = traced.steps
  put(el("trace-state"), traced.problem !== null
    ? t("trace_failed", { why: traced.problem || t("no_answer") })
    : steps === null ? t("trace_reading") : steps.length === 0 ? t("trace_none") : "")
  const first = new Date(steps?.[0]?.at).getTime()
  sync(el("steps"), steps ?? [], (_, index) => index, () => make("li"), (node, step) => {
    const when = part(node, "when", () => make("p", "when", node))
    const after = new Date(step.at).getTime() - first
    chip(when, named("kind_", step.kind))
    line(when, "at", "", " " + clock(step.at, true) +
      (after > 0 ? " · +" + (after < 10000 ? millis(after) : span(after / 1000)) : ""), step.at)
    put(part(node, "title", () => make("p", "title", node)), step.title ?? "")
    const { detail } = step
    put(part(node, "detail", () => make("p", "detail", node)), typeof detail === "object" && detail
      ? JSON.stringify(detail, null, 2) : detail ?? "")
  })
}
const readTrace = async (about) => {
  try {
    const response = await fetch(location.origin + "/v1/payments/" + encodeURIComponent(about.id) +
      "/trace?merchant=" + encodeURIComponent(about.merchant), {
      cache: "no-store", headers: { Accept: "application/json" },
      signal: AbortSignal.timeout(POLL_TIMEOUT_MILLIS)
    })
    const answer = await response.json().catch(() => ({}))
    if (response.ok) {
      about.steps = list(answer.data)
      about.problem = null
    } else about.problem = answer.detail || String(response.status)
  } catch { about.problem = "" }
  // Another trace may be open by now.
  if (traced !== about) return
  showTrace()
  traceTimer = setTimeout(readTrace, TRACE_MILLIS, about)
}
function openTrace(item) {
  clearTimeout(traceTimer)
  traced = {
    id: item.payment_id ?? item.id, merchant: item.merchant, amount: item.amount,
    currency: item.currency, status: item.status, steps: null, problem: null
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

// Keys and presses

const rows = el("payments").querySelector("tbody")
rows.addEventListener("click", (event) => {
  const row = event.target.closest("tr")
  // Marking an identifier to copy it is not a press.
  if (row && String(getSelection()) === "") openTrace(row.item)
})
rows.addEventListener("keydown", (event) => {
  const row = event.target.closest("tr")
  if (!row || event.ctrlKey || event.metaKey || event.altKey) return
  const to = {
    ArrowDown: row.nextSibling, ArrowUp: row.previousSibling, Home: rows.firstChild,
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
el("payments").querySelector("table").setAttribute("aria-describedby", "payments-hint")
el("pause").addEventListener("click", () => {
  paused = !paused
  mark(el("pause"), "aria-pressed", paused)
  if (overview) showPayments()
})

const speak = () => {
  document.documentElement.lang = language
  for (const node of document.querySelectorAll("[data-t]")) put(node, t(node.dataset.t))
  el("jump").setAttribute("aria-label", t("sections"))
  el("language").lang = language === "pt-BR" ? "en" : "pt-BR"
  if (overview) show()
  if (traced) showTrace()
  if (lettered) showLetter()
  if (asked) showAsk()
  tick()
}
el("language").addEventListener("click", () => {
  language = language === "pt-BR" ? "en" : "pt-BR"
  // Private windows may refuse to remember: the choice then lasts as long as the page.
  try { localStorage.setItem("lastro.language", language) } catch { /* See above. */ }
  speak()
})

speak()
setInterval(tick, 1000)
poll()
`
