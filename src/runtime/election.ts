import { Clock, Effect } from "effect"
import type { NatsLink } from "../bus/connection.ts"
import { Leases } from "../bus/leases.ts"

/** Work that one process of the whole system does, whoever is there to do it. */
interface Office {
  readonly link: NatsLink
  /** One word; the lease is `office.<name>`. */
  readonly name: string
  /** This process. */
  readonly holder: string
  readonly ttlMillis: number
}

/** Renewals per lease time: two may fail before the work stops by itself. */
const RENEWALS_PER_TTL = 4
/** The work stops before the lease can end, clocks and pauses included. */
const STOP_AT_TTL_SHARE = 0.7
/** Who does not hold the office looks so often whether it is free. */
const LOOK_MILLIS = 500

/**
 * Does `work` while this process holds the office, and waits for it otherwise. Work that ends gives
 * the office back. The lease makes it likely, not certain, that nobody else works at the same time:
 * what must never happen twice needs a fence of its own.
 */
export const elected = Effect.fnUntraced(function* <E, R>(
  office: Office,
  work: Effect.Effect<void, E, R>
) {
  const leases = yield* Leases.open(office.link, office.ttlMillis)
  const key = `office.${office.name}`
  const held: Held = { key, revision: 0 }
  const giveBack = Effect.suspend(() => {
    const { revision } = held
    held.revision = 0
    return revision === 0 ? Effect.void : leases.release(key, revision)
  })
  yield* Effect.addFinalizer(() => Effect.andThen(giveBack, Effect.sync(leases.close)))
  for (;;) {
    yield* Effect.ignore(leases.freshen)
    const at = yield* Clock.currentTimeMillis
    held.revision = yield* leases.acquire(key, office.holder).pipe(Effect.orElseSucceed(() => 0))
    if (held.revision > 0) {
      yield* Effect.raceFirst(work, hold(office, leases, held, at))
      yield* giveBack
    }
    yield* Effect.sleep(LOOK_MILLIS)
  }
})

interface Held {
  readonly key: string
  /** 0 while somebody else holds it. */
  revision: number
}

/** Returns when the office is lost, or can no longer be proved to be ours. */
const hold = Effect.fnUntraced(function* (
  office: Office,
  leases: Leases,
  held: Held,
  acquiredAt: number
) {
  let renewedAt = acquiredAt
  for (;;) {
    yield* Effect.sleep(office.ttlMillis / RENEWALS_PER_TTL)
    const at = yield* Clock.currentTimeMillis
    const left = renewedAt + office.ttlMillis * STOP_AT_TTL_SHARE - at
    if (left <= 0) return
    const renewed = yield* leases.renew(held.key, office.holder, held.revision).pipe(
      Effect.catchTag("LeaseHeld", () => Effect.succeed(ownOf(leases, office, held))),
      Effect.catchTag("BusUnavailable", () => Effect.succeed(undefined)),
      Effect.timeoutOption(left)
    )
    if (renewed._tag === "None" || renewed.value === undefined) continue
    held.revision = renewed.value
    if (renewed.value === 0) return
    renewedAt = at
  }
})

/** The revision of a renewal of our own whose answer was lost; 0 where the office is another's. */
const ownOf = (leases: Leases, office: Office, { key, revision }: Held): number => {
  const known = leases.list().get(key)
  return known?.value === office.holder && known.revision > revision ? known.revision : 0
}
