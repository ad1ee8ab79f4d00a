import { sql } from "kysely"
import { Effect, Fiber, Layer } from "effect"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { mailboxesOf, PARTITIONS } from "../../../streams/mailboxes.ts"
import { placesOf } from "../../../streams/places.ts"
import { append } from "../../bus/append.ts"
import { Nats, type NatsLink, open } from "../../bus/connection.ts"
import { tap } from "../../bus/tap.ts"
import { partitionOf } from "../../domain/partition.ts"
import { runWorker } from "../../runtime/worker.ts"
import { startEmbedded } from "../../stack/embedded.ts"
import type { Stack } from "../../stack/stack.ts"
import { connect, Database } from "../../store/database.ts"
import { TurnStore } from "../../store/turnStore.ts"
import { jsonLogs, toFile } from "../../telemetry/logs.ts"
import type { CliCommand } from "../../house/command.ts"
import { dataDirOf } from "../../house/lastro.ts"
import { prepare } from "../../house/prepare.ts"
import { counter, COUNTERS } from "./counter.ts"
import { type Latency, percentiles } from "./load.ts"
import { median } from "../median.ts"
import { discardWhenInterrupted } from "../discardWhenInterrupted.ts"
import { removeFolder } from "../../house/ownFolder.ts"
import { numberGiven, wholeNumberGiven } from "../../house/usage.ts"

const usage = `Usage: deno task bench keys [options]

Measures what other keys of a partition feel while one key is retried, and while one is poisoned:
the same load three ways, interleaved, round by round, and of each figure the median.

  --rounds 5      of healthy, retrying and poisoned
  --seconds 4     each
  --rate 150      messages per second, all in one partition
  --json          one line of JSON at the end`

const options = {
  rounds: { type: "string", default: "5" },
  seconds: { type: "string", default: "4" },
  rate: { type: "string", default: "150" },
  json: { type: "boolean", default: false }
} as const

const ways = ["healthy", "retrying", "poisoned"] as const
type Way = (typeof ways)[number]

/** The actor that counts stands alone in its mailbox. */
const separate = mailboxesOf([])
const MERCHANT = "bench"
const KEYS = 50
/** Every so many messages one is for the key that fares ill. */
const SICK_EVERY = 10
const EXPECTED_RATIO = 1.1
const LEASE_MILLIS = 4_000

export const benchKeys: CliCommand = {
  summary: "Measure what a failing key costs the others",
  usage,
  run: async (args, environment) => {
    const { values } = parseArgs({ args: [...args], options })
    const seconds = numberGiven("seconds", values.seconds, 0.1, 3_600)
    const rate = numberGiven("rate", values.rate, 1, 100_000)
    const rounds = wholeNumberGiven("rounds", values.rounds, 1, 1_000)
    const dataDir = join(dataDirOf(environment), `bench-keys-${process.pid}`)
    discardWhenInterrupted(dataDir)
    const say = (line: string) => console.log(line)
    const stack = await startEmbedded({ dataDir, progress: say })
    try {
      await prepare(stack, say, separate)
      const db = connect(stack.databaseUrl, 1)
      await sql.raw(COUNTERS).execute(db)
      await db.destroy()
      const failing = new Set<string>()
      const worker = Effect.runFork(work(stack, failing, join(dataDir, "lastro.log")))
      const all: Record<Way, Array<Latency>> = { healthy: [], retrying: [], poisoned: [] }
      await Effect.runPromise(Effect.scoped(Effect.gen(function* () {
        const load = yield* openLoad(stack)
        yield* load("warm", "healthy", failing, { rate, seconds })
        for (let round = 0; round < rounds; round++) {
          for (const way of ways) {
            const latency = yield* load(`r${round}`, way, failing, { rate, seconds })
            say(`round ${round + 1}, ${way}: p50 ${latency.p50} ms, p99 ${latency.p99} ms`)
            all[way].push(latency)
          }
        }
      })))
      await Effect.runPromise(Fiber.interrupt(worker))
      return report(all, values.json)
    } finally {
      await stack.stop()
      removeFolder(dataDir)
    }
  }
}

const work = (stack: Stack, failing: ReadonlySet<string>, log: string) => {
  const { password, user } = stack.nats.worker
  return Effect.scoped(runWorker({
    worker: "bench",
    actors: [counter(failing)],
    ...placesOf(separate),
    routesOf: () => [],
    leaseTtlMillis: LEASE_MILLIS
  })).pipe(Effect.provide(Layer.mergeAll(
    Nats.layerOf({ urls: stack.natsUrls, user, password, name: "bench" }),
    Layer.provideMerge(TurnStore.layer, Database.layerOf(stack.databaseUrl)),
    jsonLogs(toFile(log))
  )))
}

const openLoad = Effect.fnUntraced(function* (stack: Stack) {
  const link: NatsLink = yield* open({
    urls: stack.natsUrls,
    ...stack.nats.admin,
    name: "lastro-bench"
  })
  /** When the event of each key's messages came out, in their order. */
  const counted = new Map<string, Array<number>>()
  yield* tap(link, "EVENTS", "events.*.bench.counted", ({ atMillis, data }) => {
    const { about } = JSON.parse(new TextDecoder().decode(data)) as { about: string }
    counted.set(about, [...counted.get(about) ?? [], atMillis])
  })
  const subject = `fraud.${partitionOf(MERCHANT, PARTITIONS)}.ingress.count.${MERCHANT}`
  const send = (body: { readonly key: string; readonly poison?: boolean }) =>
    append(link.nc, [{ subject, headers: [], payload: JSON.stringify(body) }])

  return (
    name: string,
    way: Way,
    failing: Set<string>,
    { rate, seconds }: { readonly rate: number; readonly seconds: number }
  ) =>
    Effect.promise(async () => {
      const sick = `${name}-${way}-sick`
      if (way === "retrying") failing.add(sick)
      const sent = new Map<string, Array<number>>()
      const publishing: Array<Promise<unknown>> = []
      const started = performance.now()
      for (let index = 0; index < rate * seconds; index++) {
        await until(started + (index * 1_000) / rate)
        const isSick = index % SICK_EVERY === 0
        const key = isSick ? sick : `${name}-${way}-${index % KEYS}`
        if (!isSick) sent.set(key, [...sent.get(key) ?? [], Date.now()])
        publishing.push(Effect.runPromise(
          send(isSick && way === "poisoned" ? { key, poison: true } : { key })
        ))
      }
      await Promise.all(publishing)
      const arrived = () =>
        [...sent].every(([key, times]) => (counted.get(key)?.length ?? 0) === times.length)
      while (!arrived()) await until(performance.now() + 5)
      failing.delete(sick)
      return percentiles([...sent].flatMap(([key, times]) =>
        times.map((time, index) => counted.get(key)![index]! - time)
      ))
    })
})

const until = async (due: number): Promise<void> => {
  const left = due - performance.now()
  if (left > 0) await new Promise((resolve) => setTimeout(resolve, left))
}

const report = (all: Readonly<Record<Way, ReadonlyArray<Latency>>>, json: boolean): number => {
  const of = (way: Way, figure: "p50" | "p99") => median(all[way].map((one) => one[figure]))
  const ratios = { retrying: 0, poisoned: 0 }
  console.log("")
  for (const way of ways) {
    const ratio = of(way, "p50") / of("healthy", "p50")
    if (way !== "healthy") ratios[way] = ratio
    const verdict = way === "healthy"
      ? ""
      : `   ${ratio.toFixed(2)} of healthy (expected: at most ${EXPECTED_RATIO})`
    console.log(
      `  ${way.padEnd(10)} others' p50 ${of(way, "p50")} ms, p99 ${of(way, "p99")} ms${verdict}`
    )
  }
  if (json) {
    console.log(JSON.stringify({
      healthy_p50_ms: of("healthy", "p50"),
      retrying_p50_ratio: ratios.retrying,
      poisoned_p50_ratio: ratios.poisoned,
      healthy_p99_ms: of("healthy", "p99"),
      retrying_p99_ms: of("retrying", "p99"),
      poisoned_p99_ms: of("poisoned", "p99")
    }))
  }
  return Math.max(ratios.retrying, ratios.poisoned) <= EXPECTED_RATIO ? 0 : 1
}
