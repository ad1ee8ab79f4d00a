import { randomBytes } from "node:crypto"
import { Effect, Layer, Schema } from "effect"
import type { NatsLink } from "../../bus/connection.ts"
import { streamFacts } from "../../bus/tail.ts"
import { openLanes } from "../../runtime/lanes.ts"
import type { FamilyTables } from "../../runtime/actor.ts"
import type { Addressing } from "../../runtime/outbox.ts"
import type { Actors } from "../../runtime/registry.ts"
import { connect, Database, type Db } from "../../store/database.ts"
import {
  checkpoints,
  copyLive,
  createShadow,
  dropSchema,
  fillShadow,
  keptCursors,
  liveCursors,
  tableDifferences,
  urlWithin
} from "../../store/shadow.ts"
import { TurnStore } from "../../store/turnStore.ts"
import {
  openReplayed,
  type ReplayDiffers,
  type ReplayedPartition,
  replayUntil
} from "./partition.ts"

/** The machine's tables that belong to the state of families, too. */
const MACHINE_STATES = ["parked_keys", "parked_messages", "actor_configs"]
/** In a checkpoint beside those: where it stands, and what waits for a person. */
export const CHECKPOINTED = [...MACHINE_STATES, "cursors", "dead_letters"]

export interface ReplayRequest {
  readonly link: NatsLink
  readonly databaseUrl: string
  readonly mailbox: string
  readonly actors: Actors
  readonly stream: string
  readonly addressingOf: (partition: number) => Addressing
  readonly bundleMaxOf: (target: string) => number
  readonly tables: FamilyTables
  /** Undefined for all. */
  readonly partition: number | undefined
  /** Undefined for the beginning of the mailbox. */
  readonly checkpoint: string | undefined
  /** More to be looked at in the shadow, such as its trial balance. */
  readonly inspect?: (db: Db) => Promise<ReadonlyArray<string>>
}

export interface ReplayReport {
  /** The first of those that are decided together. */
  readonly family: string
  readonly families: ReadonlyArray<string>
  readonly from: string
  readonly partitions: number
  readonly turns: number
  readonly messages: number
  readonly tables: ReadonlyArray<string>
  /** Empty where the replay ends in what is stored. */
  readonly differences: ReadonlyArray<string>
  /** Turns that other code decided, and otherwise: what is compared begins at a checkpoint behind them. */
  readonly older: ReadonlyArray<string>
  readonly other_versions: ReadonlyArray<string>
}

/** There is nothing to replay from. */
class NotReplayable extends Schema.TaggedError<NotReplayable>()("NotReplayable", {
  detail: Schema.String
}) {
  override get message() {
    return this.detail
  }
}

const CONCURRENT_PARTITIONS = 4

/**
 * Decides a mailbox once more, from its beginning or from a checkpoint, into a shadow schema
 * that is dropped at the end, and compares digests turn by turn and then every row (G15). It relays
 * nothing, answers nobody and changes no live table. Where other code decided a turn, and otherwise, that
 * turn is named, and the replay begins once more at the first checkpoint behind it.
 */
export const replayMailbox = Effect.fnUntraced(function* (request: ReplayRequest) {
  const named: Array<string> = []
  let from = request
  while (true) {
    const { passed, report } = yield* replayFrom(from)
    named.push(...passed.map(({ detail }) => detail))
    const older = { ...report, older: named }
    if (passed.length === 0 || report.differences.length > 0) return older
    const checkpoint = yield* behind(from, passed.flatMap(({ older }) => older ?? []))
    if (checkpoint === undefined) {
      const detail =
        "no checkpoint lies behind what other code decided: take one (lastro checkpoint)"
      return { ...older, differences: [detail] }
    }
    from = { ...from, checkpoint }
  }
})

/** The first checkpoint in which these turns are over. */
const behind = Effect.fnUntraced(function* (
  { databaseUrl, mailbox }: ReplayRequest,
  turns: ReadonlyArray<{ readonly partition: number; readonly lastSeq: number }>
) {
  const db = connect(databaseUrl, 1)
  yield* Effect.addFinalizer(() => Effect.promise(() => db.destroy()))
  for (const checkpoint of (yield* Effect.promise(() => checkpoints(db))).toReversed()) {
    const cursors = yield* Effect.promise(() => keptCursors(db, checkpoint, mailbox))
    const isOver = turns.every(({ lastSeq, partition }) => (cursors.get(partition) ?? 0) >= lastSeq)
    if (isOver) return checkpoint
  }
}, Effect.scoped)

const replayFrom = Effect.fnUntraced(function* (request: ReplayRequest) {
  const schema = `replay_${randomBytes(6).toString("hex")}`
  const live = connect(request.databaseUrl, 2)
  const shadow = Layer.provideMerge(
    TurnStore.layer,
    Database.layerOf(urlWithin(request.databaseUrl, schema), CONCURRENT_PARTITIONS + 2)
  )
  yield* Effect.addFinalizer(() =>
    Effect.promise(async () => {
      await dropSchema(live, schema)
      await live.destroy()
    })
  )
  yield* Effect.promise(() => createShadow(live, schema))
  if (request.checkpoint !== undefined) {
    const { checkpoint } = request
    yield* Effect.promise(() => fillShadow(live, schema, checkpoint))
  }
  return yield* inShadow(request, live, schema).pipe(Effect.provide(shadow))
}, Effect.scoped)

const inShadow = Effect.fnUntraced(function* (request: ReplayRequest, live: Db, schema: string) {
  const { actors, link, mailbox, stream, tables } = request
  const families = [...actors.keys()]
  const replayed = yield* openAllReplayed(request, live)
  const reportOf = (
    differences: ReadonlyArray<string>,
    passed: ReadonlyArray<ReplayDiffers> = []
  ): { readonly report: Omit<ReplayReport, "older">; readonly passed: typeof passed } => ({
    passed,
    report: {
      family: mailbox,
      families,
      from: request.checkpoint ?? "beginning",
      partitions: replayed.length,
      turns: replayed.reduce((sum, one) => sum + one.turns, 0),
      messages: replayed.reduce((sum, one) => sum + one.messages, 0),
      tables: compared,
      differences,
      other_versions: [...new Set(replayed.flatMap(({ otherVersions }) => [...otherVersions]))]
    }
  })
  const apartOf = (found: ReadonlyArray<ReplayDiffers>) => {
    const real = found.filter(({ older }) => older === undefined)
    return reportOf(
      real.map(({ detail }) => detail),
      found.filter(({ older }) => older !== undefined)
    )
  }
  const compared = [...tables.states, ...tables.journals, ...MACHINE_STATES]
  const until = Effect.fnUntraced(function* (cursors: Cursors) {
    const found = yield* Effect.forEach(
      replayed,
      (one) =>
        replayUntil(one, link, stream, live, cursors.get(one.deciding.partition)?.seq ?? 0).pipe(
          Effect.as(undefined),
          Effect.catchTag("ReplayDiffers", (error: ReplayDiffers) => Effect.succeed(error))
        ),
      { concurrency: CONCURRENT_PARTITIONS }
    )
    return found.filter((error) => error !== undefined)
  })
  const apart = yield* until(yield* Effect.promise(() => liveCursors(live, mailbox)))
  if (apart.length > 0) return apartOf(apart)
  // What the live system did meanwhile comes behind it, up to the moment of the copy.
  const copied = yield* Effect.promise(() => copyLive(live, schema, mailbox, compared))
  const later = yield* until(copied)
  if (later.length > 0) return apartOf(later)
  const rows: Array<string> = []
  for (const table of compared) {
    rows.push(
      ...yield* Effect.promise(() =>
        tableDifferences(live, schema, {
          table,
          families,
          partitions: request.partition === undefined ? undefined : [request.partition],
          sinceOnly: request.checkpoint !== undefined && tables.journals.includes(table)
        })
      )
    )
  }
  const database = yield* Database
  const { inspect } = request
  if (inspect !== undefined) rows.push(...yield* database.query("replay.inspect", inspect))
  return reportOf(rows)
})

type Cursors = ReadonlyMap<number, { readonly seq: number; readonly streamCreated: string }>

/** Every partition, taken over in the shadow; its mailbox must reach back to where it stands. */
const openAllReplayed = Effect.fnUntraced(function* (request: ReplayRequest, live: Db) {
  const { actors, link, mailbox, partition: asked, stream } = request
  const cursors: Cursors = yield* Effect.promise(() => liveCursors(live, mailbox))
  const facts = yield* streamFacts(link.nc, stream)
  const lanes = yield* openLanes(actors)
  const replayed: Array<ReplayedPartition> = []
  for (const [partition, { streamCreated }] of cursors) {
    if (asked !== undefined && asked !== partition) continue
    if (streamCreated !== facts.created) {
      return yield* new NotReplayable({
        detail: `${stream} is not the stream on which ${mailbox}-${partition} was decided`
      })
    }
    const one = yield* openReplayed({
      mailbox,
      actors,
      partition,
      streamCreated,
      addressing: request.addressingOf(partition),
      bundleMaxOf: request.bundleMaxOf,
      lanes
    })
    if (one.deciding.seq + 1 < facts.firstSeq) {
      return yield* new NotReplayable({
        detail: `${stream} begins at ${facts.firstSeq}, behind ${one.deciding.seq}: take a later ` +
          "checkpoint (lastro checkpoint)"
      })
    }
    replayed.push(one)
  }
  return replayed
})
