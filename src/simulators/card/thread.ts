import { parentPort, workerData } from "node:worker_threads"
import { startSimulator } from "./server.ts"

// A bank is another system: its work must not be done in the thread that runs the actors.
const simulator = await startSimulator(workerData as { file: string })
parentPort!.on("message", () => {
  simulator.stop().then(() => parentPort!.postMessage({ stopped: true }))
})
parentPort!.postMessage({ url: simulator.url })
