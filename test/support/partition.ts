import { Effect, Layer } from "effect"
import { stateKey } from "../../src/runtime/actor.ts"
import type { Committed } from "../../src/runtime/commit.ts"
import { parking } from "../../src/runtime/commitLane.ts"
import { type Letter, letterOf } from "../../src/runtime/letter.ts"
import type { Lanes } from "../../src/runtime/lanes.ts"
import { membersOf } from "../../src/runtime/members.ts"
import type { Deciding } from "../../src/runtime/owned.ts"
import type { Addressing } from "../../src/runtime/outbox.ts"
import type { AnyKeyed } from "../../src/runtime/registry.ts"
import { decide, remember } from "../../src/runtime/turn.ts"
import { Database } from "../../src/store/database.ts"
import { TurnStore } from "../../src/store/turnStore.ts"
import { Store } from "../simulation/model/store.ts"

/** How a partition's memory is to be. */
export interface Memory {
  /** Dropped after every turn, so that each begins with nothing. */
  readonly forgets: boolean
}

/** A partition with tables in memory: its turns load, decide in rounds and keep what they decided. */
export class Partition {
  readonly tables = new Map<string, Map<string, unknown>>()
  readonly turns: Array<Committed> = []
  readonly deadLetters: Array<string> = []
  /** Which keys fail to load, by `merchant/key`. */
  breaks: (family: string, id: string) => boolean = () => false
  loads = 0
  private readonly actors: ReadonlyMap<string, AnyKeyed>
  private readonly deciding: Deciding
  private readonly store = new Store()
  private readonly memory: Memory

  constructor(
    actors: ReadonlyArray<AnyKeyed>,
    addressing: Addressing,
    memory: Memory = { forgets: false }
  ) {
    this.memory = memory
    this.actors = new Map(actors.map((actor) => [actor.family, actor]))
    const { mailbox, partition, partitions, source } = addressing
    const lanes = {
      loads: new Map(actors.map((actor) => [actor.family, this.loadOf(actor.family)]))
    } as unknown as Lanes
    this.deciding = {
      options: { addressing, lanes },
      mailbox,
      partition,
      epoch: { bucketMillis: 1, revision: 1 },
      source,
      crash: () => {},
      bundleMaxOf: () => 200,
      relay: { tails: new Map() },
      members: membersOf(
        new Map(
          actors.map((actor) => [actor.family, { ...actor, load: this.loadOf(actor.family) }])
        ),
        new Map(),
        partitions
      ),
      parked: new Map(),
      seq: 0,
      clockMillis: 0,
      digest: "",
      restartsAt: []
    }
  }

  get digest(): string {
    return this.deciding.digest
  }

  /** Keys set aside, and why. */
  get aside(): ReadonlyMap<string, string> {
    return new Map([...this.deciding.parked].map(([id, { reason }]) => [id, reason]))
  }

  stateOf<State>(family: string, merchant: string, key: string): State | undefined {
    return this.tables.get(family)?.get(stateKey(merchant, key)) as State | undefined
  }

  readonly take = async (...letters: ReadonlyArray<Letter>): Promise<Committed> => {
    const { deciding } = this
    const { ready } = await Effect.runPromise(
      decide(deciding, letters, { defects: new Map() }, new Map()).pipe(
        Effect.provide(this.layer())
      )
    )
    const { draft } = ready
    for (const [family, { states }] of draft.kept) {
      const table = this.tables.get(family) ?? new Map<string, unknown>()
      for (const [id, { state }] of states) table.set(id, state)
      this.tables.set(family, table)
    }
    this.store.commit(
      {
        mailbox: deciding.mailbox,
        moves: [],
        save: () => [],
        events: [],
        deadLetters: [],
        settled: draft.settled.map((one) => ({ partition: deciding.partition, ...one })),
        obeyed: draft.obeyed,
        parking: [parking(deciding.partition, draft)],
        configs: [],
        turns: []
      },
      []
    )
    this.deadLetters.push(
      ...draft.deadLetters.map(({ cause, letter }) => `${letter.family}: ${cause}`)
    )
    this.turns.push(ready)
    remember(deciding, draft, letters)
    if (this.memory.forgets) { for (const { cache } of deciding.members.values()) cache.clear() }
    return ready
  }

  /** What an operator does who lets a key go. */
  readonly resume = (seq: number, family: string, merchant: string, key: string) =>
    this.take(letterOf({
      subject: `${family}.${this.deciding.partition}.operate`,
      seq,
      atMillis: seq,
      headers: () => ({}),
      data: new TextEncoder().encode(
        JSON.stringify({ order: "resume", action: `act_${seq}`, merchant, key })
      )
    }))

  private readonly loadOf =
    (family: string) =>
    (keys: ReadonlyArray<{ readonly merchant: string; readonly key: string }>) =>
      Effect.suspend(() => {
        this.loads++
        const failing = keys.find(({ key, merchant }) =>
          this.breaks(family, stateKey(merchant, key))
        )
        if (failing !== undefined) {
          // A table may name it; a document nobody can read is any family's trouble.
          const tag = "Busy" in this.actors.get(family)!.supervision ? "Busy" : "Unreadable"
          return Effect.fail({ _tag: tag, message: `${failing.key} cannot be read` })
        }
        const table = this.tables.get(family)
        return Effect.succeed(
          new Map(keys.flatMap(({ key, merchant }) => {
            const id = stateKey(merchant, key)
            return table?.has(id) === true ? [[id, table.get(id)] as const] : []
          }))
        )
      })

  private readonly layer = () => {
    const { store } = this
    const never = () => Effect.die(new Error("nothing of this is asked here"))
    return Layer.mergeAll(
      Layer.succeed(Database, {} as Database["Service"]),
      Layer.succeed(TurnStore, {
        takeOver: never,
        beginCursor: never,
        cursor: never,
        eventsOf: never,
        commit: never,
        rehearse: never,
        parkedMessages: (partition, keys, limit) =>
          Effect.succeed(store.waiting(partition, keys, limit)),
        deadLetter: (family, partition, id) =>
          Effect.succeed(store.deadLetter(family, partition, id))
      })
    )
  }
}

/** An actor of which one decision goes wrong, as long as `isBroken` says so. */
export const withDefect = (actor: AnyKeyed, isBroken: (type: string) => boolean): AnyKeyed => ({
  ...actor,
  decide: (states, message, received) => {
    if (isBroken(received.type)) throw new Error(`a bug in ${actor.family}`)
    return actor.decide(states, message, received)
  }
})
