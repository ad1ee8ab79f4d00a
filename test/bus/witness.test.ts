import { Effect, Result } from "effect"
import { afterAll, beforeAll, expect, test } from "vitest"
import type { BusClient, NatsLink } from "../../src/bus/connection.ts"
import { openReader } from "../../src/bus/mailboxReader.ts"
import { Witness } from "../../src/bus/witness.ts"
import { eventually } from "../support/lastro.ts"
import { type Machine, startMachine } from "../support/machine.ts"

let machine: Machine
let link: NatsLink
beforeAll(async () => {
  machine = await startMachine()
  link = machine.worker
})
afterAll(() => machine.stop())

const put = async (partition: number, count: number) => {
  const seqs: Array<number> = []
  while (seqs.length < count) {
    seqs.push(await machine.append(`payments.${partition}.test-00`, {}, "x"))
  }
  return seqs
}

const placeOf = (partition: number) => ({
  stream: "PAYMENTS",
  filter: `payments.${partition}.>`
})

interface Asked {
  readonly seq: number
  readonly config?: object
}

/** A connection whose requests are seen, and changed, on their way. */
const asking = (nc: BusClient, seen: (subject: string, body: Asked) => unknown): BusClient =>
  new Proxy(nc, {
    get: (target, name) => {
      if (name !== "request") {
        const value = Reflect.get(target, name)
        return typeof value === "function" ? value.bind(target) : value
      }
      return (subject: string, body: string | undefined, options: { timeout: number }) =>
        target.request(
          subject,
          body === undefined ? body : JSON.stringify(seen(subject, JSON.parse(body))),
          options
        )
    }
  })

test("G1: messages that a consumer passes over are not passed over, though it counts on", async () => {
  const startSeq = (await put(0, 1))[0]! + 1
  const reader = await Effect.runPromise(
    openReader(link, { ...placeOf(0), consumer: "payments-0", startSeq })
  )
  // The consumer goes on behind the next message. The first it then gives is its number one all the same.
  await machine.api("CONSUMER.RESET.PAYMENTS.payments-0", { seq: startSeq + 1 })
  await put(0, 2)
  const failure = await eventually(async () => {
    const result = await Effect.runPromise(Effect.result(reader.take(500, 200)))
    if (Result.isFailure(result)) return result.failure
    expect(result.success).toEqual([])
    return undefined
  })
  expect(failure.detail).toBe(
    `the stream has ${startSeq} after ${startSeq - 1}, the consumer gave ${startSeq + 1}`
  )
})

test("what an older consumer of the same name gives, from before the cursor, is refused", async () => {
  const [first, second] = await put(1, 2)
  // A server that was away knows the former owner's consumer, which began earlier, and not yet the new one.
  const nc = asking(
    link.nc,
    (subject, body) =>
      subject.includes(".CONSUMER.CREATE.")
        ? { ...body, config: { ...body.config, opt_start_seq: first } }
        : body
  )
  const reader = await Effect.runPromise(
    openReader({ ...link, nc }, { ...placeOf(1), consumer: "payments-1", startSeq: second! })
  )
  await put(1, 1)
  await eventually(async () => {
    const result = await Effect.runPromise(Effect.result(reader.take(500, 200)))
    if (Result.isFailure(result)) return true
    expect(result.success).toEqual([])
    return undefined
  })
})

test("in doubt every take is asked about; afterwards only where much was passed over", async () => {
  const asked: Array<number> = []
  const nc = asking(link.nc, (_, body) => {
    asked.push(body.seq)
    return body
  })
  const [start] = await put(2, 1)
  const mine = [start!, ...await put(2, 1_099)]
  await put(3, 300)
  const [far] = await put(2, 1)
  const witness = new Witness(nc, { ...placeOf(2), startSeq: start! })
  const examine = (seqs: ReadonlyArray<number>) => Effect.runPromise(witness.examine(seqs))
  expect(await examine(mine.slice(0, 500))).toBeUndefined()
  expect(await examine(mine.slice(500, 1_000))).toBeUndefined()
  expect(asked).toEqual([mine[0], mine[499]! + 1])
  expect(await examine(mine.slice(1_000))).toBeUndefined()
  expect(asked.length).toBe(2)
  expect(await examine([far!])).toBeUndefined()
  expect(asked).toEqual([mine[0], mine[499]! + 1, mine.at(-1)! + 1])
  const [skipped] = await put(2, 1)
  await put(3, 300)
  const [after] = await put(2, 1)
  expect(await examine([after!])).toBe(
    `the stream has ${skipped} after ${far}, the consumer gave ${after}`
  )
  const [next, last] = await put(2, 2)
  witness.doubt()
  expect(await examine([last!])).toBe(
    `the stream has ${next} after ${after}, the consumer gave ${last}`
  )
  // A leader whose copy lacks what another copy has stops nobody from handling it.
  witness.doubt()
  expect(await examine([last! + 1])).toBeUndefined()
})

test("a pull that its bytes end is no reason for doubt: nobody is asked again", async () => {
  const asked: Array<string> = []
  const nc = asking(link.nc, (subject, body) => {
    asked.push(subject)
    return body
  })
  const [start] = await put(4, 1_001)
  // Three pulls' worth.
  for (let nth = 0; nth < 30; nth++) {
    await machine.append("payments.4.test-00", {}, "x".repeat(400_000))
  }
  const reader = await Effect.runPromise(
    openReader({ ...link, nc }, { ...placeOf(4), consumer: "payments-4", startSeq: start! })
  )
  let taken = 0
  const asks = () => asked.filter((subject) => subject.includes("MSG.GET")).length
  await eventually(async () => {
    const before = asks()
    const letters = await Effect.runPromise(reader.take(taken < 1_000 ? 1_000 - taken : 1, 200))
    if (taken >= 1_000) expect(asks()).toBe(before)
    taken += letters.length
    return taken === 1_031 ? true : undefined
  })
  reader.close()
})
