import { Effect, Fiber } from "effect"
import type { Delivery } from "../bus/mailboxReader.ts"
import { tell } from "../bus/tell.ts"
import type { Database } from "../store/database.ts"
import type { TurnStore } from "../store/turnStore.ts"
import * as metrics from "../telemetry/metrics.ts"
import { batches } from "./batch.ts"
import type { Committed } from "./commit.ts"
import { lettersOf } from "./letter.ts"
import { reemitOverdue } from "./overdue.ts"
import type { Owned, PartitionFailure, PartitionOptions } from "./owned.ts"
import { relay } from "./relay.ts"
import { outcomeOf } from "./reply.ts"
import { readFrom, takeOver } from "./takeOver.ts"
import { turn } from "./turn.ts"

/** Messages of one turn. More wait for the next: a turn's memory and its database transaction stay bounded. */
const TURN_MESSAGES_MAX = 500
export const IDLE_MILLIS = 250
const OVERDUE_EVERY_MILLIS = 15_000
/** A paused partition looks this often whether it may go on. */
const PAUSED_LOOK_MILLIS = 50

/** Owns one partition: takes it over, then turn after turn until told to stop or fenced. */
export const runPartition = Effect.fnUntraced(
  function* (
    options: PartitionOptions
  ): Effect.fn.Return<void, PartitionFailure, Database | TurnStore> {
    const owned = yield* takeOver(options)
    yield* turns(owned).pipe(Effect.ensuring(Effect.sync(() => owned.reader.close())))
  }
)

const turns = Effect.fnUntraced(function* (
  owned: Owned
): Effect.fn.Return<void, PartitionFailure, Database | TurnStore> {
  let relaying: Fiber.Fiber<void, PartitionFailure> | undefined
  let overdueAt = 0
  const { stopAsked } = owned.options
  while (!stopAsked.isOpen()) {
    if (owned.options.paused()) {
      if (relaying !== undefined) relaying = yield* Effect.as(Fiber.join(relaying), undefined)
      yield* rest(owned)
      continue
    }
    if (owned.reader.waiting() === 0) {
      // Somebody waits for the partition of an owner that was asked to stop.
      yield* Effect.raceFirst(owned.reader.ready(IDLE_MILLIS), stopAsked.await)
    }
    if (owned.reader.waiting() < TURN_MESSAGES_MAX) yield* owned.options.lanes.pace.wait
    if (stopAsked.isOpen()) break
    const deliveries = yield* owned.reader.take(TURN_MESSAGES_MAX, 0)
    // A relay that failed is not to wait for the next turn to be noticed.
    if (relaying?.pollUnsafe() !== undefined) {
      relaying = yield* Effect.as(Fiber.join(relaying), undefined)
    }
    if (Date.now() >= overdueAt) {
      overdueAt = Date.now() + OVERDUE_EVERY_MILLIS
      yield* reemitOverdue(owned.options, owned.parked)
    }
    const fresh = deliveries.filter(({ seq }) => seq > owned.seq)
    for (const batch of batches(fresh)) {
      for (let rest = batch; rest.length > 0; rest = rest.filter(({ seq }) => seq > owned.seq)) {
        const former: Fiber.Fiber<void, PartitionFailure> | undefined = relaying
        const done = yield* turn(
          owned,
          rest.flatMap(lettersOf),
          former === undefined ? Effect.void : Fiber.join(former)
        )
        const last = rest.findLast(({ seq }) => seq <= owned.seq)!
        relaying = yield* Effect.forkChild(afterCommit(owned, last, done), {
          startImmediately: true
        })
      }
    }
  }
  if (relaying !== undefined) yield* Fiber.join(relaying)
})

/** Keeps the partition and takes nothing. What was pulled is given back: it may last for days. */
const rest = Effect.fnUntraced(function* (owned: Owned) {
  owned.reader.close()
  while (owned.options.paused() && !owned.options.stopAsked.isOpen()) {
    yield* Effect.sleep(PAUSED_LOOK_MILLIS)
  }
  if (!owned.options.stopAsked.isOpen()) owned.reader = yield* readFrom(owned.options, owned.seq)
})

/** Relay, then replies, then the acknowledgement: an answer never runs ahead of what it tells. */
const afterCommit = Effect.fnUntraced(function* (
  owned: Owned,
  last: Delivery,
  { bundles, draft }: Committed
) {
  owned.crash("before-append")
  if (bundles.length > 0 || draft.timers.length > 0) {
    const end = metrics.relaySeconds.startTimer({ family: owned.mailbox })
    yield* relay(owned.relay, bundles, draft.timers)
    end()
  }
  owned.crash("after-append")
  for (const answer of draft.answers) {
    tell(owned.options.link.nc, outcomeOf(answer.to, answer.body))
  }
  owned.reader.acknowledge(last)
})
