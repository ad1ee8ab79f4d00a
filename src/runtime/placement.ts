import { Cause, Clock, Effect, type Exit, Fiber, Latch } from "effect"
import { type Epoch, type LeaseEntry, Leases } from "../bus/leases.ts"
import type { NatsLink } from "../bus/connection.ts"
import type { Database } from "../store/database.ts"
import type { TurnStore } from "../store/turnStore.ts"
import * as metrics from "../telemetry/metrics.ts"
import { ableMembers, announcementOf } from "./membership.ts"
import type { PartitionFailure } from "./owned.ts"
import { ownerOf } from "./rendezvous.ts"

/** One partition of one mailbox, as a lease names it: `payments.7`. */
export interface Slot {
  readonly mailbox: string
  readonly partition: number
}

interface PlacementOptions {
  readonly link: NatsLink
  readonly worker: string
  readonly slots: ReadonlyArray<Slot>
  /** How many each mailbox has: who reckons with another number owns nothing. */
  readonly partitions: number
  readonly ttlMillis: number
  /** What this worker runs, with the generation of messages that it reads. */
  readonly families: ReadonlyArray<readonly [family: string, generation: number]>
  readonly familiesOf: (mailbox: string) => ReadonlyArray<string>
  /** Runs a partition under an epoch until it is asked to stop, or it fails. */
  readonly run: (
    slot: Slot,
    epoch: Epoch,
    stopAsked: Latch.Latch
  ) => Effect.Effect<void, PartitionFailure, Database | TurnStore>
}

/** Renewals per lease time: three may fail before the partition stops by itself. */
const RENEWALS_PER_TTL = 4
/** The partition stops before the lease can end, clocks and pauses included. */
const STOP_AT_TTL_SHARE = 0.7
/** A joining worker waits until nobody has joined for so long, so that a roll-out moves partitions once. */
export const JOIN_SETTLES_MILLIS = 1_000
/** Where somebody joins all the time, nobody waits longer than this. */
const JOIN_SETTLES_MILLIS_MAX = 5_000
/** A worker that could not write to the bucket for so long asks for another leader of it, again and again. */
const UNWRITTEN_TTLS = 2
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
  /** Open where it was asked to end after the turn under way. */
  readonly stopAsked: Latch.Latch
  /** Ended wherever it stands. */
  interrupted: boolean
}

export const slotKey = (slot: Slot): string => `${slot.mailbox}.${slot.partition}`

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
    underWay: new Map(),
    leaving: false,
    restingUntil: new Map(),
    self: {
      partitions: options.partitions,
      families: new Map(options.families),
      standsBackFrom: new Set()
    },
    member: 0,
    writtenAt: yield* Clock.currentTimeMillis,
    announcedAt: 0,
    joining: new Map(),
    settled: new Set(),
    sawOthers: false
  }
  yield* Effect.addFinalizer(() => handOver(state))
  const ticking = Effect.gen(function* () {
    changed.closeUnsafe()
    yield* tick(state)
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
  /** What was asked of NATS and is not answered yet, by what it is. */
  readonly underWay: Map<string, Fiber.Fiber<void>>
  /** Asked to end: what is taken now is given back at once. */
  leaving: boolean
  readonly restingUntil: Map<string, { at: number; millis: number }>
  /** What it announces; partitions are added where it meets a message of newer workers. */
  readonly self: {
    readonly partitions: number
    readonly families: ReadonlyMap<string, number>
    readonly standsBackFrom: Set<string>
  }
  /** Revision of our own member key; 0 before the first announcement. */
  member: number
  /** When the bucket last took an announcement, or another leader of it was asked for. */
  writtenAt: number
  announcedAt: number
  /** Members that do not count yet, and when each was first seen. */
  readonly joining: Map<string, number>
  readonly settled: Set<string>
  sawOthers: boolean
}

/** Before the name of a member, which announces itself under a lease. */
export const MEMBER = "m."

const membersOf = (entries: ReadonlyMap<string, LeaseEntry>): Array<string> =>
  [...entries].filter(([key, { value }]) => key.startsWith(MEMBER) && value !== "")
    .map(([key]) => key.slice(MEMBER.length))

const saidBy = ({ leases }: State, member: string): string =>
  leases.list().get(MEMBER + member)?.value ?? ""

/**
 * Looks at what is known and begins what follows from it. It waits for nothing: a partition that was
 * given back is taken at once, whatever else is under way, and one slow answer holds up nobody.
 */
const tick = Effect.fnUntraced(function* (state: State) {
  const now = yield* Clock.currentTimeMillis
  const { leases, options, running } = state
  yield* once(state, "announce", announce(state, now))
  const members = settledMembers(state, now)
  for (const slot of options.slots) {
    const key = slotKey(slot)
    const able = ableMembers(
      members,
      (member) => saidBy(state, member),
      options.familiesOf(slot.mailbox),
      key,
      options.partitions
    )
    const mine = ownerOf(able, key) === options.worker && !state.self.standsBackFrom.has(key)
    const owned = running.get(key)
    if (owned !== undefined && !mine) owned.stopAsked.openUnsafe()
    const rested = (state.restingUntil.get(key)?.at ?? 0) <= now
    const free = (leases.list().get(key)?.value ?? "") === ""
    if (owned === undefined && mine && rested && free) yield* once(state, key, take(state, slot))
  }
  for (const [key, held] of running) {
    const due = now - held.renewedAt >= options.ttlMillis / RENEWALS_PER_TTL
    if (due) yield* once(state, `renew ${key}`, renew(state, held, now))
  }
  yield* once(state, "freshen", Effect.ignore(leases.freshen))
})

/** Begins it, unless it is under way. It is never left: nobody would hold what an acquisition takes. */
const once = (state: State, what: string, work: Effect.Effect<void, never, Database | TurnStore>) =>
  Effect.suspend(() => {
    if (state.underWay.has(what)) return Effect.void
    return work.pipe(
      Effect.catchCause((cause) => Effect.logWarning("placement", cause)),
      Effect.ensuring(Effect.sync(() => state.underWay.delete(what))),
      Effect.uninterruptible,
      Effect.forkDetach,
      Effect.map((fiber) => void state.underWay.set(what, fiber))
    )
  })

const announce = Effect.fnUntraced(function* (state: State, now: number) {
  const { leases, options } = state
  const key = MEMBER + options.worker
  const due = state.announcedAt + options.ttlMillis / RENEWALS_PER_TTL
  if (state.leaving || state.member !== 0 && now < due) return
  state.announcedAt = now
  // What the bucket holds counts: a renewal whose answer was lost took place all the same.
  const known = leases.list().get(key)
  const written = known === undefined || known.value === ""
    ? leases.acquire(key, announcementOf(state.self))
    : leases.renew(key, announcementOf(state.self), known.revision)
  state.member = yield* written.pipe(Effect.orElseSucceed(() => 0))
  if (state.member !== 0) state.writtenAt = now
  else if (now - state.writtenAt > options.ttlMillis * UNWRITTEN_TTLS) {
    state.writtenAt = now
    yield* Effect.logWarning("leases cannot be written: their bucket is asked for another leader")
    yield* leases.anotherLeader()
  }
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

const take = Effect.fnUntraced(function* (state: State, slot: Slot) {
  const { leases, options } = state
  const key = slotKey(slot)
  const at = yield* Clock.currentTimeMillis
  const revision = yield* leases.acquire(key, options.worker).pipe(Effect.orElseSucceed(() => 0))
  if (revision === 0) return
  if (state.leaving) yield* leases.release(key, revision)
  else yield* begin(state, slot, revision, at)
})

const begin = Effect.fnUntraced(function* (
  state: State,
  slot: Slot,
  revision: number,
  at: number
) {
  const { leases, options, running } = state
  const epoch = { bucketMillis: leases.bucketMillis, revision }
  const stopAsked = Latch.makeUnsafe(false)
  const held: { current: Running | undefined } = { current: undefined }
  const fiber = yield* Effect.interruptible(options.run(slot, epoch, stopAsked)).pipe(
    Effect.onExit((exit) => ended(state, slot, held.current, exit)),
    // Not a child of who took it: it ends when it is asked to, or its lease does.
    Effect.forkDetach
  )
  held.current = {
    slot,
    fiber,
    revision,
    startedAt: at,
    renewedAt: at,
    stopAsked,
    interrupted: false
  }
  running.set(slotKey(slot), held.current)
  metrics.partitionsOwned.inc({ family: slot.mailbox })
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
  metrics.partitionsOwned.dec({ family: slot.mailbox })
  // Before the lease is given back: that is told at once, and it would be taken again without a rest.
  if (exit._tag === "Success") state.restingUntil.delete(key)
  else yield* rest(state, key, held, exit.cause)
  if (held !== undefined) yield* state.leases.release(key, held.revision)
})

const rest = Effect.fnUntraced(function* (
  state: State,
  key: string,
  held: Running | undefined,
  cause: Cause.Cause<PartitionFailure>
) {
  const now = yield* Clock.currentTimeMillis
  const failure = Cause.findErrorOption(cause)
  if (failure._tag === "Some" && failure.value._tag === "PartitionOutdated") standBack(state, key)
  const before = state.restingUntil.get(key)
  const wasHealthy = held !== undefined && now - held.startedAt > REST_MILLIS_MAX
  const millis = before === undefined || wasHealthy
    ? REST_MILLIS_MIN
    : Math.min(before.millis * 2, REST_MILLIS_MAX)
  state.restingUntil.set(key, { at: now + millis, millis })
  yield* Effect.logWarning(`partition ${key} stopped`, cause)
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
      metrics.fences.inc({ family: held.slot.mailbox, place: "lease" })
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
  const { leases, options, running, underWay } = state
  state.leaving = true
  for (const held of running.values()) held.stopAsked.openUnsafe()
  const announcing = underWay.get("announce")
  if (announcing !== undefined) yield* Fiber.await(announcing)
  if (state.member !== 0) yield* leases.release(MEMBER + options.worker, state.member)
  const left = () => [...underWay.values(), ...[...running.values()].map(({ fiber }) => fiber)]
  yield* Effect.forEach(left(), (fiber) => Fiber.await(fiber), {
    concurrency: "unbounded",
    discard: true
  }).pipe(Effect.timeoutOption(options.ttlMillis))
  yield* Effect.forEach([...running.values()], interrupt, { discard: true })
  leases.close()
})
