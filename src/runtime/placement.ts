import { Cause, Clock, Effect, type Exit, Fiber, Latch } from "effect"
import { type Epoch, type LeaseEntry, Leases } from "../bus/leases.ts"
import type { NatsLink } from "../bus/connection.ts"
import { fnv1a } from "../domain/partition.ts"
import type { Database } from "../store/database.ts"
import type { TurnStore } from "../store/turnStore.ts"
import * as metrics from "../telemetry/metrics.ts"
import { ableMembers, announcementOf } from "./membership.ts"
import type { PartitionFailure } from "./owned.ts"

/** One partition of one family, as a lease names it: `payments.7`. */
export interface Slot {
  readonly family: string
  readonly partition: number
}

export interface PlacementOptions {
  readonly link: NatsLink
  readonly worker: string
  readonly slots: ReadonlyArray<Slot>
  readonly ttlMillis: number
  /** The generation of a family's messages that this worker reads. */
  readonly generationOf: (family: string) => number
  /** Runs a partition under an epoch until `stopping` says so, or it fails. */
  readonly run: (
    slot: Slot,
    epoch: Epoch,
    stopping: () => boolean
  ) => Effect.Effect<void, PartitionFailure, Database | TurnStore>
}

/** Renewals per lease time: three may fail before the partition stops by itself. */
const RENEWALS_PER_TTL = 4
/** The partition stops before the lease can end, clocks and pauses included. */
const STOP_AT_TTL_SHARE = 0.7
/** A joining worker waits until nobody has joined for so long, so that a roll-out moves partitions once. */
const JOIN_SETTLES_MILLIS = 1_000
/** Where somebody joins all the time, nobody waits longer than this. */
const JOIN_SETTLES_MILLIS_MAX = 5_000
const TICK_MILLIS = 250
/** How often it is looked whether a renewal is overdue, whatever the tick waits for. */
const WATCH_MILLIS = 100
/** After a failure a partition rests, longer each time, so that a broken one does not spin. */
const REST_MILLIS_MIN = 100
/** Who ran this long before the failure is not broken and starts again with a short rest. */
const REST_MILLIS_MAX = 10_000

interface Running {
  readonly slot: Slot
  readonly fiber: Fiber.Fiber<void, PartitionFailure>
  readonly startedAt: number
  revision: number
  renewedAt: number
  /** Asked to end after the turn under way. */
  stopping: boolean
  /** Ended wherever it stands. */
  interrupted: boolean
}

export const slotKey = (slot: Slot): string => `${slot.family}.${slot.partition}`

/**
 * Rendezvous hashing: the member with the greatest hash of (member, slot) owns it, so a member that
 * joins or leaves moves only its own share.
 */
export const ownerOf = (members: ReadonlyArray<string>, slot: string): string | undefined => {
  let best: string | undefined
  let bestWeight = -1
  for (const member of members) {
    const weight = mix(fnv1a(`${member}|${slot}`))
    if (weight > bestWeight || (weight === bestWeight && member < best!)) {
      best = member
      bestWeight = weight
    }
  }
  return best
}

/** FNV-1a of like texts differs in few bits; the finalizer of MurmurHash3 spreads them. */
const mix = (hash: number): number => {
  let h = hash
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** Announces this worker, owns its share of the slots by leases, and hands them back at the end. */
export const place = Effect.fnUntraced(function* (options: PlacementOptions) {
  const leases = yield* Leases.open(options.link, options.ttlMillis)
  const changed = Latch.makeUnsafe(false)
  // What somebody gave back or left behind is taken at once, not at the next tick.
  leases.onChange(({ key, to }) => {
    if (to === "" || key.startsWith(MEMBER)) changed.openUnsafe()
  })
  const state: State = {
    options,
    leases,
    running: new Map(),
    restingUntil: new Map(),
    self: {
      families: new Map(options.slots.map(({ family }) => [family, options.generationOf(family)])),
      standsBackFrom: new Set()
    },
    member: 0,
    announcedAt: 0,
    joining: new Map(),
    settled: new Set(),
    sawOthers: false
  }
  yield* Effect.addFinalizer(() => handOver(state))
  const ticking = Effect.gen(function* () {
    changed.closeUnsafe()
    // An acquisition that is under way is never left: nobody would hold what it takes.
    yield* Effect.uninterruptible(tick(state)).pipe(
      Effect.catchCause((cause) => Effect.logWarning("placement", cause))
    )
    yield* Effect.raceFirst(changed.await, Effect.sleep(TICK_MILLIS))
  })
  const watching = Effect.flatMap(Clock.currentTimeMillis, (now) => stopStale(state, now)).pipe(
    Effect.andThen(Effect.sleep(WATCH_MILLIS))
  )
  yield* Effect.forkChild(Effect.forever(watching))
  yield* Effect.forever(ticking)
})

interface State {
  readonly options: PlacementOptions
  readonly leases: Leases
  readonly running: Map<string, Running>
  readonly restingUntil: Map<string, { at: number; millis: number }>
  /** What it announces; partitions are added where it meets a message of newer workers. */
  readonly self: {
    readonly families: ReadonlyMap<string, number>
    readonly standsBackFrom: Set<string>
  }
  /** Revision of our own member key; 0 before the first announcement. */
  member: number
  announcedAt: number
  /** Members that do not count yet, and when each was first seen. */
  readonly joining: Map<string, number>
  readonly settled: Set<string>
  sawOthers: boolean
}

const MEMBER = "m."

const membersOf = (entries: ReadonlyMap<string, LeaseEntry>): Array<string> =>
  [...entries].filter(([key, { value }]) => key.startsWith(MEMBER) && value !== "")
    .map(([key]) => key.slice(MEMBER.length))

const saidBy = ({ leases }: State, member: string): string =>
  leases.list().get(MEMBER + member)?.value ?? ""

const tick = Effect.fnUntraced(function* (state: State) {
  const now = yield* Clock.currentTimeMillis
  yield* announce(state, now)
  const members = settledMembers(state, now)
  const free: Array<Slot> = []
  for (const slot of state.options.slots) {
    const key = slotKey(slot)
    const able = ableMembers(members, (member) => saidBy(state, member), slot.family, key)
    const mine = ownerOf(able, key) === state.options.worker &&
      !state.self.standsBackFrom.has(key)
    const owned = state.running.get(key)
    if (owned !== undefined && !mine) owned.stopping = true
    const rested = (state.restingUntil.get(key)?.at ?? 0) <= now
    if (owned === undefined && mine && rested) free.push(slot)
  }
  // What we hold comes first: an absent server lets every acquisition run into its time-out.
  yield* renewAll(state, now)
  const taken = yield* Effect.forEach(free, (slot) => take(state, slot), {
    concurrency: "unbounded"
  })
  // Begun here and not where they were taken: a partition ends with the fiber that began it.
  for (const one of taken) {
    if (one !== undefined) yield* begin(state, one)
  }
  yield* Effect.ignore(state.leases.freshen)
})

const announce = Effect.fnUntraced(function* (state: State, now: number) {
  const { leases, options } = state
  const key = MEMBER + options.worker
  const due = state.announcedAt + options.ttlMillis / RENEWALS_PER_TTL
  if (state.member !== 0 && now < due) return
  // What the bucket holds counts: a renewal whose answer was lost took place all the same.
  const known = leases.list().get(key)
  const written = known === undefined || known.value === ""
    ? leases.acquire(key, announcementOf(state.self))
    : leases.renew(key, announcementOf(state.self), known.revision)
  state.member = yield* written.pipe(Effect.orElseSucceed(() => 0))
  state.announcedAt = now
})

/**
 * Members that count: who is gone no longer does, at once; who joined does when the roll-out is over.
 * Who never saw anybody else need not wait.
 */
const settledMembers = (state: State, now: number): ReadonlyArray<string> => {
  const { joining, settled } = state
  const members = membersOf(state.leases.list())
  for (const member of members) {
    if (!settled.has(member) && !joining.has(member)) joining.set(member, now)
  }
  for (const known of [joining, settled]) {
    for (const member of known.keys()) if (!members.includes(member)) known.delete(member)
  }
  const seen = [...joining.values()]
  const over = now - Math.max(...seen) >= JOIN_SETTLES_MILLIS ||
    now - Math.min(...seen) >= JOIN_SETTLES_MILLIS_MAX
  if (over || !state.sawOthers && members.length === 1) {
    for (const member of joining.keys()) settled.add(member)
    joining.clear()
  }
  state.sawOthers ||= members.length > 1
  return [...settled]
}

interface Taken {
  readonly slot: Slot
  readonly revision: number
  readonly at: number
}

const take = Effect.fnUntraced(function* (state: State, slot: Slot) {
  const at = yield* Clock.currentTimeMillis
  return yield* state.leases.acquire(slotKey(slot), state.options.worker).pipe(
    Effect.map((revision): Taken | undefined => ({ slot, revision, at })),
    Effect.orElseSucceed(() => undefined)
  )
})

const begin = Effect.fnUntraced(function* (state: State, { at, revision, slot }: Taken) {
  const { leases, options, running } = state
  const epoch = { bucketMillis: leases.bucketMillis, revision }
  const held: { current: Running | undefined } = { current: undefined }
  const fiber = yield* Effect.interruptible(
    options.run(slot, epoch, () => held.current?.stopping ?? false)
  ).pipe(
    Effect.onExit((exit) => ended(state, slot, held.current, exit)),
    Effect.forkChild
  )
  held.current = {
    slot,
    fiber,
    revision,
    startedAt: at,
    renewedAt: at,
    stopping: false,
    interrupted: false
  }
  running.set(slotKey(slot), held.current)
  metrics.partitionsOwned.inc({ family: slot.family })
})

/** A message of a newer worker: this one stands back, and says so at once, until it is replaced. */
const standBack = (state: State, slot: string) => {
  state.self.standsBackFrom.add(slot)
  state.announcedAt = 0
}

const ended = Effect.fnUntraced(function* (
  state: State,
  slot: Slot,
  held: Running | undefined,
  exit: Exit.Exit<void, PartitionFailure>
) {
  const key = slotKey(slot)
  state.running.delete(key)
  metrics.partitionsOwned.dec({ family: slot.family })
  if (held !== undefined) yield* state.leases.release(key, held.revision)
  const now = yield* Clock.currentTimeMillis
  if (exit._tag === "Success") {
    state.restingUntil.delete(key)
    return
  }
  const failure = Cause.findErrorOption(exit.cause)
  if (failure._tag === "Some" && failure.value._tag === "PartitionOutdated") standBack(state, key)
  const before = state.restingUntil.get(key)
  const wasHealthy = held !== undefined && now - held.startedAt > REST_MILLIS_MAX
  const millis = before === undefined || wasHealthy
    ? REST_MILLIS_MIN
    : Math.min(before.millis * 2, REST_MILLIS_MAX)
  state.restingUntil.set(key, { at: now + millis, millis })
  yield* Effect.logWarning(`partition ${key} stopped`, exit.cause)
})

/** A partition whose lease was not renewed for most of its time stops before the lease can end. */
const stopStale = (state: State, now: number) =>
  Effect.forEach(
    [...state.running.values()].filter((held) =>
      now - held.renewedAt > state.options.ttlMillis * STOP_AT_TTL_SHARE
    ),
    interrupt,
    { discard: true }
  )

/** Does not wait for the end: a database transaction may be under way, which the fences watch. */
const interrupt = (held: Running) =>
  Effect.suspend(() => {
    if (held.interrupted) return Effect.void
    held.interrupted = true
    return Effect.asVoid(Effect.forkDetach(Fiber.interrupt(held.fiber)))
  })

const renewAll = Effect.fnUntraced(function* (state: State, now: number) {
  const { options } = state
  const due = [...state.running.values()].filter((held) =>
    now - held.renewedAt >= options.ttlMillis / RENEWALS_PER_TTL
  )
  yield* Effect.forEach(due, (held) => renew(state, held, now), {
    concurrency: "unbounded",
    discard: true
  })
})

const renew = ({ leases, options, running }: State, held: Running, now: number) => {
  const key = slotKey(held.slot)
  return leases.renew(key, options.worker, held.revision).pipe(
    Effect.flatMap((revision) => {
      held.revision = revision
      held.renewedAt = now
      // It ended meanwhile, and giving back the lease under its former revision was refused.
      return running.get(key) === held ? Effect.void : leases.release(key, revision)
    }),
    Effect.catchTag("LeaseHeld", () => {
      const known = leases.list().get(key)
      if (known?.value === options.worker && known.revision > held.revision) {
        // Our own renewal, whose answer was lost.
        held.revision = known.revision
        return Effect.void
      }
      metrics.fences.inc({ family: held.slot.family, place: "lease" })
      return interrupt(held)
    }),
    // Whoever watches the time stops it before the lease can end.
    Effect.catchTag("BusUnavailable", () => Effect.void)
  )
}

/**
 * Finishes the turns under way and gives every lease back. First says that it leaves: the others then
 * take each partition the moment it is free, not when the last one is.
 */
const handOver = Effect.fnUntraced(function* (state: State) {
  for (const held of state.running.values()) held.stopping = true
  if (state.member !== 0) {
    yield* state.leases.release(MEMBER + state.options.worker, state.member)
  }
  yield* Effect.forEach([...state.running.values()], (held) => Fiber.await(held.fiber), {
    concurrency: "unbounded",
    discard: true
  }).pipe(Effect.timeoutOption(state.options.ttlMillis))
  state.leases.close()
})
