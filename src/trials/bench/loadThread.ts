import "../../telemetry/fiberContext.ts"
import { parentPort, workerData } from "node:worker_threads"
import { Effect } from "effect"
import { Load, type LoadAccess } from "./load.ts"
import { Shop, type ShopAccess } from "./shop.ts"

// Producers and shops are other systems: they run in a thread of their own, not in the one measured.

export interface LoaderAccess extends LoadAccess {
  /** Without it nobody asks the edge. */
  readonly shop?: ShopAccess
}

export type LoadTask =
  | { readonly _tag: "Throughput"; readonly options: Parameters<Load["throughput"]>[0] }
  | { readonly _tag: "Pace"; readonly options: Parameters<Load["pace"]>[0] }
  | { readonly _tag: "Latency" }
  | { readonly _tag: "Edge"; readonly options: Parameters<Shop["paced"]>[0] }
  | { readonly _tag: "Single"; readonly options: Parameters<Shop["single"]>[0] }

const perform = (load: Load, shop: Shop | undefined, task: LoadTask): Promise<unknown> => {
  switch (task._tag) {
    case "Throughput":
      return load.throughput(task.options)
    case "Pace":
      return load.pace(task.options)
    case "Latency":
      return load.latency()
    case "Edge":
      return shop!.paced(task.options)
    case "Single":
      return shop!.single(task.options)
  }
}

Effect.runFork(Effect.scoped(Effect.gen(function* () {
  const access = workerData as LoaderAccess
  const load = yield* Load.open(access)
  const shop = access.shop && new Shop(access.shop)
  parentPort!.on("message", ({ id, task }: { id: number; task: LoadTask }) => {
    perform(load, shop, task).then(
      (value) => parentPort!.postMessage({ id, value }),
      (error) => parentPort!.postMessage({ id, error: String(error) })
    )
  })
  parentPort!.postMessage({ ready: true })
  yield* Effect.never
})))
