// A process of its own: what its fibers leave behind after so many pauses, in bytes.
const [guarded, pauses] = process.argv.slice(2)
if (guarded === "guarded") await import("../../src/telemetry/fiberContext.ts")
const { Effect } = await import("effect")

const pausing = Effect.gen(function* () {
  for (let done = 0; done < Number(pauses); done++) yield* Effect.yieldNow
})
const used = () => {
  ;(globalThis as unknown as { gc: () => void }).gc()
  return process.memoryUsage().heapUsed
}

await Effect.runPromise(pausing)
const before = used()
const paused = Promise.withResolvers<void>()
const fiber = Effect.runFork(
  pausing.pipe(Effect.andThen(Effect.sync(paused.resolve)), Effect.andThen(Effect.never))
)
await paused.promise
console.log(used() - before)
fiber.interruptUnsafe()
process.exit()
