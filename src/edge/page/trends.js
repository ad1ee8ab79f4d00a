/** Trends of the last minute: one line for each figure. */

import { el, mark, put } from "./parts.js"
import { overview, receivedAt } from "./reading.js"
import { millis, rate, t } from "./telling.js"

const WINDOW_MILLIS = 60000
/** A longer pause between two readings is shown as a gap in a trend. */
const GAP_MILLIS = 3500

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
  put(
    el(id + "-peak"),
    points.length
      ? t("peak", { n: shownAs(peak) })
      : id === "latency" && overview
      ? t("no_outcome")
      : ""
  )
  mark(svg, "aria-label", t("spark", { name: t(id), now: shownAs(last), peak: shownAs(peak) }))
}
export const sampleFigures = () => {
  samples.push({
    at: receivedAt,
    commands: overview.commands_per_second,
    captured: overview.captured_per_second,
    p99: overview.latency_ms?.p99
  })
  while (samples.length && samples[0].at < Date.now() - WINDOW_MILLIS) samples.shift()
}
export const showTrends = () => {
  showTrend("commands", (sample) => sample.commands, rate)
  showTrend("captured_rate", (sample) => sample.captured, rate)
  showTrend("latency", (sample) => sample.p99, millis)
}
