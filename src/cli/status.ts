import * as fs from "node:fs"
import { join } from "node:path"
import { StackError } from "../stack/stack.ts"
import type { MeterReading } from "../store/meter.ts"
import type { CliCommand } from "./commands.ts"
import { dataDirOf, portOf } from "./lastro.ts"

interface Overview {
  readonly captured_per_second: number
  readonly latency_ms: { readonly p50: number; readonly p99: number } | null
  readonly families: ReadonlyArray<{
    readonly family: string
    readonly partitions: ReadonlyArray<{
      readonly partition: number
      readonly owner: string
      readonly lag_messages: number | null
      readonly parked: number
    }>
  }>
  readonly meter: MeterReading
  readonly reviews: ReadonlyArray<unknown>
  readonly dead_letters: ReadonlyArray<unknown>
  readonly trial_balance: ReadonlyArray<{
    readonly currency: string
    readonly difference: string
    readonly pending_difference: string
    readonly journal_difference: string
  }>
}

const usage = `Usage: deno task lastro status [--json]

Asks the Lastro that runs here (LASTRO_DATA_DIR, LASTRO_PORT) how it does. Exits with 1 where a
trial balance is not 0, the accounts differ from the journal, the exactly-once meter found a gap or
a repeat, or no worker owns a partition yet.`

export const status: CliCommand = {
  summary: "Partitions, owners, lag, parked keys, trial balance",
  usage,
  run: async (args, environment) => {
    const file = join(dataDirOf(environment), "operator.key")
    const url = `http://127.0.0.1:${portOf(environment)}`
    if (!fs.existsSync(file)) {
      throw new StackError(`there is no ${file}: start Lastro first, or set LASTRO_DATA_DIR.`)
    }
    const key = fs.readFileSync(file, "utf8").trim()
    const answer = await fetch(`${url}/v1/operations/overview`, {
      headers: { authorization: `Bearer ${key}` }
    }).catch(() => {
      throw new StackError(`nothing answers at ${url}: start Lastro first, or set LASTRO_PORT.`)
    })
    if (!answer.ok) throw new StackError(`${url} answered ${answer.status}.`)
    const overview = (await answer.json()) as Overview
    if (args.includes("--json")) console.log(JSON.stringify(overview))
    else print(overview)
    return isWell(overview) ? 0 : 1
  }
}

const isWell = ({ families, meter, trial_balance }: Overview): boolean =>
  meter.gaps + meter.repeats === 0 &&
  families.every(({ partitions }) => partitions.every(({ owner }) => owner !== "")) &&
  trial_balance.every((line) =>
    line.difference === "0" && line.pending_difference === "0" && line.journal_difference === "0"
  )

const print = (overview: Overview) => {
  for (const { family, partitions } of overview.families) {
    const lag = partitions.reduce((sum, one) => sum + (one.lag_messages ?? 0), 0)
    const parked = partitions.reduce((sum, one) => sum + one.parked, 0)
    const owners = [...new Set(partitions.map(({ owner }) => owner || "nobody"))]
    console.log(
      `${family.padEnd(15)} ${partitions.length} partitions, lag ${lag}, parked keys ${parked}, ` +
        `owned by ${owners.join(", ")}`
    )
  }
  const latency = overview.latency_ms
  console.log(
    `\n${overview.captured_per_second} captured/s` +
      (latency === null ? "" : `, p50 ${latency.p50} ms, p99 ${latency.p99} ms`) +
      `\n${overview.reviews.length} payments in review, ` +
      `${overview.dead_letters.length} dead letters open`
  )
  const { alarms, behind, gaps, messages, outputs, repeats } = overview.meter
  console.log(
    `exactly once: ${messages} messages and ${outputs} outputs compared, ${gaps} gaps, ` +
      `${repeats} repeats, ${behind} partitions to compare`
  )
  for (const { detail, family, kind, partition, place } of alarms) {
    console.log(`  ${kind} in ${family}-${partition} at ${place}: ${detail}`)
  }
  for (const { currency, difference } of overview.trial_balance) {
    console.log(`trial balance ${currency}: difference ${difference}`)
  }
}
