import { Counter, Gauge, Histogram, Registry } from "prom-client"

/** Everything `/metrics` shows. Labels are families and partitions only: never a merchant, key or id. */
export const registry = new Registry()

const counter = (name: string, help: string, labelNames: Array<string>) =>
  new Counter({ name, help, labelNames, registers: [registry] })
const gauge = (name: string, help: string, labelNames: Array<string>) =>
  new Gauge({ name, help, labelNames, registers: [registry] })
const histogram = (name: string, help: string, labelNames: Array<string>, buckets: Array<number>) =>
  new Histogram({ name, help, labelNames, buckets, registers: [registry] })

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const MESSAGES = [1, 2, 5, 10, 20, 50, 100, 200, 500]

export const turns = counter("lastro_turns_total", "Committed turns", ["family"])
export const messages = counter("lastro_messages_total", "Messages decided, by outcome", [
  "family",
  "outcome"
])
export const turnSeconds = histogram(
  "lastro_turn_seconds",
  "Time from taking a batch to its commit",
  ["family"],
  SECONDS
)
export const turnMessages = histogram(
  "lastro_turn_messages",
  "Messages in one turn",
  ["family"],
  MESSAGES
)
export const relaySeconds = histogram(
  "lastro_relay_seconds",
  "Time to append a turn's outbox everywhere",
  ["family"],
  SECONDS
)
export const fences = counter(
  "lastro_fences_total",
  "Times a fence stopped a former owner, by place (commit, append, reader, lease, take-over, witness)",
  ["family", "place"]
)
export const parkedKeys = gauge("lastro_parked_keys", "Keys waiting for a wake or for a person", [
  "family",
  "partition"
])
export const escalations = counter(
  "lastro_escalations_total",
  "Times a partition was given up because it could not help itself",
  ["family"]
)
export const familiesPaused = gauge("lastro_family_paused", "1 while a family is paused", [
  "family"
])
export const partitionsOwned = gauge("lastro_partitions_owned", "Partitions this worker owns", [
  "family"
])
export const lagMessages = gauge(
  "lastro_lag_messages",
  "Messages stored but not committed",
  ["family", "partition"]
)
export const lagSeconds = gauge(
  "lastro_lag_seconds",
  "Age of the oldest message not committed",
  ["family", "partition"]
)
export const outboundCalls = counter("lastro_outbound_calls_total", "Calls to the world", [
  "family",
  "outcome"
])
export const outboundSeconds = histogram(
  "lastro_outbound_seconds",
  "Time of one call to the world",
  ["family"],
  SECONDS
)
export const edgeSeconds = histogram(
  "lastro_edge_seconds",
  "Time to answer a request",
  ["route", "status"],
  SECONDS
)
export const edgeRefused = counter(
  "lastro_edge_refused_total",
  "Requests that a guard of the edge turned away",
  ["guard"]
)
export const edgeWatched = counter(
  "lastro_edge_watched_total",
  "Requests that a guard would have turned away, and only watches",
  ["guard"]
)

const compared = gauge(
  "lastro_exactly_once_compared",
  "Messages that the exactly-once meter compared: of mailboxes with turns, of turns with targets",
  ["what"]
)
const alarms = gauge(
  "lastro_exactly_once_alarms",
  "Gaps and repeats the exactly-once meter ever found; anything but 0 breaks a promise",
  ["kind"]
)
const meterBehind = gauge(
  "lastro_exactly_once_behind_partitions",
  "Partitions with turns the exactly-once meter has not compared yet",
  []
)

/** The meter writes into PostgreSQL, so that every process can show what one of them found. */
export const showMeter = (reading: {
  readonly messages: number
  readonly outputs: number
  readonly behind: number
  readonly gaps: number
  readonly repeats: number
}): void => {
  compared.set({ what: "messages" }, reading.messages)
  compared.set({ what: "outputs" }, reading.outputs)
  alarms.set({ kind: "gap" }, reading.gaps)
  alarms.set({ kind: "repeat" }, reading.repeats)
  meterBehind.set(reading.behind)
}
