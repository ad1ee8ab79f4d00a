import type { RunningCheckout } from "./checkout.ts"
import { costsOf, quiet } from "./costs.ts"
import type { Figures } from "./figures.ts"
import type { Latency, Throughput } from "./load.ts"
import type { Loader } from "./loader.ts"
import { fileOf, handIn } from "./settlementFile.ts"

/** What is measured where. */
export interface Bench {
  readonly lastro: RunningCheckout
  readonly loader: Loader
  readonly say: (line: string) => void
}

/** Payments a second, or half of what this Lastro can do. */
export type Rate = number | "half"

const EDGE_PER_SECOND_MAX = 20
/** Of the payments at a rate at most these are asked of the edge; the others come through NATS. */
const EDGE_SHARE_MAX = 0.25
const SINGLE_REQUESTS = 40
const SINGLE_REST_MILLIS = 100

const whole = (value: number) => Math.round(value).toLocaleString("en-US")

/** As many payments as it can take, so many under way at once. */
export const fullLoad = async (
  { lastro, loader, say }: Bench,
  options: { readonly seconds: number; readonly inFlight: number }
): Promise<Figures> => {
  say(`full load for ${options.seconds} s …`)
  const [throughput, costs] = await costsOf(
    lastro,
    () => loader.run<Throughput>({ _tag: "Throughput", options }),
    ({ payments }) => payments
  )
  say(`  ${whole(throughput.perSecond)} payments/s`)
  return {
    payments_per_second: throughput.perSecond,
    payments: throughput.payments,
    seconds: throughput.seconds,
    ...costs
  }
}

/** From a command's storing to its capture's, and an edge's waited answers in the midst of them. */
export const atRate = async (
  { lastro, loader, say }: Bench,
  options: { readonly rate: Rate; readonly fullPerSecond: number; readonly seconds: number }
): Promise<Figures> => {
  const { fullPerSecond, rate, seconds } = options
  const perSecond = rate === "half" ? fullPerSecond / 2 : rate
  const edgePerSecond = Math.min(EDGE_PER_SECOND_MAX, perSecond * EDGE_SHARE_MAX)
  say(`${whole(perSecond)}/s for ${seconds} s …`)
  const [[, edge], costs] = await costsOf(
    lastro,
    () =>
      Promise.all([
        loader.run<Throughput>({
          _tag: "Pace",
          options: { perSecond: perSecond - edgePerSecond, seconds }
        }),
        loader.run<Latency>({ _tag: "Edge", options: { perSecond: edgePerSecond, seconds } })
      ]),
    ([paced, edge]) => paced.payments + edge.samples
  )
  const latency = await loader.run<Latency>({ _tag: "Latency" })
  say(`  p50 ${latency.p50} ms, p99 ${latency.p99} ms`)
  return {
    ...(rate === "half" && { half_per_second: perSecond }),
    ...named(`_at_${rate}`, {
      p50_ms: latency.p50,
      p99_ms: latency.p99,
      edge_p50_ms: edge.p50,
      edge_p99_ms: edge.p99,
      ...costs
    })
  }
}

const named = (ending: string, figures: Figures): Figures =>
  Object.fromEntries(Object.entries(figures).map(([name, value]) => [`${name}${ending}`, value]))

/** One payment at a time through the edge, and nothing else to do. */
export const single = async ({ lastro, loader, say }: Bench): Promise<Figures> => {
  say("one payment at a time …")
  await quiet(lastro)
  const answer = await loader.run<Latency>({
    _tag: "Single",
    options: { requests: SINGLE_REQUESTS, restMillis: SINGLE_REST_MILLIS }
  })
  say(`  p50 ${answer.p50.toFixed(0)} ms`)
  return { single_p50_ms: answer.p50, single_p99_ms: answer.p99 }
}

/** A tenth of full load, alone and while a gateway's file is worked off, line by line settled. */
export const besideFile = async (
  { lastro, loader, say }: Bench,
  options: {
    readonly lines: number
    readonly fullPerSecond: number
    readonly inFlight: number
    readonly seconds: number
  }
): Promise<Figures> => {
  const { inFlight, lines, seconds } = options
  const perSecond = options.fullPerSecond / 10
  say(`${whole(perSecond)}/s alone and beside a file of ${whole(lines)} lines …`)
  const file = await fileOf(lastro.simulator, lines, async (missing) => {
    say(`  ${whole(missing)} more payments for the file …`)
    await loader.run({ _tag: "Throughput", options: { payments: missing, inFlight } })
  })
  const paced = async (until: { readonly seconds: number } | { readonly settled: number }) => {
    const { seconds } = await loader.run<Throughput>({
      _tag: "Pace",
      options: { perSecond, ...until }
    })
    return { seconds, latency: await loader.run<Latency>({ _tag: "Latency" }) }
  }
  await quiet(lastro)
  const alone = await paced({ seconds })
  const [beside] = await Promise.all([paced({ settled: lines }), handIn(lastro, file)])
  const ratio = beside.latency.p99 / alone.latency.p99
  say(`  p99 ${alone.latency.p99} ms alone, ${beside.latency.p99} ms beside it`)
  return {
    p99_ms_at_tenth: alone.latency.p99,
    p99_ms_beside_file: beside.latency.p99,
    file_p99_ratio: ratio,
    file_lines: lines,
    file_seconds: beside.seconds
  }
}
