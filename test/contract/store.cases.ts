import { Effect, Result } from "effect"
import { afterAll, beforeAll, expect, test } from "vitest"
import type { Statement } from "../../src/store/database.ts"
import { Fenced } from "../../src/store/fence.ts"
import type { TurnStore, TurnsWritten } from "../../src/store/turnStore.ts"

/** A store with nothing in it, and an actor's own table beside it. */
export interface StoreUnderTest {
  readonly store: TurnStore["Service"]
  /** Writes one line; an empty one is refused by the table. */
  readonly save: (line: string) => () => ReadonlyArray<Statement>
  readonly saved: () => Promise<ReadonlyArray<string>>
  readonly stop: () => Promise<void>
}

const succeeds = <A, E>(effect: Effect.Effect<A, E>) => Effect.runPromise(effect)
const tried = <A, E>(effect: Effect.Effect<A, E>) => Effect.runPromise(Effect.result(effect))

const FAMILY = "contract"
/** Another family of the same mailbox. */
const OTHER = "other"

const move = (partition: number, epochRevision: number, previousSeq: number, seq: number) => ({
  partition,
  epochBucket: 1,
  epochRevision,
  previousSeq,
  seq,
  seqAtMillis: seq,
  clockMillis: 1_000 + seq,
  digest: "0a"
})

/** One transaction that moves these cursors, and whatever else is asked for. */
const written = (
  moves: TurnsWritten["moves"],
  rest: Partial<Omit<TurnsWritten, "mailbox" | "moves" | "turns">> & { outbox?: string } = {}
): TurnsWritten => {
  const { outbox = null, ...parts } = rest
  return {
    mailbox: FAMILY,
    moves,
    save: () => [],
    events: [],
    deadLetters: [],
    settled: [],
    obeyed: [],
    parking: [],
    configs: [],
    ...parts,
    turns: moves.map(({ digest, epochBucket, epochRevision, partition, previousSeq, seq }) => ({
      partition,
      firstSeq: previousSeq + 1,
      lastSeq: seq,
      messages: seq - previousSeq,
      epochBucket,
      epochRevision,
      codeVersion: "test",
      outbox,
      tails: `{"EVENTS":[${seq},1,0]}`,
      emitted: "{}",
      notes: null,
      digest
    }))
  }
}

const letter = (actorKey: string, seq: number, part = 0, step = 0) => ({
  family: FAMILY,
  merchant: "acme",
  actorKey,
  seq,
  part,
  step,
  subject: "contract.0.ingress.note.acme",
  atMillis: seq,
  headers: `{"a":"b"}`,
  body: new TextEncoder().encode(`body ${seq}`)
})

const key = (actorKey: string, attempts: number, family = FAMILY) => ({
  family,
  merchant: "acme",
  actorKey,
  attempts,
  quarantined: false,
  reason: "NotNow",
  wakeAtMillis: 5_000
})

const dead = (partition: number, seq: number, attempts: number) => ({
  ...letter("a", seq),
  id: `dl_${partition}_${seq}`,
  family: FAMILY,
  partition,
  type: "note",
  reason: "defect",
  cause: "why",
  attempts
})

const NOTHING_PARKED = { freed: [], handled: [], keys: [], letters: [] }

/** What the machine relies on: the same for PostgreSQL and for the model that simulations use. */
export const storeContract = (name: string, start: () => Promise<StoreUnderTest>): void => {
  let subject: StoreUnderTest
  let store: TurnStore["Service"]
  beforeAll(async () => {
    subject = await start()
    store = subject.store
  })
  afterAll(() => subject?.stop())

  const takeOver = (partition: number, revision: number, bucketMillis = 1) =>
    succeeds(store.takeOver({
      mailbox: FAMILY,
      families: [FAMILY, OTHER],
      partition,
      bucketMillis,
      revision,
      owner: `w${revision}`,
      partitions: 8
    }))
  const raise = async (partition: number, revision: number, bucketMillis = 1) => {
    await succeeds(store.beginCursor(FAMILY, partition, "then"))
    return (await takeOver(partition, revision, bucketMillis))?.cursor
  }
  const isFenced = async (turns: TurnsWritten) => {
    const result = await tried(store.commit(turns))
    return Result.isFailure(result) && result.failure._tag === "DatabaseUnavailable" &&
      result.failure.cause instanceof Fenced
  }

  test(`${name}: an epoch only rises, as a pair, and tells where the cursor stands`, async () => {
    expect(await raise(0, 5)).toEqual({ seq: 0, clockMillis: 0, streamCreated: "then", digest: "" })
    expect(await raise(0, 5)).toBeUndefined()
    expect(await raise(0, 4)).toBeUndefined()
    await succeeds(store.commit(written([move(0, 5, 0, 3)])))
    expect(await raise(0, 1, 2)).toMatchObject({ seq: 3, clockMillis: 1_003, digest: "0a" })
    expect(await raise(0, 9, 1)).toBeUndefined()
    expect(await succeeds(store.cursor(FAMILY, 0))).toEqual({
      seq: 3,
      epochBucket: 2,
      epochRevision: 1
    })
    expect(await succeeds(store.cursor(FAMILY, 99))).toBeUndefined()
  })

  test(`${name}: a commit counts under the present epoch, from where the cursor stands, once`, async () => {
    await raise(1, 5)
    await succeeds(store.commit(written([move(1, 5, 0, 3)], { outbox: "first" })))
    expect(await isFenced(written([move(1, 5, 0, 3)]))).toBe(true)
    expect(await isFenced(written([move(1, 4, 3, 4)]))).toBe(true)
    await raise(1, 6)
    expect(await isFenced(written([move(1, 5, 3, 4)]))).toBe(true)
    expect((await succeeds(store.cursor(FAMILY, 1)))?.seq).toBe(3)
    expect((await takeOver(1, 7))?.lastTurn).toEqual({
      lastSeq: 3,
      outbox: "first",
      tails: { EVENTS: [3, 1, 0] },
      transactionId: expect.stringMatching(/^\d+$/)
    })
    await succeeds(store.commit(written([move(1, 7, 3, 8)])))
    expect((await takeOver(1, 8))?.lastTurn?.lastSeq).toBe(8)
  })

  test(`${name}: a turn's transaction leads to its events, letter by letter, and to no others`, async () => {
    const event = (id: string, merchant: string) => ({
      id,
      merchant,
      type: "noted",
      about: "",
      atMillis: 7,
      json: `{"b":1,"a":"\u00e9"}`
    })
    await raise(9, 1)
    const events = [event("evt_1", "acme"), event("evt_2", "other"), event("evt_3", "third")]
    await succeeds(store.commit(written([move(9, 1, 0, 1)], { events })))
    const first = (await takeOver(9, 2))!.lastTurn!.transactionId!
    await succeeds(
      store.commit(written([move(9, 2, 1, 2)], { events: [event("evt_4", "acme")] }))
    )
    const found = await succeeds(store.eventsOf(first, ["acme", "third", "nobody"]))
    expect(found.toSorted((left, right) => left.id < right.id ? -1 : 1))
      .toEqual([event("evt_1", "acme"), event("evt_3", "third")])
    const second = (await takeOver(9, 3))!.lastTurn!.transactionId!
    expect(await succeeds(store.eventsOf(second, ["acme"]))).toEqual([event("evt_4", "acme")])
  })

  test(`${name}: several partitions commit together or not at all, the actor's own writes with them`, async () => {
    await raise(2, 1)
    await raise(3, 1)
    const both = (third: number) => [move(2, 1, 0, 4), move(3, third, 0, 4)]
    expect(await isFenced(written(both(7), { save: subject.save("torn") }))).toBe(true)
    expect((await succeeds(store.cursor(FAMILY, 2)))?.seq).toBe(0)
    expect(await subject.saved()).not.toContain("torn")
    await succeeds(store.commit(written(both(1), { save: subject.save("whole") })))
    expect((await succeeds(store.cursor(FAMILY, 2)))?.seq).toBe(4)
    expect((await succeeds(store.cursor(FAMILY, 3)))?.seq).toBe(4)
    expect(await subject.saved()).toContain("whole")
  })

  test(`${name}: data the tables refuse is told as such and nothing of it is kept`, async () => {
    await raise(4, 1)
    const refused = await tried(
      store.commit(written([move(4, 1, 0, 1)], { save: subject.save("") }))
    )
    expect(Result.isFailure(refused) && refused.failure._tag).toBe("DataRefused")
    expect((await succeeds(store.cursor(FAMILY, 4)))?.seq).toBe(0)
  })

  test(`${name}: a rehearsal says what a commit would say, and keeps nothing`, async () => {
    await raise(5, 1)
    await succeeds(store.rehearse(written([move(5, 1, 0, 1)], { save: subject.save("rehearsed") })))
    expect((await succeeds(store.cursor(FAMILY, 5)))?.seq).toBe(0)
    expect(await subject.saved()).not.toContain("rehearsed")
    const refused = await tried(
      store.rehearse(written([move(5, 1, 0, 1)], { save: subject.save("") }))
    )
    expect(Result.isFailure(refused) && refused.failure._tag).toBe("DataRefused")
    const fenced = await tried(store.rehearse(written([move(5, 9, 0, 1)])))
    expect(Result.isFailure(fenced) && fenced.failure.cause).toBeInstanceOf(Fenced)
  })

  test(`${name}: parked letters wait in order behind their keys until they are handled`, async () => {
    await raise(6, 1)
    const letters = [
      letter("a", 9),
      letter("b", 3),
      letter("a", 4, 1),
      letter("a", 4, 0, 2),
      letter("a", 4)
    ]
    await succeeds(store.commit(written([move(6, 1, 0, 9)], {
      parking: [{
        ...NOTHING_PARKED,
        partition: 6,
        keys: [key("a", 1), key("b", 1), key("b", 7, OTHER)],
        letters
      }]
    })))
    // Set aside again, with a letter that is there already.
    await succeeds(store.commit(written([move(6, 1, 9, 10)], {
      parking: [{ ...NOTHING_PARKED, partition: 6, keys: [key("a", 2)], letters: [letter("a", 4)] }]
    })))
    const keys = (await takeOver(6, 2))!.parked
    expect(keys.map(({ actorKey, attempts }) => `${actorKey} ${attempts}`).sort())
      .toEqual(["a 2", "b 1", "b 7"])
    const waiting = async (limit: number) => {
      const found = await succeeds(
        store.parkedMessages(6, [{ family: FAMILY, merchant: "acme", actorKey: "a" }], limit)
      )
      return found.map(({ body, part, seq, step }) =>
        `${seq}.${part}.${step} ${new TextDecoder().decode(body)}`
      )
    }
    expect(await waiting(9)).toEqual([
      "4.0.0 body 4",
      "4.0.2 body 4",
      "4.1.0 body 4",
      "9.0.0 body 9"
    ])
    expect(await waiting(2)).toHaveLength(2)
    const freed = [{ family: FAMILY, merchant: "acme", actorKey: "b" }]
    const handled = [{ family: FAMILY, merchant: "acme", actorKey: "a", seq: 4, part: 0, step: 0 }]
    await succeeds(store.commit(written([move(6, 2, 10, 11)], {
      parking: [{ ...NOTHING_PARKED, partition: 6, freed, handled }]
    })))
    expect(await waiting(9)).toEqual(["4.0.2 body 4", "4.1.0 body 4", "9.0.0 body 9"])
    expect(
      (await takeOver(6, 3))!.parked.map(({ actorKey, family }) => `${family} ${actorKey}`).sort()
    )
      .toEqual([`${FAMILY} a`, `${OTHER} b`])
  })

  test(`${name}: a dead letter is kept once, settled, and open again where it fails again`, async () => {
    await raise(7, 1)
    const found = () => succeeds(store.deadLetter(FAMILY, 7, "dl_7_2"))
    expect(await found()).toBeUndefined()
    await succeeds(store.commit(written([move(7, 1, 0, 2)], {
      deadLetters: [dead(7, 2, 1)],
      parking: [{ ...NOTHING_PARKED, partition: 7, keys: [key("a", 0)], letters: [letter("a", 2)] }]
    })))
    expect(await found()).toMatchObject({ status: "open", waits: true, actorKey: "a", seq: 2 })
    const settled = [
      {
        family: FAMILY,
        partition: 7,
        seq: 2,
        part: 0,
        step: 0,
        status: "replayed" as const,
        outcome: "decided"
      }
    ]
    const handled = [{ family: FAMILY, merchant: "acme", actorKey: "a", seq: 2, part: 0, step: 0 }]
    await succeeds(store.commit(written([move(7, 1, 2, 3)], {
      settled,
      parking: [{ ...NOTHING_PARKED, partition: 7, handled }]
    })))
    expect(await found()).toMatchObject({ status: "replayed", waits: false })
    await succeeds(store.commit(written([move(7, 1, 3, 4)], {
      settled,
      deadLetters: [dead(7, 2, 2)]
    })))
    expect(await found()).toMatchObject({ status: "open" })
  })

  test(`${name}: the latest configuration of each family in a partition is kept`, async () => {
    await succeeds(store.beginCursor(FAMILY, 8, "then"))
    expect(await takeOver(8, 1)).toMatchObject({ configs: new Map(), lastTurn: undefined })
    for (const version of [1, 2]) {
      await succeeds(store.commit(written([move(8, 1, version - 1, version)], {
        configs: [{ family: OTHER, partition: 8, version, json: `{"label":"v${version}"}` }]
      })))
    }
    expect((await takeOver(8, 2))?.configs)
      .toEqual(new Map([[OTHER, { version: 2, doc: { label: "v2" } }]]))
  })
}
