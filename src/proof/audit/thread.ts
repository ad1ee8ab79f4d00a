import { parentPort, workerData } from "node:worker_threads"
import { signerOf } from "../../domain/checkpoint.ts"
import { appendCommitted } from "../../ledger/tree.ts"
import { chainActions } from "../../store/actionChain.ts"
import { connect } from "../../store/database.ts"
import type { AuditorData } from "./auditor.ts"

/** Entries of one append: some milliseconds of hashing, some hundred kilobytes. */
const ENTRIES_MAX = 2_000
/** A trouble that lasts is told this often. */
const TELL_MILLIS = 60_000

const { databaseUrl, intervalMillis, key } = workerData as AuditorData
const db = connect(databaseUrl, 1)
const signer = signerOf(key)
let stopping = false
let wake = () => {}
let toldAt = -Infinity

const tell = (error: unknown) => {
  if (performance.now() - toldAt < TELL_MILLIS) return
  toldAt = performance.now()
  parentPort!.postMessage({
    trouble: error instanceof Error ? error.message : String(error)
  })
}

const pause = (millis: number) =>
  new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, millis)
    wake = () => {
      clearTimeout(timer)
      resolve()
    }
  })

parentPort!.on("message", () => {
  stopping = true
  wake()
})
parentPort!.postMessage({ started: true })

while (!stopping) {
  await chainActions(db, signer).catch(tell)
  const appended = await appendCommitted(db, signer, {
    entriesMax: ENTRIES_MAX,
    time: new Date().toISOString()
  }).catch((error) => {
    // PostgreSQL is away, or somebody else was faster: the next look finds the same entries.
    tell(error)
    return 0
  })
  if (appended < ENTRIES_MAX && !stopping) await pause(intervalMillis)
}
await db.destroy()
parentPort!.postMessage({ stopped: true })
