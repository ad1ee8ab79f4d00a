import { Worker } from "node:worker_threads"

export interface SimulatorThread {
  readonly url: string
  readonly stop: () => Promise<void>
}

/** The simulator in a thread of this process. */
export const startSimulatorThread = (file: string): Promise<SimulatorThread> =>
  new Promise((resolve, reject) => {
    const thread = new Worker(new URL("./thread.ts", import.meta.url), { workerData: { file } })
    thread.once("error", reject)
    thread.once("message", ({ url }: { url: string }) =>
      resolve({
        url,
        stop: async () => {
          const stopped = new Promise((done) => thread.once("message", done))
          thread.postMessage("stop")
          await stopped
          await thread.terminate()
        }
      }))
  })
