import * as fs from "node:fs"
import { Worker } from "node:worker_threads"
import { newSigningKey, signerOf, verifierKey } from "../../domain/checkpoint.ts"
import type { LogSink } from "../../telemetry/logs.ts"

export interface AuditorData {
  readonly databaseUrl: string
  /** PEM. */
  readonly key: string
  readonly intervalMillis: number
}

export interface Auditor {
  readonly stop: () => Promise<void>
}

/** How far the signed tree follows behind the journal when little happens. */
const INTERVAL_MILLIS = 1_000

/**
 * The private key of the checkpoints, made at the first start. Only its owner may read the file; the
 * public key lies beside it for anyone.
 */
export const keptSigningKey = (file: string): string => {
  if (!fs.existsSync(file)) fs.writeFileSync(file, newSigningKey(), { mode: 0o600, flag: "wx" })
  const pem = fs.readFileSync(file, "utf8")
  fs.writeFileSync(`${file.replace(/\.key$/, "")}.pub`, verifierKey(signerOf(pem)) + "\n")
  return pem
}

/**
 * Appends what the actors commit to the signed tree, in a thread of its own: hashing must not wait
 * for decisions, nor they for it. Any number of processes may run one; each entry is appended once.
 */
export const startAuditor = (
  databaseUrl: string,
  keyFile: string,
  log: LogSink
): Promise<Auditor> =>
  new Promise((resolve, reject) => {
    const workerData: AuditorData = {
      databaseUrl,
      key: keptSigningKey(keyFile),
      intervalMillis: INTERVAL_MILLIS
    }
    const thread = new Worker(new URL("./thread.ts", import.meta.url), { workerData })
    let stopped = () => {}
    thread.once("error", reject)
    thread.on("message", (told: { trouble?: string; stopped?: boolean; started?: boolean }) => {
      if (told.trouble !== undefined) {
        log(JSON.stringify({
          time: new Date().toISOString(),
          level: "error",
          message: "the signed tree does not follow the journal",
          cause: told.trouble
        }))
      }
      if (told.stopped) stopped()
      if (told.started) {
        resolve({
          stop: async () => {
            const ended = new Promise<void>((done) => {
              stopped = done
            })
            thread.postMessage("stop")
            await ended
            await thread.terminate()
          }
        })
      }
    })
  })
