import fc from "fast-check"
import { expect, test } from "vitest"
import { PARTITIONS, sourceOf } from "../../streams/mailboxes.ts"
import { keyId, stateKey } from "../../src/runtime/actor.ts"
import { batches } from "../../src/runtime/batch.ts"
import { emptyDraft, keptBy, type ParkedKey } from "../../src/runtime/draft.ts"
import { fold } from "../../src/runtime/fold.ts"
import type { Readable, Unreadable } from "../../src/runtime/opened.ts"
import { opener } from "../../src/runtime/opener.ts"
import {
  BUNDLE,
  CONFIGURE,
  Header,
  type Letter,
  letterOf,
  lettersOf,
  placeOf,
  UNPARK
} from "../../src/runtime/letter.ts"
import type { Addressing } from "../../src/runtime/outbox.ts"
import type { Delivery } from "../../src/bus/mailboxReader.ts"
import { merchantIn } from "../support/machine.ts"
import { type Note, notebook, type Page } from "../support/notebook.ts"

const MERCHANT = merchantIn(3)
const { actor } = notebook()
const open = opener(actor, PARTITIONS)

const addressing: Addressing = {
  mailbox: "fraud",
  partition: 3,
  source: sourceOf("fraud", 3),
  streamOf: (family) => family.toUpperCase(),
  partitions: 8,
  routesOf: () => [],
  messageBytesMax: 500_000
}

const delivery = (
  seq: number,
  subject: string,
  headers: Readonly<Record<string, string>>,
  body: string
): Delivery => ({
  seq,
  subject,
  atMillis: 1_000 + seq,
  data: new TextEncoder().encode(body),
  header: (name) => headers[name],
  headers: () => ({ ...headers }),
  ackSubject: ""
})

type Sent =
  | { readonly note: Omit<Note, "text"> }
  | { readonly bundle: ReadonlyArray<Omit<Note, "text">> }
  | { readonly wake: string }
  | { readonly label: string; readonly version: number }
  | { readonly malformed: string }

const deliveryOf = (sent: Sent, index: number): Delivery => {
  const seq = 100 + index
  if ("note" in sent) {
    const body = { ...sent.note, text: `t${seq}` }
    return delivery(seq, `fraud.3.ingress.note.${MERCHANT}`, {}, JSON.stringify(body))
  }
  if ("bundle" in sent) {
    const body = sent.bundle.map((note, part) => [
      "note",
      MERCHANT,
      "",
      { ...note, text: `t${placeOf({ seq, part })}` }
    ])
    const headers = { [BUNDLE]: String(body.length) }
    return delivery(seq, "fraud.3.payments-03", headers, JSON.stringify(body))
  }
  if ("wake" in sent) {
    return delivery(seq, "fraud.3.timers", {
      [Header.type]: UNPARK,
      [Header.merchant]: MERCHANT,
      [Header.due]: "5"
    }, JSON.stringify({ key: sent.wake }))
  }
  if ("label" in sent) {
    const body = { version: sent.version, config: { label: sent.label } }
    return delivery(seq, "fraud.3.control", { [Header.type]: CONFIGURE }, JSON.stringify(body))
  }
  return delivery(seq, `fraud.3.ingress.note.${MERCHANT}`, {}, sent.malformed)
}

const notesOf = (sent: Sent): ReadonlyArray<Omit<Note, "text">> =>
  "note" in sent ? [sent.note] : "bundle" in sent ? sent.bundle : []

/** Which key each text belongs to first. */
const ownersOf = (sent: Sent, seq: number) =>
  notesOf(sent).map(({ key }, part) =>
    [`t${placeOf({ seq, part })}`, stateKey(MERCHANT, key)] as const
  )

/** Texts are named by their place: sequence and part. */
const orderOf = (text: string): number => {
  const [seq, part = "0"] = text.slice(1).split(".")
  return Number(seq) * 100 + Number(part)
}

/** A partition as its tables remember it, without the tables. */
class Partition {
  readonly pages = new Map<string, unknown>()
  readonly parked = new Map<string, ParkedKey>()
  waiting: Array<{ readonly id: string; readonly letter: Letter }> = []
  readonly emitted: Array<string> = []
  readonly deadLetters: Array<string> = []
  config = { version: 0, value: actor.config.initial as unknown }
  digest = ""
  clockMillis = 0
  /** Letters of a woken key decided in one turn. */
  readonly wokenMax: number

  constructor(wokenMax: number) {
    this.wokenMax = wokenMax
  }

  park(key: string, deliveries: ReadonlyArray<Delivery>) {
    const id = keyId("fraud", MERCHANT, key)
    this.parked.set(id, {
      family: "fraud",
      merchant: MERCHANT,
      actorKey: key,
      attempts: 1,
      quarantined: false,
      reason: "NotNow",
      wakeAtMillis: 5
    })
    for (const one of deliveries) this.waiting.push({ id, letter: letterOf(one) })
  }

  turn(letters: ReadonlyArray<Letter>) {
    const opened = letters.map((letter) => {
      const one = open(letter)
      if (one._tag !== "Woken") return one
      const id = keyId("fraud", one.wakes.merchant, one.wakes.actorKey)
      const behind = this.waiting.filter((each) => each.id === id)
        .sort(({ letter: left }, { letter: right }) =>
          left.seq - right.seq || left.part - right.part
        )
        .slice(0, this.wokenMax + 1)
        .map(({ letter }) => open(letter) as Readable | Unreadable)
      return { ...one, behind, max: this.wokenMax }
    })
    const draft = emptyDraft(this.clockMillis, this.digest)
    fold(
      {
        members: new Map([["fraud", {
          actor,
          committed: (id: string) => this.pages.get(id),
          known: () => true,
          open,
          config: this.config
        }]]),
        addressing,
        partition: 3,
        parked: this.parked,
        failures: new Map(),
        defects: new Map()
      },
      opened,
      draft
    )
    for (const [id, { state }] of keptBy(draft, "fraud").states) this.pages.set(id, state)
    for (const id of draft.unparked.keys()) this.parked.delete(id)
    for (const [id, key] of draft.parked) this.parked.set(id, key)
    for (const { actorKey, merchant, ...handled } of draft.handledLetters) {
      const id = keyId("fraud", merchant, actorKey)
      this.waiting = this.waiting.filter((each) =>
        each.id !== id || placeOf(each.letter) !== placeOf(handled)
      )
    }
    for (const { id, one } of draft.parkedLetters) {
      const known = this.waiting.some((each) =>
        each.id === id && placeOf(each.letter) === placeOf(one.letter)
      )
      if (!known) this.waiting.push({ id, letter: one.letter })
    }
    this.config = draft.configs.get("fraud") ?? this.config
    this.emitted.push(
      ...draft.outbox.map(({ body, id }) => `${id.seq}/${id.ordinal} ${body}`)
    )
    this.deadLetters.push(...draft.deadLetters.map(({ id }) => id))
    this.digest = draft.digest
    this.clockMillis = draft.clockMillis
  }

  /** What the machine takes as one turn may be less than what it read. */
  read(deliveries: ReadonlyArray<Delivery>) {
    for (const batch of batches(deliveries)) this.turn(batch.flatMap(lettersOf))
  }

  get all() {
    return {
      digest: this.digest,
      pages: [...this.pages].sort(),
      parked: [...this.parked].sort(),
      waiting: this.waiting.map(({ id, letter }) => `${id} ${placeOf(letter)}`).sort(),
      emitted: this.emitted,
      deadLetters: this.deadLetters,
      config: this.config,
      clockMillis: this.clockMillis
    }
  }
}

const key = fc.constantFrom("a", "b", "c")
const noteOf = (and: fc.Arbitrary<ReadonlyArray<string>>) =>
  fc.record({
    key,
    and,
    emit: fc.constantFrom(0, 1, 2),
    event: fc.boolean(),
    ringIn: fc.constantFrom(10, 20),
    refuse: fc.constantFrom(false, false, false, true),
    defect: fc.constantFrom(false, false, false, false, false, true)
  })
const sentOf = (and: fc.Arbitrary<ReadonlyArray<string>>): fc.Arbitrary<Sent> =>
  fc.oneof(
    { weight: 8, arbitrary: fc.record({ note: noteOf(and) }) },
    {
      weight: 4,
      arbitrary: fc.record({ bundle: fc.array(noteOf(and), { minLength: 1, maxLength: 4 }) })
    },
    { weight: 4, arbitrary: fc.record({ wake: key }) },
    {
      weight: 1,
      arbitrary: fc.record({ label: fc.constantFrom("x", "y"), version: fc.nat(4) })
    },
    { weight: 1, arbitrary: fc.record({ malformed: fc.constantFrom("{", "null", '{"key":1}') }) }
  )

const alone = fc.constant<ReadonlyArray<string>>([])
const withOthers = fc.oneof(alone, key.map((other) => [other]))

const startOf = (waiting: ReadonlyArray<number>, wokenMax: number): Partition => {
  const partition = new Partition(wokenMax)
  waiting.forEach((count, index) => {
    if (count < 0) return
    const name = ["a", "b"][index]!
    partition.park(
      name,
      Array.from({ length: count }, (_, nth) =>
        delivery(
          10 * (index + 1) + nth,
          `fraud.3.ingress.note.${MERCHANT}`,
          {},
          JSON.stringify({ key: name, text: `t${10 * (index + 1) + nth}` })
        ))
    )
  })
  return partition
}

const cut = (deliveries: ReadonlyArray<Delivery>, sizes: ReadonlyArray<number>) => {
  const parts: Array<ReadonlyArray<Delivery>> = []
  for (let start = 0, turn = 0; start < deliveries.length; turn++) {
    const size = sizes[turn % sizes.length]!
    parts.push(deliveries.slice(start, start + size))
    start += size
  }
  return parts
}

/** How many wait behind a and b at first; -1 where the key is not parked. */
const waits = fc.tuple(fc.integer({ min: -1, max: 6 }), fc.integer({ min: -1, max: 6 }))
const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 6 })

test("G15: neither digest nor effect depends on how messages fell into turns", () => {
  fc.assert(
    fc.property(
      fc.array(sentOf(withOthers), { maxLength: 30 }),
      waits,
      fc.integer({ min: 1, max: 8 }),
      sizes,
      (sent, waiting, wokenMax, split) => {
        const deliveries = sent.map(deliveryOf)
        const alone = startOf(waiting, wokenMax)
        for (const one of deliveries) alone.read([one])
        const together = startOf(waiting, wokenMax)
        for (const part of cut(deliveries, split)) together.read(part)
        expect(together.all).toEqual(alone.all)
      }
    ),
    { numRuns: 600 }
  )
})

test("G3: a key's messages are decided in mailbox order, once, whatever waits and wakes", () => {
  fc.assert(
    fc.property(
      fc.array(sentOf(withOthers), { maxLength: 30 }),
      waits,
      fc.integer({ min: 1, max: 8 }),
      sizes,
      (sent, waiting, wokenMax, split) => {
        const partition = startOf(waiting, wokenMax)
        for (const part of cut(sent.map(deliveryOf), split)) partition.read(part)
        // Order is that of a message's first key; what else it touches it finds as it is then.
        const owners = new Map<string, string>(
          sent.flatMap((one, index) => ownersOf(one, 100 + index))
        )
        for (const [id, page] of partition.pages) {
          const own = (page as Page).texts.filter((text) =>
            (owners.get(text) ?? stateKey(MERCHANT, text < "t20" ? "a" : "b")) === id
          )
          expect(own).toEqual(
            [...new Set(own)].sort((left, right) => orderOf(left) - orderOf(right))
          )
        }
      }
    ),
    { numRuns: 600 }
  )
})

test("G7: after enough wakes nothing waits any more, and nothing was left out", () => {
  fc.assert(
    fc.property(
      fc.array(sentOf(withOthers).filter((one) => !notesOf(one).some(({ defect }) => defect)), {
        maxLength: 30
      }),
      waits,
      fc.integer({ min: 1, max: 8 }),
      sizes,
      (sent, waiting, wokenMax, split) => {
        const partition = startOf(waiting, wokenMax)
        const wakes = Array.from({ length: 40 }, () => ["a", "b", "c"].map((wake) => ({ wake })))
          .flat()
        for (const part of cut([...sent, ...wakes].map(deliveryOf), split)) partition.read(part)
        expect(partition.all.waiting).toEqual([])
        expect([...partition.parked]).toEqual([])
        const told = sent.flatMap((one, index) =>
          notesOf(one).flatMap(({ key, refuse }, part) =>
            refuse ? [] : [[key, `t${placeOf({ seq: 100 + index, part })}`] as const]
          )
        )
        for (const [name, text] of told) {
          const page = partition.pages.get(stateKey(MERCHANT, name)) as Page
          expect(page.texts).toContain(text)
        }
      }
    ),
    { numRuns: 300 }
  )
})
