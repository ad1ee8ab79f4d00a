import { Effect, Schema } from "effect"
import { openReader } from "../bus/mailboxReader.ts"
import { streamFacts } from "../bus/tail.ts"
import { TurnStore } from "../store/turnStore.ts"
import { stateKey } from "./actor.ts"
import { opener } from "./opener.ts"
import { fenceFilter } from "./outbox.ts"
import {
  type Owned,
  type PartitionFailure,
  PartitionInconsistent,
  type PartitionOptions
} from "./owned.ts"
import { type Relay, relay, settle } from "./relay.ts"
import { StateCache } from "./states.ts"
import { decodeOutbox, decodeTails } from "./turnRow.ts"

/** Lease → epoch → the former owner's relay → a new consumer at the cursor (PROTOCOL §4). */
export const takeOver = Effect.fnUntraced(function* (
  options: PartitionOptions
): Effect.fn.Return<Owned, PartitionFailure, TurnStore> {
  const store = yield* TurnStore
  const { actor, epoch, link, partition, stream } = options
  const { family } = actor
  const facts = yield* streamFacts(link.nc, stream).pipe(
    Effect.catchTag("JetStreamRefused", (error) => inconsistent(error.message))
  )
  const cursor = yield* store.raiseEpoch({
    family,
    partition,
    ...epoch,
    owner: options.owner,
    streamCreated: facts.created
  })
  if (cursor === undefined) {
    return yield* inconsistent(`${family}-${partition}: the stored epoch is above this lease's`)
  }
  if (cursor.streamCreated !== facts.created || cursor.seq > facts.lastSeq) {
    return yield* inconsistent(
      `${stream} was recreated or restored: the cursor of ${partition} stands at ${cursor.seq}`
    )
  }
  const last = yield* store.lastTurn(family, partition)
  const config = yield* store.config(family, partition)
  const parked = yield* store.parkedKeys(family, partition)
  const source = options.addressing.source
  const mine: Relay = {
    link,
    appender: options.appender,
    family,
    partition,
    filterOf: (target) => fenceFilter(target, source, options.familyOf),
    tails: decodeTails(last?.tails)
  }
  yield* finishRelay(mine, last?.outbox ?? null)
  const reader = yield* readFrom(options, cursor.seq)
  const decodeConfig = Schema.decodeUnknownSync(actor.config.schema)
  return {
    options,
    actor,
    partition,
    epoch,
    source,
    crash: options.crash,
    bundleMaxOf: options.bundleMaxOf,
    reader,
    relay: mine,
    cache: new StateCache(),
    parked: new Map(parked.map((key) => [stateKey(key.merchant, key.actorKey), key])),
    open: opener(actor),
    config: config === undefined
      ? { version: 0, value: actor.config.initial }
      : { version: config.version, value: decodeConfig(config.doc) },
    seq: cursor.seq,
    clockMillis: cursor.clockMillis,
    digest: cursor.digest,
    restartsAt: []
  }
})

/** What stands behind a cursor, by a consumer made anew. */
export const readFrom = ({ actor, link, partition, stream }: PartitionOptions, seq: number) =>
  openReader(link, {
    stream,
    consumer: `${actor.family}-${partition}`,
    filter: `${actor.family}.${partition}.>`,
    startSeq: seq + 1
  })

const inconsistent = (detail: string) => Effect.fail(new PartitionInconsistent({ detail }))

/** Whatever the last committed turn still owed its targets. */
const finishRelay = Effect.fnUntraced(function* (mine: Relay, outbox: string | null) {
  const { bundles, timers } = decodeOutbox(outbox)
  const owed: Array<(typeof bundles)[number]> = []
  for (const [target, group] of Map.groupBy(bundles, (bundle) => bundle.target)) {
    owed.push(...group.slice(yield* settle(mine, target, group)))
  }
  yield* relay(mine, owed, timers)
})
