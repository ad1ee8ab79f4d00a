import { Worker } from "node:worker_threads"
import type { LoaderAccess, LoadTask } from "./loadThread.ts"

export interface Loader {
  readonly run: <A>(task: LoadTask) => Promise<A>
  readonly stop: () => Promise<void>
}

/** Starts the load's thread and waits until it watches. */
export const startLoader = (access: LoaderAccess): Promise<Loader> =>
  new Promise((resolve, reject) => {
    const thread = new Worker(new URL("./loadThread.ts", import.meta.url), { workerData: access })
    const waiting = new Map<number, { ok: (value: unknown) => void; no: (error: Error) => void }>()
    let next = 0
    thread.on("error", (error) => {
      reject(error)
      for (const { no } of waiting.values()) no(error as Error)
    })
    thread.on("message", (message: { id?: number; value?: unknown; error?: string }) => {
      if (message.id === undefined) {
        return resolve({
          run: <A>(task: LoadTask) =>
            new Promise<A>((ok, no) => {
              const id = next++
              waiting.set(id, { ok: ok as (value: unknown) => void, no })
              thread.postMessage({ id, task })
            }),
          stop: async () => {
            await thread.terminate()
          }
        })
      }
      const one = waiting.get(message.id)!
      waiting.delete(message.id)
      if (message.error === undefined) one.ok(message.value)
      else one.no(new Error(message.error))
    })
  })
