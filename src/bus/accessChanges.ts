import { Effect, Schema } from "effect"
import type { BusClient } from "./connection.ts"
import { changeEntry, CONTROL_PREFIX, readEntry } from "./control.ts"

/**
 * Whose right to come in has changed: keys, tokens and sessions by their identifiers, the newest last. Entry
 * `access` of the bucket `control`. What it is now stands in PostgreSQL; who remembers it forgets it.
 */
const AccessChanges = Schema.Struct({
  /** Of the newest change; each has the next number. */
  generation: Schema.Int,
  changed: Schema.Array(Schema.String)
})
type AccessChanges = typeof AccessChanges.Type

const ENTRY = "access"
/** Who missed more than these forgets everybody. */
const CHANGES_KEPT_MAX = 500
/** Without a word from the server the entry is looked at this often all the same. */
const LOOK_EVERY_MILLIS = 2_000

/** Tells every edge that these have changed. */
export const tellAccessChanged = (nc: BusClient, ids: ReadonlyArray<string>) =>
  changeEntry(nc, ENTRY, AccessChanges, (known) => ({
    generation: (known?.generation ?? 0) + ids.length,
    changed: [...known?.changed ?? [], ...ids].slice(-CHANGES_KEPT_MAX)
  }))

/** Those who changed since a generation; undefined where that is not known any more. */
const changedSince = (
  { changed, generation }: AccessChanges,
  since: number
): ReadonlyArray<string> | undefined => {
  const count = generation - since
  return count < 0 || count > changed.length ? undefined : count === 0 ? [] : changed.slice(-count)
}

const decode = Schema.decodeUnknownResult(Schema.fromJsonString(AccessChanges))

/**
 * Tells whoever listens of each change: at the server's word, or two seconds later where that is lost.
 * `undefined` where it may be anybody.
 */
export const watchAccess = Effect.fnUntraced(function* (
  nc: BusClient,
  listener: (ids: ReadonlyArray<string> | undefined) => void
) {
  let seen: number | undefined
  const take = (entry: AccessChanges) => {
    if (entry.generation === seen) return
    const ids = seen === undefined ? undefined : changedSince(entry, seen)
    seen = entry.generation
    listener(ids)
  }
  const subscription = nc.subscribe(CONTROL_PREFIX + ENTRY, {
    callback: (_error, message) => {
      // A user without this right hears nothing, and looks.
      const entry = message === undefined ? undefined : decode(message.string())
      if (entry?._tag === "Success" && entry.success.generation > (seen ?? 0)) take(entry.success)
    }
  })
  yield* Effect.addFinalizer(() => Effect.sync(() => subscription.unsubscribe()))
  const look = readEntry(nc, ENTRY, AccessChanges).pipe(
    Effect.map(({ value }) => value === undefined ? undefined : take(value))
  )
  return yield* Effect.forever(
    Effect.andThen(Effect.ignore(look), Effect.sleep(LOOK_EVERY_MILLIS))
  )
})
