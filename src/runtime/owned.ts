import { type Latch, Schema } from "effect"
import type { Appender } from "../bus/appender.ts"
import type { BusUnavailable, NatsLink } from "../bus/connection.ts"
import type { Epoch } from "../bus/leases.ts"
import type { MailboxReader, ReaderLost } from "../bus/mailboxReader.ts"
import type { DatabaseUnavailable } from "../store/database.ts"
import type { CrashPoint, PartitionFenced, TurnPlace } from "./turnPlace.ts"
import type { ParkedKey } from "./draft.ts"
import type { Opened } from "./opened.ts"
import type { Lanes } from "./lanes.ts"
import type { Letter } from "./letter.ts"
import type { Addressing } from "./outbox.ts"
import type { Actors, AnyKeyed } from "./registry.ts"
import type { Relay, RelayFenced } from "./relay.ts"
import type { StateCache } from "./states.ts"

/** The stream or the cursor is not what it was: recreated or restored. A person must look. */
export class PartitionInconsistent
  extends Schema.TaggedError<PartitionInconsistent>()("PartitionInconsistent", {
    detail: Schema.String
  }) {
  override get message() {
    return this.detail
  }
}

/** Too many failures of one kind for this partition to help itself: its owner gives it up. */
export class PartitionEscalated
  extends Schema.TaggedError<PartitionEscalated>()("PartitionEscalated", {
    detail: Schema.String,
    /** Of something all families need, which comes back by itself. */
    outage: Schema.Boolean
  }) {
  override get message() {
    return this.detail
  }
}

/** A message of a newer worker, in a shape this one does not know: a newer one must take the partition. */
export class PartitionOutdated
  extends Schema.TaggedError<PartitionOutdated>()("PartitionOutdated", {
    detail: Schema.String
  }) {
  override get message() {
    return this.detail
  }
}

export type PartitionFailure =
  | PartitionFenced
  | PartitionInconsistent
  | PartitionEscalated
  | PartitionOutdated
  | RelayFenced
  | ReaderLost
  | BusUnavailable
  | DatabaseUnavailable

export interface PartitionOptions {
  readonly link: NatsLink
  readonly appender: Appender
  /** Shared by the partitions of the mailbox in this worker. */
  readonly lanes: Lanes
  readonly mailbox: string
  /** Its families. */
  readonly actors: Actors
  readonly stream: string
  readonly partition: number
  readonly epoch: Epoch
  readonly owner: string
  readonly addressing: Addressing
  readonly crash: (point: CrashPoint) => void
  readonly bundleMaxOf: (target: string) => number
  /** Opened when the owner is asked to stop: the turn under way is finished, no further one is begun. */
  readonly stopAsked: Latch.Latch
  /** Set while a person (or the breaker) holds one of its families: it keeps its partitions, and takes nothing. */
  readonly paused: () => boolean
}

/** A family in one partition: what it decides with. */
export interface Member {
  readonly actor: AnyKeyed
  readonly cache: StateCache
  readonly open: (letter: Letter) => Opened
  config: { version: number; value: unknown }
}

/** What turns are decided and committed with. A replay has it without a reader and without a relay. */
export interface Deciding extends TurnPlace {
  readonly options: Pick<PartitionOptions, "addressing" | "lanes">
  readonly relay: Pick<Relay, "tails">
  readonly members: ReadonlyMap<string, Member>
  readonly parked: Map<string, ParkedKey>
  seq: number
  clockMillis: number
  digest: string
  /** When its states were dropped and loaded again of late. */
  restartsAt: ReadonlyArray<number>
}

export interface Owned extends Deciding {
  readonly options: PartitionOptions
  reader: MailboxReader
  readonly relay: Relay
}
