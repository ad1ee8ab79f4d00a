/** The whole page: reads `GET /v1/operations/overview` every second, while somebody looks. */

import { keyName } from "./actions.js"
import {
  balance,
  balances,
  breaks,
  dead,
  keys,
  showHeld,
  showPayments,
  showReviews
} from "./lists.js"
import { fillFamily, makeFamily, totals } from "./partitions.js"
import { announce, el, list, mark, put, sync } from "./parts.js"
import { changed, overview, receivedAt, take, whenChanged, whenOutdated } from "./reading.js"
import { showTable } from "./tables.js"
import {
  clock,
  language,
  millis,
  number,
  plural,
  rate,
  span,
  switchLanguage,
  t
} from "./telling.js"
import { sampleFigures, showTrends } from "./trends.js"

const POLL_MILLIS = 1000
const POLL_TIMEOUT_MILLIS = 5000
const RETRY_AFTER_SECONDS_MAX = 10
const STALE_MILLIS = 4000

const showJump = (id, count, tone) => {
  const link = el(id + "-jump")
  put(link.querySelector("b"), number(count))
  mark(link, "data-tone", count > 0 ? tone : "good")
}
const showMeter = (meter) => {
  if (!meter) return
  const { gaps, repeats } = meter
  const last = list(meter.alarms)[0]
  put(
    el("meter"),
    gaps + repeats === 0
      ? t("meter_good", { n: number(meter.messages + meter.outputs) })
      : t("meter_bad", {
        gaps: number(gaps),
        repeats: number(repeats),
        where: last ? last.family + "-" + last.partition + ", " + last.place : ""
      })
  )
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
  showTable(
    "breaks",
    breaks,
    list(overview.breaks),
    (item) =>
      [item.merchant, item.source, item.kind, item.date, item.charge_id, item.reason].join("|")
  )
  showTable("balance", balance, accounts, ({ currency }) => currency)
  showJump("reviews", list(overview.reviews).length, "warn")
  showJump("partitions", sum.look, "warn")
  showJump("dead", overview.dead_letters_open, "bad")
  showJump("keys", list(overview.keys).length, "warn")
  showJump("breaks", list(overview.breaks).length, "warn")
  const even = accounts.every(balances)
  const told = !list(overview.unknown).includes("trial_balance")
  put(el("balance-jump").querySelector("b"), told ? t(even ? "balance_good" : "balance_bad") : "–")
  mark(el("balance-jump"), "data-tone", !told ? "warn" : even ? "good" : "bad")
}

/** @type {any} */
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
    put(
      el("banner-age"),
      overview
        ? t("stale_age", { age: span(Math.round((Date.now() - freshAt) / 1000)) })
        : t("stale_none")
    )
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
  const isNew = overview?.at !== reading.at
  take(reading)
  if (isNew) freshAt = receivedAt
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
      cache: "no-store",
      headers: { Accept: "application/json" },
      signal: AbortSignal.timeout(POLL_TIMEOUT_MILLIS)
    })
    if (response.ok) {
      const text = await response.text()
      try {
        accept(JSON.parse(text))
      } catch (error) {
        console.error(error)
        failure = { key: "down_parse" }
      }
    } else wait = failed(response)
  } catch {
    failure = { key: "down_long" }
  }
  polling = false
  tick()
  pollTimer = setTimeout(poll, Math.max(0, wait - (Date.now() - started)))
}
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return
  visibleAt = Date.now()
  poll()
})

const speak = () => {
  document.documentElement.lang = language
  for (const node of document.querySelectorAll("[data-t]")) {
    put(node, t(node.getAttribute("data-t")))
  }
  el("jump").setAttribute("aria-label", t("sections"))
  el("language").lang = language === "pt-BR" ? "en" : "pt-BR"
  changed()
  tick()
}
el("sign-out").addEventListener("click", async () => {
  const answer = await fetch(location.origin + "/sign-out", { method: "POST" }).catch(() => null)
  if (answer?.ok) location.assign("/sign-in")
})
el("language").addEventListener("click", () => {
  switchLanguage()
  speak()
})
whenChanged(() => overview && show())
whenOutdated(poll)

speak()
setInterval(tick, 1000)
poll()
