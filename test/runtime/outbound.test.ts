import { Effect, Schema } from "effect"
import { afterAll, beforeAll, expect, test } from "vitest"
import { type Emission, type MessageOf, outbound, type Outgoing } from "../../src/runtime/actor.ts"
import { sending } from "../../src/runtime/departure.ts"
import type { AnyOutbound } from "../../src/runtime/registry.ts"
import { Defer, Resume, Unknown } from "../../src/runtime/supervision.ts"
import { PARTITIONS } from "../../streams/mailboxes.ts"
import { MESSAGE_BYTES_MAX } from "../../streams/topology.ts"
import { partitionOf } from "../../src/domain/partition.ts"
import { eventually } from "../support/lastro.ts"
import { becomes, type Machine, merchantIn, startMachine } from "../support/machine.ts"

/** A call whose fate the message itself names. */
const Ring = Schema.Struct({
  id: Schema.String,
  to: Schema.String,
  fate: Schema.Literals(["answered", "refused", "silent", "odd", "defect", "late", "held", "large"])
})
const RingMessages = { ring: Ring }
type Message = MessageOf<typeof RingMessages>

class Refused extends Schema.TaggedError<Refused>()("Refused", {}) {}
class Silent extends Schema.TaggedError<Silent>()("Silent", {}) {}
class Odd extends Schema.TaggedError<Odd>()("Odd", {}) {}

/** Long enough for a busy machine to fill a destination meanwhile. */
const DEADLINE_MILLIS = 4_000

/** With what stands around it, one byte less than a stream takes; headers are not counted yet. */
const JUST_BELOW_THE_LIMIT = MESSAGE_BYTES_MAX - 1 - JSON.stringify({ id: "large", how: "" }).length

interface Called {
  readonly id: string
  readonly redelivered: boolean
}

const telephone = () => {
  const calls: Array<Called> = []
  const held: { release: () => void; until: Promise<void> } = { release: () => {}, until: null! }
  const hold = () => {
    held.until = new Promise((resolve) => (held.release = resolve))
  }
  hold()
  const answer = (
    { body }: Message,
    { merchant }: Outgoing<unknown>,
    how: string
  ): ReadonlyArray<Emission> => [{
    to: "payments",
    type: "rung",
    key: merchant,
    body: { id: body.id, how }
  }]
  const call = Effect.fnUntraced(function* (message: Message, outgoing: Outgoing<unknown>) {
    const { fate, id } = message.body
    calls.push({ id, redelivered: outgoing.redelivered })
    if (fate === "refused") return yield* new Refused()
    if (fate === "silent") return yield* new Silent()
    if (fate === "odd") return yield* new Odd()
    if (fate === "defect") throw new Error("a bug of the adapter")
    if (fate === "late") {
      yield* sending({ try: () => Promise.resolve(), catch: () => new Silent() })
      throw new Error("a bug of the adapter")
    }
    if (fate === "held") yield* Effect.promise(() => held.until)
    if (fate === "large") return answer(message, outgoing, "x".repeat(JUST_BELOW_THE_LIMIT))
    return answer(message, outgoing, "answered")
  })
  const actor = outbound({
    family: "gateway",
    messages: RingMessages,
    destinationOf: ({ body }: Message) => {
      if (body.to === "") throw new Error("a bug of the actor")
      return body.to
    },
    concurrencyPerDestination: 2,
    inFlightMax: 100,
    deadline: DEADLINE_MILLIS,
    call,
    deferred: (message: Message, outgoing: Outgoing<unknown>) =>
      answer(message, outgoing, "deferred"),
    unknown: (message: Message, outgoing: Outgoing<unknown>) =>
      answer(message, outgoing, "unknown"),
    unsent: (message: Message, outgoing: Outgoing<unknown>) => answer(message, outgoing, "unsent"),
    supervision: { Refused: Defer, Silent: Unknown, Odd: Resume }
  })
  return { actor: actor as unknown as AnyOutbound, calls, held, hold }
}

let machine: Machine
const phone = telephone()
beforeAll(async () => {
  machine = await startMachine()
  machine.work([phone.actor], { name: "one" })
})
afterAll(() => machine.stop())

const ring = (
  merchant: string,
  body: Record<string, unknown>,
  headers: Record<string, string> = {}
) =>
  machine.append(`gateway.${partitionOf(merchant, PARTITIONS)}.payments-00`, {
    "Lastro-Type": "ring",
    "Lastro-Merchant": merchant,
    ...headers
  }, body)

const answers = async (id: string) =>
  (await machine.stored("PAYMENTS", "payments.*.gateway"))
    .map((stored) => ({ ...stored, body: JSON.parse(stored.text) }))
    .filter(({ body }) => body.id === id)

const answer = async (id: string) => {
  const found = await eventually(async () => {
    const all = await answers(id)
    return all.length > 0 ? all : undefined
  })
  expect(found).toHaveLength(1)
  return found[0]!
}

test("an answer goes to the mailbox of the actor that asked, in its merchant's partition", async () => {
  const merchant = merchantIn(3)
  const traceparent = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`
  await ring(merchant, { id: "plain", to: "a", fate: "answered" }, { traceparent })
  const { body, header, subject } = await answer("plain")
  expect(body).toEqual({ id: "plain", how: "answered" })
  expect(subject).toBe("payments.3.gateway")
  expect([header("Lastro-Type"), header("Lastro-Merchant"), header("traceparent")]).toEqual([
    "rung",
    merchant,
    traceparent
  ])
  await eventually(async () => {
    const info = await machine.api("CONSUMER.INFO.GATEWAY.gateway")
    return info.num_ack_pending === 0 && info.num_pending === 0 ? true : undefined
  })
})

test.each([
  ["refused", "deferred", "nothing left the process"],
  ["silent", "unknown", "bytes may have left"],
  ["odd", "unknown", "nobody knows"],
  ["defect", "unsent", "a bug before anything left moved nothing"],
  ["late", "unknown", "a bug after something may have left must not become a decline"]
])("a call that ends %s is answered %s: %s", async (fate, how) => {
  await ring(merchantIn(1), { id: fate, to: `for ${fate}`, fate })
  expect((await answer(fate)).body.how).toBe(how)
})

test("a bug of ours is told as an error with its cause, and closes no destination", async () => {
  const told = () => machine.logs.filter((line) => line.includes("a bug of the adapter"))
  const before = told().length
  const ids = Array.from({ length: 24 }, (_, nth) => [`bug ${nth}`, nth % 2 ? "defect" : "late"])
  for (const [id, fate] of ids) {
    await ring(merchantIn(1), { id, to: "everybody's", fate })
    await answer(id!)
  }
  expect(told().length - before).toBe(ids.length)
  expect(told().every((line) => JSON.parse(line).level === "error")).toBe(true)
  await ring(merchantIn(2), { id: "another's", to: "everybody's", fate: "answered" })
  expect((await answer("another's")).body.how).toBe("answered")
})

test("a call that was not begun, as our database is away, closes no destination", async () => {
  for (let nth = 0; nth < 12; nth++) {
    await ring(merchantIn(1), { id: `away ${nth}`, to: "anybody's", fate: "refused" })
    expect((await answer(`away ${nth}`)).body.how).toBe("deferred")
  }
  await ring(merchantIn(1), { id: "back", to: "anybody's", fate: "answered" })
  expect((await answer("back")).body.how).toBe("answered")
})

test("a call beyond its deadline is answered unknown, never as failed", async () => {
  await ring(merchantIn(1), { id: "slow", to: "slow", fate: "held" })
  expect((await answer("slow")).body.how).toBe("unknown")
  // What comes after all is not a second answer.
  phone.held.release()
  phone.hold()
  await new Promise((resolve) => setTimeout(resolve, 300))
  expect(await answers("slow")).toHaveLength(1)
})

test("a full destination answers deferred at once, and holds up no other", async () => {
  const merchant = merchantIn(2)
  for (const id of ["full 1", "full 2"]) await ring(merchant, { id, to: "full", fate: "held" })
  await becomes(() => phone.calls.some(({ id }) => id === "full 2"))
  await ring(merchant, { id: "full 3", to: "full", fate: "answered" })
  await ring(merchant, { id: "elsewhere", to: "free", fate: "answered" })
  expect((await answer("full 3")).body.how).toBe("deferred")
  expect((await answer("elsewhere")).body.how).toBe("answered")
  expect(phone.calls.some(({ id }) => id === "full 3")).toBe(false)
  phone.held.release()
  phone.hold()
})

test("a call that is delivered again says so: it may have reached its destination", async () => {
  const seq = await ring(merchantIn(4), { id: "again", to: "again", fate: "held" })
  await becomes(() => phone.calls.some(({ id }) => id === "again"))
  // As after a crash: the server takes the delivery for lost and gives it out again.
  const { delivered } = await machine.api("CONSUMER.INFO.GATEWAY.gateway")
  machine.admin.nc.publish(
    `$JS.ACK.GATEWAY.gateway.1.${seq}.${delivered.consumer_seq}.${Date.now()}000000.0`,
    "-NAK"
  )
  const again = () => phone.calls.filter(({ id }) => id === "again")
  await becomes(() => again().length === 2)
  expect(again().map(({ redelivered }) => redelivered)).toEqual([false, true])
  phone.held.release()
  phone.hold()
})

test("what cannot be read is put out of the way, loudly", async () => {
  const merchant = merchantIn(5)
  const loud = () => machine.logs.filter((line) => line.includes('"error"')).length
  const before = loud()
  await machine.append("gateway.5.payments-00", { "Lastro-Type": "unheard of" }, {})
  await machine.append("gateway.5.payments-00", { "Lastro-Type": "ring" }, "{")
  await machine.append("gateway.5.payments-00", { "Lastro-Type": "ring" }, { id: 1 })
  await ring(merchant, { id: "after", to: "after", fate: "answered" })
  expect((await answer("after")).body.how).toBe("answered")
  await eventually(async () =>
    (await machine.api("CONSUMER.INFO.GATEWAY.gateway")).num_ack_pending === 0 ? true : undefined
  )
  expect(loud() - before).toBe(3)
})

test("an answer that no stream would take says nothing, and holds up no other", async () => {
  const merchant = merchantIn(6)
  await ring(merchant, { id: "large", to: "large", fate: "large" })
  expect((await answer("large")).body.how).toBe("unknown")
  await ring(merchant, { id: "after large", to: "large", fate: "answered" })
  expect((await answer("after large")).body.how).toBe("answered")
})

test("a call whose destination nobody can tell was not sent, and blocks nothing", async () => {
  const loud = () => machine.logs.filter((line) => line.includes("a bug of the actor"))
  await ring(merchantIn(7), { id: "nowhere", to: "", fate: "answered" })
  expect((await answer("nowhere")).body.how).toBe("unsent")
  await eventually(async () =>
    (await machine.api("CONSUMER.INFO.GATEWAY.gateway")).num_ack_pending === 0 ? true : undefined
  )
  expect(loud()).toHaveLength(1)
})

test("workers share the calls, and each call is made once", async () => {
  const other = telephone()
  const second = machine.work([other.actor], { name: "two" })
  const ids = Array.from({ length: 200 }, (_, index) => `shared ${index}`)
  await Promise.all(
    ids.map((id, index) => ring(merchantIn(index % 8), { id, to: id, fate: "answered" }))
  )
  await eventually(async () => {
    const all = await machine.stored("PAYMENTS", "payments.*.gateway")
    return all.filter(({ text }) => text.includes("shared")).length === ids.length
      ? true
      : undefined
  }, 30_000)
  const made = [...phone.calls, ...other.calls].map(({ id }) => id).filter((id) =>
    id.startsWith("shared")
  )
  expect(made.sort()).toEqual([...ids].sort())
  await second.stop()
})
