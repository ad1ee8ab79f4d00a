import { type Duration, type Effect, type Result, Schema } from "effect"
import type { Statement } from "../store/database.ts"
import type { MessageChanges, MessageSchemas } from "./evolution.ts"
import type { OutboundTable, SupervisionTable } from "./supervision.ts"

/** What a decision may know of its message beyond the body. All of it is recorded in the stream. */
export interface Received<Config = unknown> {
  readonly family: string
  readonly partition: number
  /** Mailbox sequence. The messages of one bundle share it. */
  readonly seq: number
  /** Partition and place of this one message: within the family, what it makes has its name from here. */
  readonly cause: string
  /** The merchant, from the subject or from a header only workers can write: never from the body. */
  readonly merchant: string
  readonly type: string
  /** What `keysOf` said of it. */
  readonly keys: readonly [string, ...Array<string>]
  /** Decision clock, milliseconds since 1970. Never goes back within a partition. */
  readonly at: number
  /** Where an outcome was asked for; already checked to be an inbox. */
  readonly replyTo: string | undefined
  readonly config: Config
}

/** A message for another actor's mailbox. `body` is JSON-like; bigints travel as decimal strings. */
export interface Emission {
  readonly to: string
  readonly type: string
  /** Routing key (merchant): it picks the partition, unless `partition` names one. */
  readonly key: string
  readonly partition?: number
  readonly body: unknown
}

/** Something that happened, for anyone: stored for readers, published on EVENTS, routed as data. */
export interface Event {
  readonly id: string
  readonly type: string
  /** The payment (or other noun) it is about. */
  readonly about: string
  /** Its public JSON: no bigint, no secret. */
  readonly body: unknown
}

/** A wake-up. One schedule exists per `id`; setting it again moves it. */
export interface Timer {
  readonly id: string
  readonly atMillis: number
  readonly type: string
  readonly body: unknown
}

/** A reply on core NATS, to an address as `replyTo` gives it (reply.ts), sent after the relay, best effort and never in a replay. */
export interface Answer {
  readonly to: string
  readonly body: unknown
}

export interface Decision<State, Row = never> {
  /** New states by actor key. */
  readonly put?: ReadonlyArray<readonly [key: string, state: State]>
  /** Rows of the family's own tables (journal entries, holds, notifications …). */
  readonly rows?: ReadonlyArray<Row>
  readonly events?: ReadonlyArray<Event>
  readonly emit?: ReadonlyArray<Emission>
  readonly timers?: ReadonlyArray<Timer>
  readonly answers?: ReadonlyArray<Answer>
}

/** A business "no": permanent, public. It changes nothing but is published and answered. */
export interface Refusal<Code extends string = string> {
  readonly code: Code
  readonly detail: string
  /** The member of the command that it is for (JSON Pointer), where it is for one. */
  readonly pointer?: string
  /** What it is about (a payment), where known. */
  readonly about?: string
  /** States that remember it, so that the same command is refused again whatever has changed since. */
  readonly put?: ReadonlyArray<readonly [key: string, state: unknown]>
}

/** What the machine itself refuses with: a message nobody can read, and one that was set aside. */
export type MachineRefusal = "malformed" | "failed"

/** Committed states the message's keys name, already reduced by the messages before it. */
export interface States<State> {
  readonly get: (key: string) => State | undefined
}

export interface StateKey {
  readonly merchant: string
  readonly key: string
}

export interface SavedState<State> extends StateKey {
  readonly partition: number
  readonly state: State
  /** Canonical JSON of the state: what the digest covers, ready to be stored. */
  readonly json: string
  /** No state was stored under this key before. Known for keys that the message names. */
  readonly isNew: boolean
}

/** One row with the merchant, the place and the decision clock of its cause. */
export interface SavedRow<Row> {
  readonly partition: number
  readonly merchant: string
  readonly at: number
  readonly seq: number
  readonly part: number
  readonly step: number
  readonly row: Row
}

/** What the turns of one database transaction write: of each partition in stream order. */
export interface TurnWrites<State, Row> {
  readonly states: ReadonlyArray<SavedState<State>>
  readonly rows: ReadonlyArray<SavedRow<Row>>
}

/** One decoded message: its type and its body. */
export type MessageOf<M extends MessageSchemas> = {
  readonly [T in keyof M & string]: { readonly type: T; readonly body: M[T]["Type"] }
}[keyof M & string]

/** A message for another family of the mailbox, as far as it is known beforehand. */
export interface Foreseen {
  readonly to: string
  readonly type: string
  readonly body: unknown
}

/** What a family keeps beside the machine's own tables. */
export interface FamilyTables {
  /** Read and changed by its turns: a checkpoint holds them. */
  readonly states: ReadonlyArray<string>
  /** Only ever added to, and read by no turn. */
  readonly journals: ReadonlyArray<string>
}

/** What a family without a configuration is configured with. */
const UNCONFIGURED = { schema: Schema.Struct({}), initial: {} }

/**
 * State per key, strictly ordered per key, effects in PostgreSQL, exactly once.
 * `decide` is pure: time and identifiers come in the message, everything else from its partition.
 */
export interface KeyedActor<
  M extends MessageSchemas,
  State,
  Row,
  Code extends string,
  Config,
  E,
  R
> {
  readonly kind: "keyed"
  readonly family: string
  readonly messages: M
  /** What changed in them since they were first written; nothing by default. */
  readonly changes?: MessageChanges
  /** Types that enter through `lastro.<family>.<type>.<merchant>`; the others only from actors. */
  readonly ingress: ReadonlyArray<keyof M & string>
  /** Actor keys within the merchant; the first is the one a failure parks or quarantines. */
  readonly keysOf: (
    message: MessageOf<M>,
    received: Pick<Received, "merchant" | "partition">
  ) => readonly [string, ...Array<string>]
  readonly config: {
    /** What is stored is read by this. */
    readonly schema: Schema.Codec<Config, unknown>
    /** What a change has to be, where earlier code took more than that. */
    readonly given?: Schema.Codec<Config, unknown>
    readonly initial: Config
  }
  /** Nobody waits for it: a turn takes what arrives within this time, so that there are fewer of them. */
  readonly lingerMillis?: number
  readonly decide: (
    states: States<State>,
    message: MessageOf<M>,
    received: Received<Config>
  ) => Result.Result<Decision<State, Row>, Refusal<Code>>
  /**
   * Keys of other families that what this message sets off will ask for, as far as the message tells. They
   * are loaded with its own, and what is not foreseen is loaded all the same, a query later.
   */
  readonly foresees?: (message: MessageOf<M>) => ReadonlyArray<Foreseen>
  /** One query per table for the whole batch. Keys are `stateKey(merchant, key)`; absent ones are left out. */
  readonly load: (
    keys: ReadonlyArray<StateKey>
  ) => Effect.Effect<ReadonlyMap<string, State>, E, R>
  /** Whether a state is likely to be needed again soon, and stays in memory. All are by default. */
  readonly keeps?: (state: State) => boolean
  /** Set-based statements, in their order; they are of the turn's database transaction. */
  readonly save: (writes: TurnWrites<State, Row>) => ReadonlyArray<Statement>
  /** Those that `save` writes. A replay compares them. */
  readonly tables?: FamilyTables
  /**
   * Wakes that should have fired by now, straight from the tables: a lost timer strands nothing. Without
   * those of keys that are set aside, which would hide the others where only so many are told at once.
   */
  readonly overdue?: (
    partition: number,
    beforeMillis: number
  ) => Effect.Effect<ReadonlyArray<Timer & { readonly merchant: string }>, E, R>
  readonly supervision: SupervisionTable<E>
}

export const keyed = <
  M extends MessageSchemas,
  State,
  Row,
  Code extends string,
  Config,
  E,
  R
>(
  actor: Omit<KeyedActor<M, State, Row, Code, Config, E, R>, "kind" | "config" | "supervision"> & {
    readonly config?: KeyedActor<M, State, Row, Code, Config, E, R>["config"]
    readonly supervision: NoInfer<SupervisionTable<E>>
  }
): KeyedActor<M, State, Row, Code, Config, E, R> =>
  ({ kind: "keyed", config: UNCONFIGURED, ...actor }) as KeyedActor<
    M,
    State,
    Row,
    Code,
    Config,
    E,
    R
  >

/** One call to the world. `redelivered` means an earlier try may have reached the destination. */
export interface Outgoing<Body> {
  readonly merchant: string
  readonly type: string
  readonly body: Body
  readonly redelivered: boolean
  readonly traceparent: string | undefined
}

/**
 * Calls the world: at least once, with an idempotency key, a deadline, bounded concurrency per
 * destination and an explicit `unknown`. Its answers are messages for the actor that asked, which
 * alone decides about trying again.
 */
export interface OutboundActor<M extends MessageSchemas, E, R> {
  readonly kind: "outbound"
  readonly family: string
  readonly messages: M
  readonly changes?: MessageChanges
  /** Concurrency and the circuit breaker are per destination (a gateway, an endpoint's host). */
  readonly destinationOf: (message: MessageOf<M>) => string
  readonly concurrencyPerDestination: number
  /** Calls under way in one worker, over all destinations. Beyond it nothing is taken. */
  readonly inFlightMax: number
  readonly deadline: Duration.Input
  readonly call: (
    message: MessageOf<M>,
    outgoing: Outgoing<unknown>
  ) => Effect.Effect<ReadonlyArray<Emission>, E, R>
  /** The answer when the destination is full, its breaker is open, or `call` failed with a deferral. */
  readonly deferred: (message: MessageOf<M>, outgoing: Outgoing<unknown>) => ReadonlyArray<Emission>
  /** The answer when a defect of ours ended the call before anything left for the destination. */
  readonly unsent: (message: MessageOf<M>, outgoing: Outgoing<unknown>) => ReadonlyArray<Emission>
  /** The answer when the deadline passed after bytes may have left. */
  readonly unknown: (message: MessageOf<M>, outgoing: Outgoing<unknown>) => ReadonlyArray<Emission>
  readonly supervision: OutboundTable<E>
}

export const outbound = <M extends MessageSchemas, E, R>(
  actor: Omit<OutboundActor<M, E, R>, "kind" | "supervision"> & {
    readonly supervision: NoInfer<OutboundTable<E>>
  }
): OutboundActor<M, E, R> => ({ kind: "outbound", ...actor }) as OutboundActor<M, E, R>

/** How a state is addressed in a batch. Merchant ids hold no slash, so the pair stays unambiguous. */
export const stateKey = (merchant: string, key: string): string => `${merchant}/${key}`

/** The same among all the families of a mailbox. */
export const keyId = (family: string, merchant: string, key: string): string =>
  `${family}/${merchant}/${key}`
