import * as fs from "node:fs"
import { Worker } from "node:worker_threads"
import { newSigningKey, signerOf, verifierKey } from "../../domain/checkpoint.ts"
import { lineOf, type LogSink } from "../../telemetry/logs.ts"

export interface AuditorData {
  readonly databaseUrl: string
  /** PEM. */
  readonly key: string
  readonly intervalMillis: number
}

interface Auditor {
  readonly stop: () => Promise<void>
}

/** How far the signed tree follows behind the journal when little happens. */
const INTERVAL_MILLIS = 1_000
/** Before a thread that ended is begun again. */
const AGAIN_MILLIS = 1_000

/**
 * The private key of the checkpoints, made at the first start. Only its owner may read the file; the
 * public key lies beside it for anyone.
 */
const keptSigningKey = (file: string): string => {
  if (!fs.existsSync(file)) fs.writeFileSync(file, newSigningKey(), { mode: 0o600, flag: "wx" })
  const pem = fs.readFileSync(file, "utf8")
  fs.writeFileSync(`${file.replace(/\.key$/, "")}.pub`, verifierKey(signerOf(pem)) + "\n")
  return pem
}

/**
 * Appends what the actors commit to the signed tree, in a thread of its own: hashing must not wait
 * for decisions, nor they for it. Any number of processes may run one; each entry is appended once. A
 * thread that ends is told and begun again.
 */
export const startAuditor = async (
  databaseUrl: string,
  keyFile: string,
  log: LogSink
): Promise<Auditor> => {
  const data: AuditorData = {
    databaseUrl,
    key: keptSigningKey(keyFile),
    intervalMillis: INTERVAL_MILLIS
  }
  let stopping = false
  let again: NodeJS.Timeout | undefined
  const ended = (cause: unknown) => {
    if (stopping) return
    log(lineOf("error", "the thread of the signed tree ended and is begun again", cause))
    again = setTimeout(() => {
      thread = begun(data, log, ended)
      thread.catch(ended)
    }, AGAIN_MILLIS)
  }
  let thread = begun(data, log, ended)
  await thread
  return {
    stop: async () => {
      stopping = true
      clearTimeout(again)
      await (await thread.catch(() => undefined))?.stop()
    }
  }
}

/** One thread, once it has started. `ended` hears where it ends without being asked to. */
const begun = (
  workerData: AuditorData,
  log: LogSink,
  ended: (cause: unknown) => void
): Promise<Auditor> =>
  new Promise((resolve, reject) => {
    const thread = new Worker(new URL("./thread.ts", import.meta.url), { workerData })
    let gone = false
    let stopped = () => {}
    let failed = reject
    thread.on("error", (cause) => failed(cause))
    thread.once("exit", () => {
      gone = true
      stopped()
    })
    thread.on("message", (told: { trouble?: string; stopped?: boolean; started?: boolean }) => {
      if (told.trouble !== undefined) {
        log(lineOf("error", "the signed tree does not follow the journal", told.trouble))
      }
      if (told.stopped) stopped()
      if (told.started) {
        failed = ended
        resolve({
          stop: async () => {
            if (gone) return
            const done = new Promise<void>((resolve) => {
              stopped = resolve
            })
            thread.postMessage("stop")
            await done
            await thread.terminate()
          }
        })
      }
    })
  })
