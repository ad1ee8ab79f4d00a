import process from "node:process"
import { simulator } from "../../actors/gateway/simulator.ts"
import { startWorker } from "../../src/cli/worker.ts"
import type { CrashPoint } from "../../src/runtime/commit.ts"
import { givenStack } from "../../src/stack/given.ts"
import { toStderr } from "../../src/telemetry/logs.ts"

/**
 * One worker as a process of its own, for tests that end processes. The servers come as for any
 * worker (`LASTRO_NATS_URL`, `DATABASE_URL`, …); `LASTRO_TEST_CRASH=after-commit:17:SIGKILL` ends the
 * process at the seventeenth pass of that point, as a power failure would: no handler runs. SIGSTOP
 * freezes it there instead, with what it was about to do in its hands.
 */
const environment = process.env
const [crashPoint, passes, signal] = (environment["LASTRO_TEST_CRASH"] ?? "").split(":")
let left = Number(passes)

const crash = (point: CrashPoint) => {
  if (point === crashPoint && --left === 0) process.kill(process.pid, signal)
}

const worker = startWorker(givenStack(environment)!, {
  name: environment["LASTRO_TEST_WORKER"]!,
  log: toStderr,
  gateways: [simulator(environment["LASTRO_TEST_GATEWAY_URL"]!, 30_000)],
  allowPrivateWebhooks: true,
  leaseTtlMillis: Number(environment["LASTRO_TEST_LEASE_MILLIS"]),
  crash
})

const stop = async () => {
  await worker.stop()
  process.exit(0)
}
process.on("SIGTERM", stop)
// The test that started it is gone: nobody would end this process.
process.stdin.on("end", () => process.exit(1)).resume()
