import { parseArgs } from "node:util"
import type { Signal } from "../proof/health/signal.ts"
import type { MeterReading } from "../store/meter.ts"
import type { CliCommand } from "../house/command.ts"
import {
  EXIT_FAILED,
  EXIT_PERSON_NEEDED,
  HEALTH_MILLIS,
  operator,
  where
} from "../house/operator.ts"

interface Partition {
  readonly partition: number
  readonly owner: string
  readonly epoch: number
  readonly lag_messages: number | null
  readonly lag_seconds: number
  readonly parked: number
  readonly quarantined: number
  readonly paused: number
}

interface Family {
  readonly family: string
  readonly mailbox: string
  readonly kind: "keyed" | "outbound"
  readonly paused: { readonly by: string; readonly why: string; readonly at: string } | null
  readonly escalations: ReadonlyArray<
    { readonly at: string; readonly partition: number; readonly detail: string }
  >
  /** Of outbound families, whose partitions nobody owns. */
  readonly lag_messages?: number | null
  readonly partitions: ReadonlyArray<Partition>
}

interface Overview {
  readonly strangers: ReadonlyArray<{ readonly worker: string; readonly partitions: number }>
  readonly health: ReadonlyArray<Signal>
  /** Parts that nobody could tell in time. */
  readonly unknown: ReadonlyArray<string>
  readonly captured_per_second: number
  readonly latency_ms: { readonly p50: number; readonly p99: number } | null
  readonly families: ReadonlyArray<Family>
  readonly meter: MeterReading | null
  readonly reviews: ReadonlyArray<unknown>
  readonly dead_letters_open: number
  readonly trial_balance: ReadonlyArray<{
    readonly currency: string
    readonly difference: string
    readonly pending_difference: string
    readonly journal_difference: string
  }>
}

export const status: CliCommand = {
  summary: "Partitions, owners, lag, keys set aside, paused families, trial balance",
  usage: `Usage: deno task lastro status [--json]

Tells what health is judged by (servers, disks, writes, leases, lag), of each family whether it is paused and what escalated of late, of each partition its owner and
epoch, how far it is behind (messages and the age of the oldest) and the keys set aside; then open dead
letters, the exactly-once meter and the trial balance.

${where}
Exits with 0 where all is well; with 1 where a trial balance is not 0, the accounts differ from the
journal, the exactly-once meter found a gap or a repeat, nobody owns a partition, a signal of health is
bad, or something could not be learnt within two seconds; with 2 where all
that works and something waits for a person: a paused family, a paused or quarantined key, a dead letter,
a worker that reckons with another number of partitions.`,
  run: async (args, environment) => {
    const { values: { json } } = parseArgs({
      args: [...args],
      options: { json: { type: "boolean" } }
    })
    const asked = operator(environment)
    const probe = asked.probe<{ signals?: ReadonlyArray<Signal> }>("/readyz").catch(() => ({}))
    const overview = await asked.get<Overview>("/v1/operations/overview", HEALTH_MILLIS).catch(
      async (error: Error) => {
        // Without PostgreSQL nobody's key is known; what anybody may hear is still told.
        const { signals = [] }: { signals?: ReadonlyArray<Signal> } = await probe
        if (json === true) console.log(JSON.stringify({ health: signals, unknown: ["overview"] }))
        else printHealth(signals)
        throw error
      }
    )
    if (json === true) console.log(JSON.stringify(overview))
    else print(overview)
    return !isWell(overview) ? EXIT_FAILED : needsPerson(overview) ? EXIT_PERSON_NEEDED : 0
  }
}

const SIGNS: Readonly<Record<Signal["state"], string>> = {
  good: "ok",
  poor: "!",
  bad: "NO",
  unknown: "?"
}

const printHealth = (signals: ReadonlyArray<Signal>) => {
  for (const { found, signal, state } of signals) {
    console.log(`${SIGNS[state].padStart(2)}  ${signal}: ${found}`)
  }
}

const isWell = ({ families, health, meter, trial_balance, unknown }: Overview): boolean =>
  unknown.length === 0 &&
  health.every(({ state }) => state !== "bad") &&
  meter !== null && meter.gaps + meter.repeats === 0 &&
  families.every(({ kind, partitions }) =>
    kind === "outbound" || (partitions.length > 0 && partitions.every(({ owner }) => owner !== ""))
  ) &&
  trial_balance.every((line) =>
    line.difference === "0" && line.pending_difference === "0" && line.journal_difference === "0"
  )

const needsPerson = ({ dead_letters_open, families, strangers }: Overview): boolean =>
  dead_letters_open > 0 || strangers.length > 0 ||
  families.some(({ partitions, paused }) =>
    paused !== null || partitions.some((one) => one.quarantined + one.paused > 0)
  )

const printFamily = (
  { escalations, family, kind, lag_messages, mailbox, partitions, paused }: Family
) => {
  const shared = mailbox === family ? "" : `, decided in the turns of ${mailbox}`
  console.log(
    kind === "outbound"
      ? `${family}: calls to the world, ${lag_messages ?? "?"} waiting`
      : `${family}: ${partitions.length} partitions${shared}`
  )
  if (paused !== null) console.log(`  PAUSED since ${paused.at} by ${paused.by}: ${paused.why}`)
  for (const { at, detail, partition } of escalations) {
    console.log(`  partition ${partition} escalated at ${at}: ${detail}`)
  }
  for (const one of partitions) {
    const aside = one.parked === 0
      ? ""
      : `, ${one.parked} keys aside (${one.quarantined} quarantined, ${one.paused} paused)`
    console.log(
      `  ${String(one.partition).padStart(3)}  ${one.owner || "nobody"}  epoch ${one.epoch}, ` +
        `lag ${one.lag_messages ?? "?"} messages, ${one.lag_seconds} s${aside}`
    )
  }
}

const printMeter = ({ alarms, behind, gaps, messages, outputs, repeats }: MeterReading) => {
  console.log(
    `exactly once: ${messages} messages and ${outputs} outputs compared, ${gaps} gaps, ` +
      `${repeats} repeats, ${behind} partitions to compare`
  )
  for (const { detail, family, kind, partition, place } of alarms) {
    console.log(`  ${kind} in ${family}-${partition} at ${place}: ${detail}`)
  }
}

const print = (overview: Overview) => {
  printHealth(overview.health)
  if (overview.unknown.length > 0) console.log(` ?  not known now: ${overview.unknown.join(", ")}`)
  for (const family of overview.families) printFamily(family)
  for (const { partitions, worker } of overview.strangers) {
    console.log(
      `${worker} reckons with ${partitions} partitions and owns nothing: stop it (docs/upgrades.md)`
    )
  }
  const latency = overview.latency_ms
  console.log(
    `\n${overview.captured_per_second} captured/s` +
      (latency === null ? "" : `, p50 ${latency.p50} ms, p99 ${latency.p99} ms`) +
      `\n${overview.reviews.length} payments in review, ` +
      `${overview.dead_letters_open} dead letters open`
  )
  if (overview.meter !== null) printMeter(overview.meter)
  for (const { currency, difference } of overview.trial_balance) {
    console.log(`trial balance ${currency}: difference ${difference}`)
  }
}
