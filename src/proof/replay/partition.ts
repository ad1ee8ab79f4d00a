import { Effect, Schema } from "effect"
import type { NatsLink } from "../../bus/connection.ts"
import { partitionFilter } from "../../bus/ingress.ts"
import type { Delivery } from "../../bus/mailboxReader.ts"
import { openScan, type Scan } from "../../bus/scan.ts"
import { commit } from "../../runtime/commit.ts"
import { CODE_VERSION } from "../../runtime/codeVersion.ts"
import type { Lanes } from "../../runtime/lanes.ts"
import { lettersOf } from "../../runtime/letter.ts"
import { notesFor } from "../../runtime/notes.ts"
import { membersOf, parkedOf } from "../../runtime/members.ts"
import type { Addressing } from "../../runtime/outbox.ts"
import type { Deciding } from "../../runtime/owned.ts"
import type { Actors } from "../../runtime/registry.ts"
import { decide, remember } from "../../runtime/turn.ts"
import type { Db } from "../../store/database.ts"
import { type ReplayableTurn, turnsBetween } from "../../store/shadow.ts"
import { TurnStore } from "../../store/turnStore.ts"

/** Above every epoch that a lease ever gave: the shadow has one owner. */
const EPOCH = { bucketMillis: Number.MAX_SAFE_INTEGER, revision: 1 }
const OWNER = "replay"
const TURNS_READ = 200
const MESSAGES_READ = 500

/** Where a replay first went another way than the live partition. */
export class ReplayDiffers extends Schema.TaggedError<ReplayDiffers>()("ReplayDiffers", {
  detail: Schema.String,
  /** Where the turn ends, where another version of the code decided it: the difference may be the code's. */
  older: Schema.optionalKey(Schema.Struct({ partition: Schema.Int, lastSeq: Schema.Finite }))
}) {
  override get message() {
    return this.detail
  }
}

export interface ReplayedPartition {
  readonly deciding: Deciding
  turns: number
  messages: number
  /** Versions of the code, other than this one, that decided some of its turns. */
  readonly otherVersions: Set<string>
}

/** Takes the partition over in the shadow, where it stands. */
export const openReplayed = Effect.fnUntraced(function* (from: {
  readonly mailbox: string
  readonly actors: Actors
  readonly partition: number
  readonly streamCreated: string
  readonly addressing: Addressing
  readonly bundleMaxOf: (target: string) => number
  readonly lanes: Lanes
}) {
  const { actors, addressing, bundleMaxOf, lanes, mailbox, partition, streamCreated } = from
  const store = yield* TurnStore
  yield* store.beginCursor(mailbox, partition, streamCreated)
  const taken = yield* store.takeOver({
    mailbox,
    families: [...actors.keys()],
    partition,
    ...EPOCH,
    owner: OWNER,
    partitions: addressing.partitions
  })
  const { configs, cursor, parked } = taken!
  const deciding: Deciding = {
    options: { addressing, lanes },
    mailbox,
    partition,
    epoch: EPOCH,
    source: addressing.source,
    crash: () => {},
    bundleMaxOf,
    relay: { tails: new Map() },
    members: membersOf(actors, configs, addressing.partitions),
    parked: parkedOf(parked),
    seq: cursor.seq,
    clockMillis: cursor.clockMillis,
    digest: cursor.digest,
    restartsAt: []
  }
  return { deciding, turns: 0, messages: 0, otherVersions: new Set() } as ReplayedPartition
})

/** Decides and commits in the shadow, turn by turn, what the live partition did up to a sequence. */
export const replayUntil = (
  self: ReplayedPartition,
  link: NatsLink,
  stream: string,
  live: Db,
  untilSeq: number
) =>
  Effect.scoped(Effect.gen(function* () {
    const { deciding } = self
    const { mailbox: family, partition } = deciding
    if (deciding.seq >= untilSeq) return
    const scan = yield* openScan(link, {
      stream,
      filter: partitionFilter(partition),
      startSeq: deciding.seq + 1
    })
    const reading = new Mailbox(scan)
    while (deciding.seq < untilSeq) {
      const turns = yield* Effect.promise(() =>
        turnsBetween(live, { family, partition }, deciding.seq, untilSeq, TURNS_READ)
      )
      if (turns.length === 0) {
        return yield* differs(self, `no turn row leads from ${deciding.seq} to ${untilSeq}`)
      }
      for (const turn of turns) yield* replayTurn(self, turn, yield* reading.upTo(turn.lastSeq))
    }
  }))

const differs = (
  { deciding: { mailbox, partition } }: ReplayedPartition,
  detail: string,
  older?: { readonly partition: number; readonly lastSeq: number }
) =>
  Effect.fail(
    new ReplayDiffers({ detail: `${mailbox}-${partition}: ${detail}`, ...(older && { older }) })
  )

const replayTurn = Effect.fnUntraced(function* (
  self: ReplayedPartition,
  turn: ReplayableTurn,
  deliveries: ReadonlyArray<Delivery>
) {
  const { deciding } = self
  const name = `turn ${turn.firstSeq}–${turn.lastSeq}`
  const letters = deliveries.flatMap(lettersOf)
  const [first, last] = [deliveries[0]?.seq, deliveries.at(-1)?.seq]
  if (first !== turn.firstSeq || last !== turn.lastSeq || letters.length !== turn.messages) {
    return yield* differs(
      self,
      `${name} of ${turn.messages} stands where the mailbox has ${first}–${last} with ` +
        `${letters.length}`
    )
  }
  if (turn.codeVersion !== CODE_VERSION) self.otherVersions.add(turn.codeVersion)
  const { defects, failures } = notesFor(turn.notes)
  const { ready } = yield* decide(deciding, letters, { defects }, failures)
  if (ready.draft.digest !== turn.digest) {
    const detail = `${name} decides otherwise: digest ${ready.draft.digest.slice(0, 16)}…, ` +
      `recorded ${turn.digest.slice(0, 16)}…`
    return turn.codeVersion === CODE_VERSION ? yield* differs(self, detail) : yield* differs(
      self,
      `${detail} (decided by version ${turn.codeVersion})`,
      { partition: deciding.partition, lastSeq: turn.lastSeq }
    )
  }
  yield* commit(deciding.options.lanes.commit, ready).pipe(
    Effect.catchTag("DataRefused", (error) => differs(self, `${name}: ${error.message}`))
  )
  remember(deciding, ready.draft, letters)
  self.turns++
  self.messages += letters.length
})

/** A mailbox read turn by turn. */
class Mailbox {
  private readonly scan: Scan
  private waiting: ReadonlyArray<Delivery> = []

  constructor(scan: Scan) {
    this.scan = scan
  }

  /** Everything not taken yet, up to and including a sequence. */
  readonly upTo = (lastSeq: number) =>
    Effect.gen({ self: this }, function* () {
      while ((this.waiting.at(-1)?.seq ?? 0) < lastSeq) {
        const page = yield* this.scan.page(MESSAGES_READ)
        if (page.length === 0) break
        this.waiting = [...this.waiting, ...page]
      }
      const beyond = this.waiting.findIndex(({ seq }) => seq > lastSeq)
      const taken = beyond < 0 ? this.waiting : this.waiting.slice(0, beyond)
      this.waiting = this.waiting.slice(taken.length)
      return taken
    })
}
