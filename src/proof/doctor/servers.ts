import { Effect } from "effect"
import { apiLevel, serverInfo, streamCondition } from "../../bus/probe.ts"
import { serverCondition } from "../../store/condition.ts"
import type { Finding, Promised } from "./diagnosis.ts"
import type { Patient } from "./patient.ts"

/** Scheduled messages, atomic batches and per-message lifetimes: what the machine cannot do without. */
const API_LEVEL_MIN = 3
const ANSWER_MILLIS = 2_000
/** Beyond it, ages and due times shown are off by more than anybody would expect. */
const SKEW_POOR_MILLIS = 250
/** Beyond it a gateway's "never heard of it" could be taken for final too early. */
const SKEW_BAD_MILLIS = 5_000

/** What is lost where an acknowledged message is not on disk. */
const DURABLE: ReadonlyArray<Promised> = ["G1", "G2", "G5", "G15", "M2"]

interface Varz {
  readonly server_name: string
  readonly version: string
  readonly now: string
  readonly jetstream?: { readonly config?: { readonly sync_always?: boolean } }
}

interface Seen {
  readonly url: string
  readonly varz: Varz | undefined
  readonly skewMillis: number
}

/** Difference of a clock read somewhere between two moments of ours. */
const skewOf = (theirs: number, before: number): number => theirs - (before + Date.now()) / 2

/** A server without a name of its own shows a key of 56 letters. */
const nameOf = (url: string, { server_name }: Varz): string =>
  /^[A-Z0-9]{56}$/.test(server_name) ? new URL(url).host : server_name

const look = (url: string) =>
  Effect.promise(async (): Promise<Seen> => {
    const before = Date.now()
    try {
      const answer = await fetch(`${url}/varz`, { signal: AbortSignal.timeout(ANSWER_MILLIS) })
      const varz = await answer.json() as Varz
      return { url, varz, skewMillis: skewOf(Date.parse(varz.now), before) }
    } catch {
      return { url, varz: undefined, skewMillis: 0 }
    }
  })

/** Servers, their sync mode and every clock. */
export const examineServers = Effect.fnUntraced(function* (
  patient: Patient,
  databaseAnswers = true
) {
  const seen = yield* Effect.forEach(patient.monitorUrls, look, { concurrency: "unbounded" })
  return [
    ...yield* version(patient),
    ...seen.map(syncMode),
    yield* clocks(patient, seen, databaseAnswers)
  ]
})

const version = Effect.fnUntraced(function* ({ nc, replicas }: Patient) {
  const info = serverInfo(nc)
  const level = yield* apiLevel(nc).pipe(Effect.orElseSucceed(() => undefined))
  const found: Array<Finding> = [{
    area: "nats",
    check: "version",
    verdict: level === undefined ? "unknown" : level >= API_LEVEL_MIN ? "good" : "bad",
    found: `nats-server ${info.version}, JetStream API level ${level ?? "not told"}`,
    ...(level !== undefined && level < API_LEVEL_MIN &&
      { advice: "atomic batches and schedules need nats-server 2.14 or later" }),
    undermines: ["G2", "G5"]
  }, {
    area: "nats",
    check: "copies",
    verdict: replicas > 1 ? "good" : "poor",
    found: replicas > 1
      ? `a cluster (${info.cluster}): each stream has ${replicas} copies`
      : "one server: each stream has one copy",
    ...(replicas === 1 && {
      advice: "with its disk everything in it is lost, and while it is down nothing is taken: " +
        "run three servers where money is at stake"
    }),
    undermines: []
  }]
  return found
})

const syncMode = ({ url, varz }: Seen): Finding => {
  const always = varz?.jetstream?.config?.sync_always
  const name = varz === undefined ? url : nameOf(url, varz)
  return {
    area: "nats",
    check: `sync mode of ${name}`,
    verdict: varz === undefined ? "unknown" : always === true ? "good" : "bad",
    found: varz === undefined
      ? "its monitoring endpoint does not answer"
      : always === true
      ? "sync_interval: always"
      : "writes are acknowledged before they are on disk",
    ...(always !== true && {
      advice: varz === undefined
        ? "name the endpoint in LASTRO_NATS_MONITOR_URL"
        : "set `sync_interval: always` in the server's jetstream block"
    }),
    undermines: DURABLE
  }
}

const clocks = Effect.fnUntraced(function* (
  { db, nc }: Patient,
  seen: ReadonlyArray<Seen>,
  databaseAnswers: boolean
): Effect.fn.Return<Finding> {
  const skews = new Map(
    seen.filter(({ varz }) => varz !== undefined)
      .map(({ skewMillis, url, varz }) => [nameOf(url, varz!), skewMillis])
  )
  if (skews.size === 0) {
    const before = Date.now()
    const asked = yield* streamCondition(nc, "KV_leases").pipe(Effect.option)
    if (asked._tag === "Some") skews.set("nats", skewOf(Date.parse(asked.value.ts), before))
  }
  if (databaseAnswers) {
    const before = Date.now()
    const { nowMillis } = yield* Effect.promise(() => serverCondition(db))
    skews.set("PostgreSQL", skewOf(nowMillis, before))
  }
  const all = [0, ...skews.values()]
  const spread = Math.round(Math.max(...all) - Math.min(...all))
  const list = [...skews].map(([name, skew]) => `${name} ${Math.round(skew)} ms`).join(", ")
  return {
    area: "clocks",
    check: "skew",
    verdict: spread > SKEW_BAD_MILLIS ? "bad" : spread > SKEW_POOR_MILLIS ? "poor" : "good",
    found: `${spread} ms apart at most (against this machine: ${list})`,
    ...(spread > SKEW_POOR_MILLIS && { advice: "keep every machine's clock by NTP" }),
    undermines: ["M2"]
  }
})
