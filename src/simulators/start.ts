import { Worker } from "node:worker_threads"

export interface SimulatorThread {
  readonly url: string
  readonly stop: () => Promise<void>
}

/** The card gateway's simulator in a thread of this process. */
export const startSimulatorThread = (file: string): Promise<SimulatorThread> =>
  startThread(new URL("./card/thread.ts", import.meta.url), file)

/** The simulated bank with the Pix API in a thread of this process. */
export const startPixThread = (file: string): Promise<SimulatorThread> =>
  startThread(new URL("./pix/thread.ts", import.meta.url), file)

const startThread = (script: URL, file: string): Promise<SimulatorThread> =>
  new Promise((resolve, reject) => {
    const thread = new Worker(script, { workerData: { file } })
    let gone = false
    thread.once("exit", () => {
      gone = true
    })
    thread.once("error", reject)
    thread.once("message", ({ url }: { url: string }) => {
      // From here on its end is this process's trouble, and told as any other error nobody waits for.
      thread.off("error", reject)
      resolve({
        url,
        stop: async () => {
          if (gone) return
          const stopped = new Promise((done) => {
            thread.once("message", done)
            thread.once("exit", done)
          })
          thread.postMessage("stop")
          await stopped
          await thread.terminate()
        }
      })
    })
  })
