import { Context, Effect, Layer } from "effect"
import { Database, type DatabaseUnavailable, type DataRefused, type Statement } from "./database.ts"
import {
  type DeadLetterRow,
  insertDeadLetters,
  settleDeadLetters,
  type SettledLetter,
  type StoredDeadLetter,
  storedDeadLetter
} from "./deadLetters.ts"
import { answerActions } from "./operatorActions.ts"
import {
  type KeyName,
  park,
  type ParkedKeyRow,
  type ParkedMessageRow,
  parkedMessages,
  unpark
} from "./parked.ts"
import { forAny } from "./statements.ts"
import {
  beginCursor,
  type Claim,
  type StoredCursor,
  storedCursor,
  type TakenOver,
  takeOver
} from "./takeover.ts"
import {
  type ConfigRow,
  type CursorMove,
  type EventRow,
  eventsOf,
  insertEvents,
  insertTurns,
  moveCursors,
  saveConfig,
  type TurnRow
} from "./turn.ts"

/** Keys and letters of one partition that a turn sets aside or lets go. */
export interface Parking {
  readonly partition: number
  readonly freed: ReadonlyArray<KeyName>
  readonly handled: ReadonlyArray<
    KeyName & { readonly seq: number; readonly part: number; readonly step: number }
  >
  readonly keys: ReadonlyArray<ParkedKeyRow>
  readonly letters: ReadonlyArray<ParkedMessageRow>
}

/** What the turns of one database transaction write. All of it or nothing. */
export interface TurnsWritten {
  readonly mailbox: string
  readonly moves: ReadonlyArray<CursorMove>
  /** The tables of its families. */
  readonly save: () => ReadonlyArray<Statement>
  readonly events: ReadonlyArray<EventRow>
  readonly deadLetters: ReadonlyArray<DeadLetterRow>
  /** Written before `deadLetters`: a letter that failed again is open again. */
  readonly settled: ReadonlyArray<SettledLetter>
  /** What became of operators' actions. */
  readonly obeyed: ReadonlyArray<{ readonly id: string; readonly outcome: string }>
  readonly parking: ReadonlyArray<Parking>
  readonly configs: ReadonlyArray<ConfigRow>
  readonly turns: ReadonlyArray<TurnRow>
}

/**
 * What the machine keeps of its partitions. A port: PostgreSQL here, a model of it in the simulation,
 * and one contract suite (`test/contract`) for both.
 */
export class TurnStore extends Context.Service<TurnStore, {
  /** Undefined where the stored epoch is not below the claim's, or there is no cursor. */
  readonly takeOver: (claim: Claim) => Effect.Effect<TakenOver | undefined, DatabaseUnavailable>
  /** Makes the cursor of a partition that has none. */
  readonly beginCursor: (
    mailbox: string,
    partition: number,
    streamCreated: string
  ) => Effect.Effect<void, DatabaseUnavailable>
  readonly cursor: (
    mailbox: string,
    partition: number
  ) => Effect.Effect<StoredCursor | undefined, DatabaseUnavailable>
  /** The events of these merchants that one database transaction of turns wrote. */
  readonly eventsOf: (
    transactionId: string,
    merchants: ReadonlyArray<string>
  ) => Effect.Effect<ReadonlyArray<EventRow>, DatabaseUnavailable>
  /** The oldest waiting letters of each key, in order, at most `limit` a key. */
  readonly parkedMessages: (
    partition: number,
    keys: ReadonlyArray<KeyName>,
    limit: number
  ) => Effect.Effect<ReadonlyArray<ParkedMessageRow>, DatabaseUnavailable>
  readonly deadLetter: (
    family: string,
    partition: number,
    id: string
  ) => Effect.Effect<StoredDeadLetter | undefined, DatabaseUnavailable>
  /** Fails with `Fenced` as the cause where one of the cursors is not where its owner left it. */
  readonly commit: (
    written: TurnsWritten
  ) => Effect.Effect<void, DatabaseUnavailable | DataRefused>
  /** Everything a commit would do, and then nothing of it: tells whether the data would be taken. */
  readonly rehearse: (
    written: TurnsWritten
  ) => Effect.Effect<void, DatabaseUnavailable | DataRefused>
}>()("lastro/store/TurnStore") {
  static readonly layer = Layer.effect(
    TurnStore,
    Effect.map(Database, ({ query, rehearsal, together, transaction }) =>
      TurnStore.of({
        takeOver: (claim) =>
          transaction("takeover", (trx) => takeOver(trx, claim)).pipe(
            Effect.catchTag("DataRefused", Effect.die)
          ),
        beginCursor: (mailbox, partition, streamCreated) =>
          query("takeover.begin", (db) => beginCursor(db, mailbox, partition, streamCreated)),
        cursor: (mailbox, partition) =>
          query("cursor", (db) => storedCursor(db, mailbox, partition)),
        eventsOf: (transactionId, merchants) =>
          query("takeover.events", (db) => eventsOf(db, transactionId, merchants)),
        parkedMessages: (partition, keys, limit) =>
          query("parked.messages", (db) => parkedMessages(db, partition, keys, limit)),
        deadLetter: (family, partition, id) =>
          query("deadLetter", (db) => storedDeadLetter(db, family, partition, id)),
        commit: (written) => together(`${written.mailbox}.turns`, () => statementsOf(written)),
        rehearse: (written) =>
          rehearsal(`${written.mailbox}.rehearsal`, () => statementsOf(written))
      }))
  )
}

/** The cursors' statement goes first: where it fails, the others do nothing. */
const statementsOf = (
  { configs, deadLetters, events, mailbox, moves, obeyed, parking, save, settled, turns }:
    TurnsWritten
): ReadonlyArray<Statement> => [
  moveCursors(mailbox, moves),
  ...save(),
  ...forAny(events, insertEvents),
  ...forAny(settled, settleDeadLetters),
  ...forAny(obeyed, answerActions),
  ...forAny(deadLetters, insertDeadLetters),
  ...parking.flatMap(({ freed, handled, keys, letters, partition }) => [
    ...(freed.length > 0 || handled.length > 0 ? unpark(partition, freed, handled) : []),
    ...(keys.length > 0 || letters.length > 0 ? park(partition, keys, letters) : [])
  ]),
  ...configs.map(saveConfig),
  insertTurns(mailbox, turns)
]
