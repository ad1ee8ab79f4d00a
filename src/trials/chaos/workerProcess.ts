import "../../telemetry/fiberContext.ts"
import process from "node:process"
import { simulator } from "../../../actors/gateway/simulator.ts"
import { startWorker } from "../../house/worker.ts"
import type { CrashPoint } from "../../runtime/turnPlace.ts"
import { givenStack } from "../../stack/given.ts"
import { toStderr } from "../../telemetry/logs.ts"
import { fences } from "../../telemetry/metrics.ts"

/**
 * One worker as a process of its own, for those who end processes. The servers come as for any
 * worker (`LASTRO_NATS_URL`, `DATABASE_URL`, …); `LASTRO_CHAOS_CRASH=after-commit:17:SIGKILL` ends the
 * process at the seventeenth pass of that point, as a power failure would: no handler runs. SIGSTOP
 * freezes it there instead, with what it was about to do in its hands.
 */
const environment = process.env
const [crashPoint, passes, signal] = (environment["LASTRO_CHAOS_CRASH"] ?? "").split(":")
let left = Number(passes)

const crash = (point: CrashPoint) => {
  if (point === crashPoint && --left === 0) process.kill(process.pid, signal)
}

const worker = startWorker(givenStack(environment)!, {
  name: environment["LASTRO_CHAOS_WORKER"]!,
  log: toStderr,
  gateways: [simulator(environment["LASTRO_CHAOS_GATEWAY_URL"]!, 30_000)],
  allowPrivateWebhooks: true,
  leaseTtlMillis: Number(environment["LASTRO_CHAOS_LEASE_MILLIS"]),
  crash
})

/** Tells on the standard output how often a fence worked, whenever one did. */
const TELL_EVERY_MILLIS = 200
let told = "{}"
setInterval(async () => {
  const counts: Record<string, number> = {}
  for (const { labels, value } of (await fences.get()).values) {
    const place = String(labels["place"])
    counts[place] = (counts[place] ?? 0) + value
  }
  const text = JSON.stringify(counts)
  if (text !== told) process.stdout.write(`${text}\n`)
  told = text
}, TELL_EVERY_MILLIS)

const stop = async () => {
  await worker.stop()
  process.exit(0)
}
process.on("SIGTERM", stop)
// Who started it is gone: nobody would end this process.
process.stdin.on("end", () => process.exit(1)).resume()
