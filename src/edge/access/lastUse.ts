import { Effect } from "effect"
import { noteUses } from "../../store/apiKeys.ts"
import type { Database } from "../../store/database.ts"

/** A key's last use is kept at most this often. */
const KEPT_EVERY_MILLIS = 60_000
/** Keys that come within this time are written down together. */
const GATHERED_MILLIS = 1_000
/** Keys remembered as written down. Beyond it the oldest may be written down once more. */
const KEYS_MAX = 10_000

/** Remembers which keys were used, and writes it down behind the requests. */
export class LastUse {
  private readonly database: Database["Service"]
  private readonly kept = new Map<string, number>()
  private waiting = new Set<string>()

  constructor(database: Database["Service"]) {
    this.database = database
  }

  note(id: string, now: number): void {
    const before = this.kept.get(id)
    if (before !== undefined && now - before < KEPT_EVERY_MILLIS) return
    this.kept.delete(id)
    if (this.kept.size >= KEYS_MAX) this.kept.delete(this.kept.keys().next().value!)
    this.kept.set(id, now)
    this.waiting.add(id)
    if (this.waiting.size === 1) Effect.runFork(this.write)
  }

  /** A use that cannot be written down is told by the next one. */
  private readonly write = Effect.suspend(() => {
    const ids = [...this.waiting]
    this.waiting = new Set()
    return this.database.query("edge.key.used", (db) => noteUses(db, ids))
  }).pipe(Effect.ignore, Effect.delay(GATHERED_MILLIS))
}
