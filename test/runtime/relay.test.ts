import { Effect, Exit, Fiber, Result } from "effect"
import { afterAll, beforeAll, expect, test } from "vitest"
import type { NatsLink } from "../../src/bus/connection.ts"
import { Header } from "../../src/runtime/letter.ts"
import { Appender } from "../../src/bus/appender.ts"
import type { Bundle } from "../../src/runtime/bundle.ts"
import { fenceFilter } from "../../src/runtime/outbox.ts"
import { type Relay, relay, settle, type Tail } from "../../src/runtime/relay.ts"
import { jsonLogs } from "../../src/telemetry/logs.ts"
import { eventually } from "../support/lastro.ts"
import { type Machine, startMachine } from "../support/machine.ts"

let machine: Machine
let link: NatsLink
beforeAll(async () => {
  machine = await startMachine()
  link = machine.worker
})
afterAll(() => machine.stop())

const TARGETS = { mailbox: "PAYMENTS", events: "EVENTS" } as const
let sources = 10

/** A source of its own for each test, and what it knows of its targets. */
const relayOf = (tails: ReadonlyArray<readonly [string, Tail]> = [], partition = sources++) => {
  const source = `fraud-${partition}`
  const self: Relay = {
    link,
    appender: new Appender(link),
    mailbox: "fraud",
    partition,
    filterOf: (target) => fenceFilter(target, source),
    tails: new Map(tails)
  }
  const message = (seq: number, ordinal = 0, target: string = TARGETS.mailbox): Bundle => {
    const subject = target === TARGETS.events
      ? `events.${source}.x`
      : `payments.${seq % 8}.${source}`
    const body = JSON.stringify(`${seq}/${ordinal}`)
    const id = { seq, ordinal }
    const one = { target, subject, id, type: "x", merchant: "acme", trace: "", body }
    return { target, subject, messages: [one] }
  }
  const stored = async (target: string = TARGETS.mailbox) =>
    (await machine.stored(target, self.filterOf(target))).map(({ text }) => JSON.parse(text))
  return { self, source, message, stored }
}

const quietly = Effect.provide(jsonLogs(() => {}))

const send = (self: Relay, messages: ReadonlyArray<Bundle>) =>
  Effect.runPromise(quietly(Effect.result(relay(self, messages, []))))

/** The same owner as it was before: what it sent meanwhile it does not know. */
const asBefore = (self: Relay): Relay => ({ ...self, tails: new Map(self.tails) })

test("G5: messages arrive once, in order, and the tail names the last of them", async () => {
  const { message, self, stored } = relayOf()
  await send(self, [message(1), message(1, 1), message(4)])
  await send(self, [message(7)])
  expect(await stored()).toEqual(["1/0", "1/1", "4/0", "7/0"])
  const last = await machine.stored("PAYMENTS", self.filterOf("PAYMENTS"))
  expect(self.tails.get("PAYMENTS")).toEqual({ seq: last.at(-1)!.seq, id: { seq: 7, ordinal: 0 } })
})

test.each([1, 3])(
  "G5: after a lost acknowledgement %i messages are not sent twice",
  async (count) => {
    const { message, self, stored } = relayOf()
    await send(self, [message(1)])
    const before = asBefore(self)
    const turn = Array.from({ length: count }, (_, ordinal) => message(2, ordinal))
    await send(self, turn)
    // The stored messages' acknowledgement was lost: the same turn is relayed again.
    expect(await send(before, turn)).toMatchObject({ _tag: "Success" })
    expect(await stored()).toEqual(["1/0", ...turn.map((_, ordinal) => `2/${ordinal}`)])
    expect(before.tails).toEqual(self.tails)
  }
)

test("G5: what a crash left half sent is finished, not repeated", async () => {
  const { message, self, stored } = relayOf()
  const turn = Array.from({ length: 2_300 }, (_, ordinal) => message(5, ordinal))
  const before = asBefore(self)
  // The first chunk of the turn had arrived.
  await send(self, turn.slice(0, 1_000))
  expect(await Effect.runPromise(settle(before, "PAYMENTS", turn))).toBe(1_000)
  await send(asBefore(before), turn.slice(1_000))
  expect(await stored()).toEqual(turn.map((_, ordinal) => `5/${ordinal}`))
})

test("a tail that is ours and before the turn means: send", async () => {
  const { message, self, stored } = relayOf()
  await send(self, [message(1)])
  expect(await Effect.runPromise(settle(self, "PAYMENTS", [message(2)]))).toBe(0)
  const nothingYet = relayOf()
  expect(
    await Effect.runPromise(settle(nothingYet.self, "PAYMENTS", [nothingYet.message(1)]))
  ).toBe(0)
  await send(self, [message(2)])
  expect(await stored()).toEqual(["1/0", "2/0"])
})

test.each([1, 3])(
  "G4: after another owner wrote, %i messages of the former are fenced",
  async (count) => {
    const { message, self, stored } = relayOf()
    await send(self, [message(1)])
    const former = asBefore(self)
    await send(self, [message(2)])
    await send(self, [message(3)])
    const turn = Array.from({ length: count }, (_, ordinal) => message(4, ordinal))
    const fenced = await send(former, turn)
    expect(Result.isFailure(fenced) && fenced.failure._tag).toBe("RelayFenced")
    expect(await stored()).toEqual(["1/0", "2/0", "3/0"])
  }
)

test.each([
  ["of another family", { [Header.emission]: "payments/10/2/0" }],
  ["of another partition", { [Header.emission]: "fraud/0/2/0" }]
])("a message %s under our source fences the relay", async (_, headers) => {
  const { message, self, source, stored } = relayOf()
  await send(self, [message(1)])
  await machine.append(`payments.0.${source}`, headers, '"foreign"')
  const fenced = await send(self, [message(2)])
  expect(Result.isFailure(fenced) && fenced.failure._tag).toBe("RelayFenced")
  expect(await stored()).toEqual(["1/0", "foreign"])
})

test("what nobody wrote under our source (a misled acknowledgement) is stepped over", async () => {
  const { message, self, source, stored } = relayOf()
  const stray = () => machine.append(`payments.0.${source}`, {}, '"stray"')
  await stray()
  expect(await send(self, [message(1)])).toMatchObject({ _tag: "Success" })
  await stray()
  await stray()
  expect(await send(self, [message(2)])).toMatchObject({ _tag: "Success" })
  // A lost acknowledgement is told from a lost message behind strays, too.
  const before = asBefore(self)
  await send(self, [message(3)])
  await stray()
  expect(await send(before, [message(3), message(4)])).toMatchObject({ _tag: "Success" })
  await stray()
  const former = asBefore(before)
  await send(before, [message(5)])
  await send(before, [message(6)])
  const fenced = await send(former, [message(7)])
  expect(Result.isFailure(fenced) && fenced.failure._tag).toBe("RelayFenced")
  const there = (await stored()).filter((one) => one !== "stray")
  expect(there).toEqual(["1/0", "2/0", "3/0", "4/0", "5/0", "6/0"])
})

test("a tail that aged out of its target means: the next is the first again", async () => {
  const { message, self, stored } = relayOf()
  const event = (seq: number) => message(seq, 0, TARGETS.events)
  await send(self, [event(1)])
  await machine.append("events.other-00.x", {}, "kept")
  const { seq } = self.tails.get("EVENTS")!
  // As age does: everything up to the tail is gone, and the stream begins above it.
  await machine.api("STREAM.PURGE.EVENTS", { seq: seq + 1 })
  expect(await send(self, [event(2)])).toMatchObject({ _tag: "Success" })
  expect(await stored(TARGETS.events)).toEqual(["2/0"])
  await send(self, [event(3)])
  expect(await stored(TARGETS.events)).toEqual(["2/0", "3/0"])
})

test("a tail that is missing without having aged fences: the target is not what it was", async () => {
  await machine.append("events.other-00.x", {}, "kept")
  const facts = await machine.api("STREAM.INFO.EVENTS")
  const tail: Tail = { seq: facts.state.last_seq + 100, id: { seq: 1, ordinal: 0 } }
  const { message, self, stored } = relayOf([["EVENTS", tail]])
  const fenced = await send(self, [message(2, 0, TARGETS.events)])
  expect(Result.isFailure(fenced) && fenced.failure._tag).toBe("RelayFenced")
  expect(await stored(TARGETS.events)).toEqual([])
})

test("G4: a target restored to before the tail fences, though older messages are there", async () => {
  const { message, self, stored } = relayOf()
  await send(self, [message(1)])
  const { id, seq } = self.tails.get("PAYMENTS")!
  self.tails.set("PAYMENTS", { seq: seq + 100, id: { seq: id.seq + 1, ordinal: 0 } })
  const fenced = await send(self, [message(3)])
  expect(Result.isFailure(fenced) && fenced.failure.message).toMatch(/the recorded tail is gone/)
  expect(await stored()).toEqual(["1/0"])
})

test("each target has its own tail, and one that is fenced does not hide the others' order", async () => {
  const { message, self, stored } = relayOf()
  for (const seq of [1, 2, 3]) {
    await send(self, [message(seq), message(seq, 1, TARGETS.events)])
  }
  expect(await stored()).toEqual(["1/0", "2/0", "3/0"])
  expect(await stored(TARGETS.events)).toEqual(["1/1", "2/1", "3/1"])
  expect([...self.tails.keys()].sort()).toEqual(["EVENTS", "PAYMENTS"])
})

test("bodies of more than a batch holds are sent in several, in order", async () => {
  const { message, self, stored } = relayOf()
  const large = Array.from({ length: 30 }, (_, ordinal): Bundle => {
    const { messages: [one], ...bundle } = message(1, ordinal)
    const body = JSON.stringify(`1/${ordinal}`.padEnd(400_000, "."))
    return { ...bundle, messages: [{ ...one!, body }] }
  })
  expect(await send(self, large)).toMatchObject({ _tag: "Success" })
  expect((await stored()).map((text: string) => text.replace(/\.+$/, ""))).toEqual(
    large.map((_, ordinal) => `1/${ordinal}`)
  )
})

test("a full mailbox makes the relay wait, not fail", async () => {
  const { message, self, stored } = relayOf()
  await send(self, [message(1)])
  const { config, state } = await machine.api("STREAM.INFO.PAYMENTS")
  await machine.api("STREAM.UPDATE.PAYMENTS", { ...config, max_msgs: state.messages })
  const waiting = Effect.runFork(quietly(relay(self, [message(2), message(3)], [])))
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  expect(await stored()).toEqual(["1/0"])
  expect(waiting.pollUnsafe()).toBeUndefined()
  await machine.api("STREAM.UPDATE.PAYMENTS", config)
  const exit = await Effect.runPromise(Fiber.await(waiting))
  expect(Exit.isSuccess(exit)).toBe(true)
  expect(await stored()).toEqual(["1/0", "2/0", "3/0"])
})

test("too many open batches of others delay the relay only", async () => {
  const { message, self, stored } = relayOf()
  const { nc } = machine.admin
  // Begun and never committed, as many as the server holds for a stream at once.
  for (let index = 0; index < 60; index++) {
    await machine.append("payments.0.stranger-00", {
      "Nats-Batch-Id": `open-${index}`,
      "Nats-Batch-Sequence": "1"
    }, "x").catch(() => undefined)
  }
  await nc.flush()
  const waiting = Effect.runFork(quietly(relay(self, [message(1), message(2)], [])))
  await eventually(async () => (await stored()).length === 2 ? true : undefined, 40_000)
  expect(Exit.isSuccess(await Effect.runPromise(Fiber.await(waiting)))).toBe(true)
  expect(await stored()).toEqual(["1/0", "2/0"])
}, 60_000)

test("a timer of a turn is set, at most one for each id", async () => {
  const { self } = relayOf()
  const timer = (atMillis: number) => ({
    family: "fraud",
    id: "tm_1",
    atMillis,
    headers: [["Lastro-Type", "wake"]] as const,
    body: `{"due":${atMillis}}`
  })
  const later = Date.now() + 3_600_000
  await Effect.runPromise(relay(self, [], [timer(later), timer(later + 5)]))
  await Effect.runPromise(relay(self, [], [timer(later + 9)]))
  const set = await machine.stored("TIMERS", `timers.at.fraud.${self.partition}.tm_1`)
  expect(set.map(({ text }) => JSON.parse(text).due)).toEqual([later + 9])
})
