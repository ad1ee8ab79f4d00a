import { Effect, Fiber, Result } from "effect"
import { afterAll, beforeAll, expect, test } from "vitest"
import { append, BATCH_MESSAGES_MAX, type Fence, type Outgoing } from "../../src/bus/append.ts"
import { JetStreamCode } from "../../src/bus/api.ts"
import { Appender, PLAIN_MESSAGES_MAX } from "../../src/bus/appender.ts"
import { type Machine, startMachine } from "../support/machine.ts"

let machine: Machine
beforeAll(async () => {
  machine = await startMachine()
})
afterAll(() => machine.stop())

const messages = (subject: string, ...texts: ReadonlyArray<string>): ReadonlyArray<Outgoing> =>
  texts.map((payload) => ({ subject, headers: [["Lastro-Type", "x"]], payload }))

const tried = (outgoing: ReadonlyArray<Outgoing>, fence?: Fence) =>
  Effect.runPromise(Effect.result(append(
    machine.admin.nc,
    outgoing.map((one, index) => index === 0 && fence !== undefined ? { ...one, fence } : one)
  )))

const appended = async (outgoing: ReadonlyArray<Outgoing>, fence?: Fence) => {
  const result = await tried(outgoing, fence)
  if (Result.isFailure(result)) throw result.failure
  return result.success
}

const texts = async (subject: string) =>
  (await machine.stored("PAYMENTS", subject)).map(({ text }) => text)

const batch = (count: number) => Array.from({ length: count }, (_, index) => `m${index}`)

test("a batch is stored without a gap and in order, and its last sequence comes back", async () => {
  const subject = "payments.0.order-00"
  const { seq, stream } = await appended(messages(subject, ...batch(BATCH_MESSAGES_MAX)))
  expect(stream).toBe("PAYMENTS")
  const stored = await machine.stored("PAYMENTS", subject)
  expect(stored.map(({ text }) => text)).toEqual(batch(BATCH_MESSAGES_MAX))
  expect(stored.at(-1)!.seq).toBe(seq)
  expect(stored[0]!.seq).toBe(seq - BATCH_MESSAGES_MAX + 1)
  expect(stored[0]!.header("Lastro-Type")).toBe("x")
})

test.each([1, 3])("G4: an append of %i under a stale fence stores nothing of it", async (count) => {
  const subject = `payments.1.former-0${count}`
  const filter = `payments.*.former-0${count}`
  const first = await appended(messages(subject, "mine"), { filter, lastSeq: 0 })
  // The next owner, on another partition of the same target: one filter covers them all.
  await appended(messages(subject.replace(".1.", ".2."), "theirs"), {
    filter,
    lastSeq: first.seq
  })
  const stale = await tried(messages(subject, ...batch(count)), { filter, lastSeq: first.seq })
  expect(Result.isFailure(stale) && stale.failure).toMatchObject({
    _tag: "JetStreamRefused",
    code: JetStreamCode.WrongLastSequence
  })
  expect(await texts(filter)).toEqual(["mine", "theirs"])
})

test("a fence watches one source and lets the others write meanwhile", async () => {
  const filter = "payments.*.watched-00"
  const { seq } = await appended(messages("payments.0.watched-00", "a"), { filter, lastSeq: 0 })
  await appended(messages("payments.0.other-00", "x", "y"))
  await appended(messages("payments.3.watched-00", "b", "c"), { filter, lastSeq: seq })
  expect(await texts(filter)).toEqual(["a", "b", "c"])
})

test("one message that the stream refuses fails its whole batch", async () => {
  const subject = "payments.4.whole-00"
  const large = "x".repeat(600_000)
  const result = await tried(messages(subject, "a", large, "c"))
  expect(Result.isFailure(result)).toBe(true)
  expect(await texts(subject)).toEqual([])
})

test("two batches under way at once do not mix", async () => {
  const left = messages("payments.5.mixed-00", ...batch(300))
  const right = messages("payments.5.mixed-01", ...batch(300))
  await Promise.all([appended(left), appended(right)])
  const stored = await machine.stored("PAYMENTS", "payments.5.*")
  const sources = stored.map(({ subject }) => subject)
  expect(new Set(sources.slice(0, 300)).size).toBe(1)
  expect(new Set(sources.slice(300)).size).toBe(1)
})

test("a header cannot smuggle another one in", async () => {
  const subject = "payments.6.header-00"
  await Effect.runPromise(append(machine.admin.nc, [{
    subject,
    headers: [["Lastro-Type", "x\r\nLastro-Merchant: evil"]],
    payload: "a"
  }])).catch(() => undefined)
  const [stored] = await machine.stored("PAYMENTS", subject)
  expect(stored?.header("Lastro-Merchant")).toBeUndefined()
})

test("a batch beyond the server's limit is not begun", async () => {
  const subject = "payments.7.long-00"
  expect(Result.isFailure(await tried(messages(subject, ...batch(BATCH_MESSAGES_MAX + 1))))).toBe(
    true
  )
  expect(await texts(subject)).toEqual([])
})

test("G5: the same messages given twice by one source never share a batch, and arrive once", async () => {
  const appender = new Appender(machine.admin)
  const filter = "events.twice-00.>"
  // Several subjects under one fence, as events have: where all are of one subject the server notices.
  const again = batch(PLAIN_MESSAGES_MAX + 8).map((payload): Outgoing => ({
    subject: `events.twice-00.${payload}`,
    headers: [],
    payload
  }))
  const send = () =>
    Effect.runPromise(Effect.result(appender.append("EVENTS", again, { filter, lastSeq: 0 })))
  // A partition that was lost with its messages waiting, and taken again by the same process.
  const [first, second] = await Promise.all([send(), send()])
  const stored = await machine.stored("EVENTS", filter)
  expect(stored.map(({ text }) => text)).toEqual(again.map(({ payload }) => payload))
  expect(Result.isSuccess(first)).toBe(true)
  expect(Result.isFailure(second) && second.failure).toMatchObject({
    code: JetStreamCode.WrongLastSequence
  })
})

test("what its sender gave up while it waited is not sent any more", async () => {
  const appender = new Appender(machine.admin)
  const subject = "payments.0.given-up-00"
  const waits = Effect.runFork(appender.append("PAYMENTS", messages(subject, "never")))
  await Effect.runPromise(Fiber.interrupt(waits))
  await Effect.runPromise(appender.append("PAYMENTS", messages(subject, "later")))
  expect(await texts(subject)).toEqual(["later"])
})
