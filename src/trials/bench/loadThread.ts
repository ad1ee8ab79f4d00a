import "../../telemetry/fiberContext.ts"
import { parentPort, workerData } from "node:worker_threads"
import { Effect } from "effect"
import { edgeLatency } from "./edgeLatency.ts"
import { Load, type LoadAccess } from "./load.ts"

// Producers and shops are other systems: they run in a thread of their own, not in the one measured.

export type LoadTask =
  | { readonly _tag: "Throughput"; readonly options: Parameters<Load["throughput"]>[0] }
  | { readonly _tag: "Latency"; readonly options: Parameters<Load["latency"]>[0] }
  | { readonly _tag: "Edge"; readonly options: Parameters<typeof edgeLatency>[0] }

const perform = (load: Load, task: LoadTask): Promise<unknown> => {
  switch (task._tag) {
    case "Throughput":
      return load.throughput(task.options)
    case "Latency":
      return load.latency(task.options)
    case "Edge":
      return edgeLatency(task.options)
  }
}

Effect.runFork(Effect.scoped(Effect.gen(function* () {
  const load = yield* Load.open(workerData as LoadAccess)
  parentPort!.on("message", ({ id, task }: { id: number; task: LoadTask }) => {
    perform(load, task).then(
      (value) => parentPort!.postMessage({ id, value }),
      (error) => parentPort!.postMessage({ id, error: String(error) })
    )
  })
  parentPort!.postMessage({ ready: true })
  yield* Effect.never
})))
