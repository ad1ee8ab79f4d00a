import { Result, Schema } from "effect"
import { describe, expect, test } from "vitest"
import { keyedActors } from "../../actors/register.ts"
import { paymentIdOf } from "../../src/domain/identifiers.ts"
import { partitionOf } from "../../src/domain/partition.ts"
import { keyed } from "../../src/runtime/actor.ts"
import { Header, letterOf } from "../../src/runtime/letter.ts"
import { type AnyKeyed, anyKeyed } from "../../src/runtime/registry.ts"
import { Retry } from "../../src/runtime/supervision.ts"
import { mailboxesOf, PARTITIONS } from "../../streams/mailboxes.ts"
import { placesOf } from "../../streams/places.ts"
import { Partition, withDefect } from "../support/partition.ts"

const MERCHANT = "acme"
const P = partitionOf(MERCHANT, PARTITIONS)
const PAYMENT = paymentIdOf(MERCHANT, "order-1")
const addressing = {
  ...placesOf(mailboxesOf([["payments", "fraud", "messaging", "reconciliation"]])),
  mailbox: "payments",
  partition: P,
  source: `payments-0${P}`
}

const bytes = (body: unknown) => new TextEncoder().encode(JSON.stringify(body))

const create = (seq: number) =>
  letterOf({
    subject: `payments.${P}.ingress.create.${MERCHANT}`,
    seq,
    atMillis: 1_000_000 + seq,
    headers: () => ({}),
    data: bytes({
      command_id: "order-1",
      amount: 1_000,
      currency: "BRL",
      capture: "automatic",
      payment_method: { type: "card", token: "tok_approved" },
      customer: { id: "cus_1" }
    })
  })

/** The gateway's answer to what the partition asked it last. */
const answer = (partition: Partition, seq: number) => {
  const call = partition.turns.flatMap(({ draft }) => draft.outbox)
    .findLast(({ target }) => target === "GATEWAY")!
  const { amount, attempt, gateway, payment_id } = JSON.parse(call.body)
  return letterOf({
    subject: `payments.${P}.gateway`,
    seq,
    atMillis: 1_000_000 + seq,
    headers: () => ({ [Header.type]: "answered", [Header.merchant]: MERCHANT }),
    data: bytes({
      payment_id,
      gateway,
      attempt,
      operation: "charge",
      inquiry: false,
      outcome: { _tag: "Approved", charge_id: "ch_1", captured: true, amount },
      took_millis: 5
    })
  })
}

const order = (seq: number, family: string, asked: object) =>
  letterOf({
    subject: `${family}.${P}.operate`,
    seq,
    atMillis: seq,
    headers: () => ({}),
    data: bytes({ action: `act_${seq}`, ...asked })
  })

const statusOf = (partition: Partition) =>
  partition.stateOf<{ readonly status: string }>("payments", MERCHANT, PAYMENT)?.status

const heldBy = (partition: Partition, family: string) =>
  [...partition.aside.keys()].filter((id) => id.startsWith(`${family}/`))

/** Of `family/merchant/key`. */
const keyIn = (id: string) => id.split("/").slice(2).join("/")

test("create, score and what follows are one turn; the answer and what follows another", async () => {
  const partition = new Partition(keyedActors, addressing)
  const first = await partition.take(create(10))
  expect(statusOf(partition)).toBe("processing")
  expect([...first.draft.outcomes.keys()].sort()).toEqual(["fraud", "payments"])
  const targets = new Set(first.draft.outbox.map(({ target }) => target))
  expect([...targets]).toEqual(["GATEWAY"])
  const second = await partition.take(answer(partition, 11))
  expect(statusOf(partition)).toBe("captured")
  expect([...second.draft.outcomes.keys()].sort())
    .toEqual(["messaging", "payments", "reconciliation"])
  expect(partition.tables.get("reconciliation")?.size).toBe(1)
  expect([...partition.aside]).toEqual([])
})

describe("G6: whatever goes wrong in a step concerns the key of its own family", () => {
  const steps = [
    ["fraud", "score", "screening"],
    ["payments", "scored", "screening"],
    ["messaging", "event", "captured"],
    ["reconciliation", "event", "captured"]
  ] as const

  test.each(steps)(
    "a defect of %s on %s leaves the payment %s, and is mended",
    async (family, type, status) => {
      let broken = true
      const actors = keyedActors.map((actor) =>
        actor.family === family ? withDefect(actor, (asked) => broken && asked === type) : actor
      )
      const partition = new Partition(actors, addressing)
      await partition.take(create(10))
      if (status === "captured") await partition.take(answer(partition, 11))
      expect(statusOf(partition)).toBe(status)
      const held = heldBy(partition, family)
      expect(held.length).toBeGreaterThan(0)
      expect(partition.deadLetters.every((one) => one === `${family}: a bug in ${family}`)).toBe(
        true
      )
      broken = false
      await partition.resume(20, family, MERCHANT, keyIn(held[0]!))
      if (status === "screening") await partition.take(answer(partition, 21))
      expect(statusOf(partition)).toBe("captured")
      expect([...partition.aside]).toEqual([])
      expect(partition.tables.get("reconciliation")?.size).toBe(1)
    }
  )

  const loads = [
    ["fraud", "customer:cus_1", "screening"],
    ["messaging", "endpoints", "captured"],
    ["reconciliation", "charge:simulator:ch_1", "captured"]
  ] as const

  test.each(loads)(
    "a load of %s that fails for %s leaves the payment %s, and is mended",
    async (family, key, status) => {
      const partition = new Partition(keyedActors, addressing, { forgets: true })
      partition.breaks = (theirs, id) => theirs === family && id === `${MERCHANT}/${key}`
      await partition.take(create(10))
      if (status === "captured") await partition.take(answer(partition, 11))
      expect(statusOf(partition)).toBe(status)
      expect([...partition.aside.keys()]).toEqual([`${family}/${MERCHANT}/${key}`])
      partition.breaks = () => false
      await partition.resume(20, family, MERCHANT, key)
      if (status === "screening") await partition.take(answer(partition, 41))
      expect(statusOf(partition)).toBe("captured")
      expect([...partition.aside]).toEqual([])
    }
  )

  test.each(loads)("while a person holds %s %s the payment is %s", async (family, key, status) => {
    const partition = new Partition(keyedActors, addressing)
    await partition.take(
      order(5, family, { order: "pause", merchant: MERCHANT, key, why: "to look" })
    )
    await partition.take(create(10))
    if (status === "captured") await partition.take(answer(partition, 11))
    expect(statusOf(partition)).toBe(status)
    expect([...partition.aside.keys()]).toEqual([`${family}/${MERCHANT}/${key}`])
    await partition.resume(20, family, MERCHANT, key)
    if (status === "screening") await partition.take(answer(partition, 21))
    expect(statusOf(partition)).toBe("captured")
    expect([...partition.aside]).toEqual([])
  })
})

test("a repeat of the outer letter repeats no inner one", async () => {
  const partition = new Partition(keyedActors, addressing)
  await partition.take(create(10))
  const again = await partition.take(create(11))
  expect([...again.draft.outcomes.keys()]).toEqual(["payments"])
})

test("neither what is in memory nor how often a turn is decided changes what it comes to", async () => {
  const digests = new Set<string>()
  const loads: Array<number> = []
  for (const blind of [false, true]) {
    for (const forgets of [false, true]) {
      const actors = keyedActors.map((actor): AnyKeyed => {
        const { foresees: _, ...rest } = actor
        return blind ? rest : actor
      })
      const partition = new Partition(actors, addressing, { forgets })
      await partition.take(create(10))
      await partition.take(answer(partition, 11))
      digests.add(partition.digest)
      loads.push(partition.loads)
    }
  }
  expect(digests.size).toBe(1)
  expect(loads[3]).toBeGreaterThan(loads[0]!)
})

/** Two families that tell each other whatever they are told. */
const echo = (
  family: string,
  other: string,
  asks: (key: string) => ReadonlyArray<string>
): AnyKeyed =>
  anyKeyed(keyed({
    family,
    messages: { tell: Schema.Struct({ key: Schema.String, left: Schema.Finite }) },
    ingress: ["tell"],
    keysOf: ({ body }) => [body.key],
    decide: (states, { body: { key, left } }, { merchant }) => {
      for (const one of asks(key)) states.get(one)
      const count = ((states.get(key) as number | undefined) ?? 0) + 1
      return Result.succeed({
        put: [[key, count]],
        emit: left === 0
          ? []
          : [{ to: other, type: "tell", key: merchant, body: { key, left: left - 1 } }]
      })
    },
    load: () => {
      throw new Error("the partition loads")
    },
    save: () => [],
    supervision: { Busy: Retry(1_000) } as never
  }) as never)

const pair = (asks: (key: string) => ReadonlyArray<string> = () => []) => [
  echo("payments", "fraud", asks),
  echo("fraud", "payments", asks)
]

const tell = (seq: number, left: number, key = "k") =>
  letterOf({
    subject: `payments.${P}.ingress.tell.${MERCHANT}`,
    seq,
    atMillis: seq,
    headers: () => ({}),
    data: bytes({ key, left })
  })

test("who tell each other without an end are stopped: the 33rd letter of a chain is a defect", async () => {
  const ending = new Partition(pair(), addressing)
  await ending.take(tell(1, 31))
  expect(ending.deadLetters).toEqual([])
  expect(ending.stateOf("fraud", MERCHANT, "k")).toBe(16)
  const endless = new Partition(pair(), addressing)
  const { draft } = await endless.take(tell(1, 1_000))
  expect(draft.deadLetters.map(({ letter }) => [letter.family, letter.step])).toEqual([[
    "payments",
    32
  ]])
  expect([...endless.aside.keys()]).toEqual([`payments/${MERCHANT}/k`])
  expect(endless.stateOf("fraud", MERCHANT, "k")).toBe(16)
})

test("keys that a decision asks for are loaded, however many letters do so; too many are its defect", async () => {
  const asked = (count: number) => () => Array.from({ length: count }, (_, nth) => `other${nth}`)
  const many = new Partition(pair(asked(64)), addressing)
  await many.take(tell(1, 1))
  expect(many.deadLetters).toEqual([])
  const more = new Partition(pair(asked(65)), addressing)
  await more.take(tell(1, 1))
  expect(more.deadLetters).toEqual(["payments: it asks for more than 64 keys"])
})

test("a key that is asked for and cannot be loaded stands in the way as if it had been named", async () => {
  const partition = new Partition(pair((key) => key === "k" ? ["other"] : []), addressing)
  partition.breaks = (_family, id) => id === `${MERCHANT}/other`
  await partition.take(tell(1, 1))
  expect(partition.stateOf("payments", MERCHANT, "k")).toBeUndefined()
  expect(partition.aside.get(`payments/${MERCHANT}/k`)).toBe("Busy")
  partition.breaks = () => false
  await partition.resume(2, "payments", MERCHANT, "k")
  expect(partition.stateOf("fraud", MERCHANT, "k")).toBe(1)
  expect([...partition.aside]).toEqual([])
})

test("a step that was set aside is stored as what would have been sent", async () => {
  const partition = new Partition(
    keyedActors.map((actor) => actor.family === "fraud" ? withDefect(actor, () => true) : actor),
    addressing
  )
  const { draft } = await partition.take(create(10))
  const [{ one: { letter } }] = draft.parkedLetters as [typeof draft.parkedLetters[0]]
  expect(letter.subject).toBe(`fraud.${P}.payments-0${P}`)
  expect([letter.seq, letter.part, letter.step > 0, letter.origin]).toEqual([10, 0, true, "actor"])
  expect(JSON.parse(new TextDecoder().decode(letter.body))).toMatchObject({
    payment_id: PAYMENT,
    amount: "1000",
    customer_id: "cus_1"
  })
})
