import { Effect } from "effect"
import { type StateKey, stateKey, type TurnWrites } from "../../../src/runtime/actor.ts"
import { DatabaseUnavailable, DataRefused, type Statement } from "../../../src/store/database.ts"
import type { DeadLetterRow, StoredDeadLetter } from "../../../src/store/deadLetters.ts"
import { Fenced } from "../../../src/store/fence.ts"
import type { KeyName, ParkedKeyRow, ParkedMessageRow } from "../../../src/store/parked.ts"
import type { Claim, Cursor, StoredConfig, TakenOver } from "../../../src/store/takeover.ts"
import type { CursorMove, EventRow, TurnRow } from "../../../src/store/turn.ts"
import { type Parking, TurnStore, type TurnsWritten } from "../../../src/store/turnStore.ts"
import type { Process, Time } from "../kernel.ts"
import type { Wire } from "./client.ts"

/** What a broken model leaves out, so that a simulation can be seen to find it. */
export interface StoreFlaws {
  /** Cursors move whoever asks. */
  readonly noCompareAndSet?: boolean
  /** Cursors are compared by sequence only. */
  readonly noEpoch?: boolean
}

export interface CursorRow extends Cursor {
  readonly epoch: readonly [bucketMillis: number, revision: number]
  readonly owner: string
}

/** What an actor wrote of its own, as a test's actor leaves it in the transaction. */
export type ActorWrites = TurnWrites<unknown, unknown>

/** What an actor's `save` gives to the model in the place of SQL. */
export interface ModelWrites {
  readonly family: string
  readonly writes: ActorWrites
  /** Set where the data breaks a rule of the actor's tables. */
  readonly refused?: string | undefined
}

export const asStatements = (one: ModelWrites): ReadonlyArray<Statement> => [
  one as unknown as Statement
]

/** A model of PostgreSQL as the machine uses it: one thing at a time, each whole or not at all. */
export class Store {
  readonly cursors = new Map<string, CursorRow>()
  readonly turns = new Map<string, Array<TurnRow & { readonly transactionId: string }>>()
  readonly configs = new Map<string, StoredConfig>()
  readonly parkedKeys = new Map<string, Map<string, ParkedKeyRow>>()
  readonly parkedMessages = new Map<string, Array<ParkedMessageRow>>()
  readonly deadLetters = new Map<string, DeadLetterRow & { readonly status: string }>()
  /** What became of operators' actions: the first answer stands. */
  readonly actions = new Map<string, string>()
  readonly events: Array<EventRow & { readonly transactionId: string }> = []
  private transactions = 0
  /** G4: commits under an epoch that was no longer the partition's. */
  readonly late: Array<string> = []
  /** Canonical JSON and value of the actors' states, by family and `stateKey`. */
  readonly states = new Map<
    string,
    Map<string, { readonly json: string; readonly state: unknown }>
  >()
  readonly rows = new Map<string, Array<ActorWrites["rows"][number]>>()
  private readonly flaws: StoreFlaws

  constructor(flaws: StoreFlaws = {}) {
    this.flaws = flaws
  }

  readonly beginCursor = (family: string, partition: number, streamCreated: string): void => {
    entry(this.cursors, `${family}.${partition}`, () => ({
      seq: 0,
      clockMillis: 0,
      streamCreated,
      digest: "",
      epoch: [0, 0] as const,
      owner: ""
    }))
  }

  readonly takeOver = (claim: Claim): TakenOver | undefined => {
    const place = `${claim.mailbox}.${claim.partition}`
    const cursor = this.raiseEpoch(place, claim)
    const turn = this.turns.get(place)?.at(-1)
    return cursor && {
      cursor,
      lastTurn: turn && {
        lastSeq: turn.lastSeq,
        outbox: turn.outbox,
        tails: JSON.parse(turn.tails),
        transactionId: turn.transactionId
      },
      configs: new Map(
        claim.families.flatMap((family) => {
          const config = this.configs.get(`${family}.${claim.partition}`)
          return config === undefined ? [] : [[family, config] as const]
        })
      ),
      parked: claim.families.flatMap((family) => this.asideOf(family, claim.partition))
    }
  }

  readonly asideOf = (family: string, partition: number): ReadonlyArray<ParkedKeyRow> => [
    ...this.parkedKeys.get(`${family}.${partition}`)?.values() ?? []
  ]

  private raiseEpoch(key: string, claim: Claim): Cursor | undefined {
    const known = this.cursors.get(key)
    if (known === undefined) return undefined
    const epoch = [claim.bucketMillis, claim.revision] as const
    if (known.epoch[0] > epoch[0] || (known.epoch[0] === epoch[0] && known.epoch[1] >= epoch[1])) {
      return undefined
    }
    this.cursors.set(key, { ...known, epoch, owner: claim.owner })
    const { clockMillis, digest, seq, streamCreated } = known
    return { clockMillis, digest, seq, streamCreated }
  }

  readonly load = (
    family: string,
    keys: ReadonlyArray<StateKey>
  ): ReadonlyMap<string, unknown> => {
    const known = this.states.get(family)
    return new Map(keys.flatMap(({ key, merchant }) => {
      const found = known?.get(stateKey(merchant, key))
      return found === undefined ? [] : [[stateKey(merchant, key), found.state] as const]
    }))
  }

  readonly waiting = (
    partition: number,
    keys: ReadonlyArray<KeyName>,
    limit: number
  ): ReadonlyArray<ParkedMessageRow> =>
    keys.flatMap(({ actorKey, family, merchant }) =>
      (this.parkedMessages.get(`${family}.${partition}`) ?? [])
        .filter((row) => row.merchant === merchant && row.actorKey === actorKey).slice(0, limit)
    ).sort(inOrder)

  readonly deadLetter = (
    family: string,
    partition: number,
    id: string
  ): StoredDeadLetter | undefined => {
    const dead = this.deadLetters.get(id)
    if (dead?.family !== family || dead.partition !== partition) return undefined
    const { actorKey, merchant, part, seq, step } = dead
    const rows = this.parkedMessages.get(`${family}.${partition}`) ?? []
    const waits = actorKey !== null &&
      rows.some(isSame({ family, actorKey, merchant, part, seq, step }))
    return { ...dead, waits }
  }

  /** Throws `Fenced` where another owner has committed. */
  readonly check = ({ mailbox: family, moves }: TurnsWritten): void => {
    for (const move of moves) {
      if (!this.mayMove(family, move)) throw new Fenced(`${family}: another owner committed`)
    }
  }

  /** All of it, or it throws `Fenced` and nothing has changed. */
  readonly commit = (written: TurnsWritten, saved: ReadonlyArray<ModelWrites>): void => {
    const { mailbox, moves } = written
    this.check(written)
    for (const move of moves) this.move(mailbox, move)
    for (const { family, writes: { rows, states } } of saved) {
      const known = entry(this.states, family, () => new Map())
      for (const { json, key, merchant, state } of states) {
        known.set(stateKey(merchant, key), { json, state })
      }
      entry(this.rows, family, () => []).push(...rows)
    }
    const transactionId = String(++this.transactions)
    this.events.push(...written.events.map((event) => ({ ...event, transactionId })))
    this.settle(written)
    for (const dead of written.deadLetters) {
      this.deadLetters.set(dead.id, {
        ...this.deadLetters.get(dead.id) ?? dead,
        attempts: dead.attempts,
        cause: dead.cause,
        status: "open"
      })
    }
    for (const one of written.parking) this.park(one)
    for (const { family, json, partition, version } of written.configs) {
      this.configs.set(`${family}.${partition}`, { version, doc: JSON.parse(json) })
    }
    for (const row of written.turns) {
      entry(this.turns, `${mailbox}.${row.partition}`, () => []).push({ ...row, transactionId })
    }
  }

  readonly eventsOf = (
    transactionId: string,
    merchants: ReadonlyArray<string>
  ): ReadonlyArray<EventRow> =>
    this.events.filter((event) =>
      event.transactionId === transactionId && merchants.includes(event.merchant)
    ).map(({ transactionId: _, ...event }) => event)

  private settle({ obeyed, settled }: TurnsWritten): void {
    for (const { family, part, partition, seq, status, step } of settled) {
      for (const [id, dead] of this.deadLetters) {
        const isIt = dead.family === family && dead.partition === partition && dead.seq === seq &&
          dead.part === part && dead.step === step && dead.status === "open"
        if (isIt) this.deadLetters.set(id, { ...dead, status })
      }
    }
    for (const { id, outcome } of obeyed) {
      if (!this.actions.has(id)) this.actions.set(id, outcome)
    }
  }

  private mayMove(family: string, move: CursorMove): boolean {
    const { noCompareAndSet, noEpoch } = this.flaws
    const known = this.cursors.get(`${family}.${move.partition}`)
    if (noCompareAndSet === true) return true
    if (known?.seq !== move.previousSeq) return false
    return noEpoch === true ||
      (known.epoch[0] === move.epochBucket && known.epoch[1] === move.epochRevision)
  }

  private move(
    family: string,
    { clockMillis, digest, epochRevision, partition, seq }: CursorMove
  ): void {
    const key = `${family}.${partition}`
    const known = this.cursors.get(key)!
    if (known.epoch[1] !== epochRevision) this.late.push(`${key}: ${seq} under ${epochRevision}`)
    this.cursors.set(key, { ...known, seq, clockMillis, digest })
  }

  private park({ freed, handled, keys, letters, partition }: Parking): void {
    const known = (family: string) =>
      entry(this.parkedKeys, `${family}.${partition}`, () => new Map())
    for (const { actorKey, family, merchant } of freed) {
      known(family).delete(stateKey(merchant, actorKey))
    }
    for (const key of keys) known(key.family).set(stateKey(key.merchant, key.actorKey), key)
    for (const family of new Set([...handled, ...letters].map((one) => one.family))) {
      const place = `${family}.${partition}`
      const rows = (this.parkedMessages.get(place) ?? [])
        .filter((row) => !handled.some(isSame(row)))
      // A woken letter that fails again is already there, unchanged.
      const more = letters.filter((letter) =>
        letter.family === family && !rows.some(isSame(letter))
      )
      this.parkedMessages.set(place, [...rows, ...more].sort(inOrder))
    }
  }
}

type Letter = KeyName & { readonly seq: number; readonly part: number; readonly step: number }

const isSame = (left: Letter) => (right: Letter): boolean =>
  left.family === right.family && left.seq === right.seq && left.part === right.part &&
  left.step === right.step &&
  left.merchant === right.merchant &&
  left.actorKey === right.actorKey

const inOrder = (left: Letter, right: Letter): number =>
  left.seq - right.seq || left.part - right.part || left.step - right.step

const entry = <A>(map: Map<string, A>, key: string, make: () => A): A => {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make()
  map.set(key, made)
  return made
}

const never = (error: unknown): never => {
  throw error
}

/** What a process asks of the store: it takes time, and the question or the answer may get lost. */
export const asker = (time: Time, process: Process, wire: Wire) =>
<A, E>(
  name: string,
  run: () => A,
  otherwise: (error: unknown) => E = never
): Effect.Effect<A, E | DatabaseUnavailable> =>
  Effect.callback((resume) => {
    const lost = () =>
      time.after(wire.toProcess("broken") ?? 0, `${name} lost`, () => {
        resume(Effect.fail(new DatabaseUnavailable({ query: name, cause: "connection lost" })))
      }, process)
    wire.reached(`${name} asked`, process)
    if (!process.alive) return
    const there = wire.toServer(name)
    if (there === undefined) return void lost()
    time.after(there, name, () => {
      let answer: Effect.Effect<A, E | DatabaseUnavailable>
      try {
        answer = Effect.succeed(run())
      } catch (error) {
        answer = Effect.fail(otherwise(error))
      }
      wire.reached(`${name} done`, process)
      const back = wire.toProcess(name)
      if (back === undefined) lost()
      else time.after(back, `${name} answered`, () => resume(answer), process)
    })
  })

/** The port over the model, as one process has it. */
export const turnStoreOf = (
  store: Store,
  time: Time,
  process: Process,
  wire: Wire
): TurnStore["Service"] => {
  const ask = asker(time, process, wire)
  const write = (name: string, written: TurnsWritten, keep: boolean) =>
    Effect.gen(function* () {
      const saved = written.save() as unknown as ReadonlyArray<ModelWrites>
      const refused = saved.find((one) => one.refused !== undefined)?.refused
      yield* ask(name, () => {
        if (refused !== undefined) {
          throw new DataRefused({ query: name, sqlState: "23514", cause: refused })
        }
        if (keep) {
          store.commit(written, saved)
        } else store.check(written)
      }, (error) =>
        error instanceof Fenced
          ? new DatabaseUnavailable({ query: name, cause: error })
          : error as DataRefused)
    }).pipe(Effect.uninterruptible)
  return TurnStore.of({
    takeOver: (claim) => ask("take over", () => store.takeOver(claim)),
    beginCursor: (...place) => ask("begin", () => store.beginCursor(...place)),
    cursor: (family, partition) =>
      ask("cursor", () => {
        const row = store.cursors.get(`${family}.${partition}`)
        return row && { seq: row.seq, epochBucket: row.epoch[0], epochRevision: row.epoch[1] }
      }),
    eventsOf: (transactionId, merchants) =>
      ask("events", () => store.eventsOf(transactionId, merchants)),
    parkedMessages: (partition, keys, limit) =>
      ask("parked letters", () => store.waiting(partition, keys, limit)),
    deadLetter: (family, partition, id) =>
      ask("dead letter", () => store.deadLetter(family, partition, id)),
    commit: (written) => write("commit", written, true),
    rehearse: (written) => write("rehearsal", written, false)
  })
}
