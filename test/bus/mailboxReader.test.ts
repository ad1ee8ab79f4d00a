import { Effect, Result } from "effect"
import { afterAll, beforeAll, expect, test } from "vitest"
import type { NatsLink } from "../../src/bus/connection.ts"
import {
  ACK_EVERY_MILLIS,
  type Delivery,
  type MailboxReader,
  openReader,
  PULL_EXPIRES_MILLIS
} from "../../src/bus/mailboxReader.ts"
import { eventually } from "../support/lastro.ts"
import { becomes, type Machine, startMachine } from "../support/machine.ts"

let machine: Machine
let link: NatsLink
beforeAll(async () => {
  machine = await startMachine()
  link = machine.worker
})
afterAll(() => machine.stop())

const open = (partition: number, startSeq = 1) =>
  Effect.runPromise(openReader(link, {
    stream: "PAYMENTS",
    consumer: `payments-${partition}`,
    filter: `payments.${partition}.>`,
    startSeq
  }))

const put = async (partition: number, ...texts: ReadonlyArray<string>) => {
  const seqs: Array<number> = []
  for (const text of texts) {
    seqs.push(await machine.append(`payments.${partition}.test-00`, {}, text))
  }
  return seqs
}

const textOf = ({ data }: Delivery) => new TextDecoder().decode(data)

/** Takes until there are so many. */
const take = async (reader: MailboxReader, count: number) => {
  const taken: Array<Delivery> = []
  await eventually(async () => {
    taken.push(...await Effect.runPromise(reader.take(500, 200)))
    return taken.length >= count ? true : undefined
  })
  return taken
}

/** What a reader says once it is lost. */
const lost = (reader: MailboxReader) =>
  eventually(async () => {
    const result = await Effect.runPromise(Effect.result(reader.take(500, 200)))
    return Result.isFailure(result) ? result.failure : undefined
  })

test("a mailbox is read in order, from the place asked for, and only its own partition", async () => {
  const seqs = await put(0, "a", "b", "c")
  await put(1, "of another partition")
  const reader = await open(0, seqs[1]!)
  await put(0, "d")
  const taken = await take(reader, 3)
  expect(taken.map(textOf)).toEqual(["b", "c", "d"])
  expect(taken[0]!.seq).toBe(seqs[1])
  expect(Math.abs(taken[0]!.atMillis - Date.now())).toBeLessThan(60_000)
  reader.close()
})

test("a take gives at most what was asked for and loses nothing", async () => {
  await put(2, "a", "b", "c", "d", "e")
  const reader = await open(2)
  await becomes(() => reader.waiting() === 5)
  expect((await Effect.runPromise(reader.take(2, 1_000))).map(textOf)).toEqual(["a", "b"])
  expect((await Effect.runPromise(reader.take(9, 1_000))).map(textOf)).toEqual(["c", "d", "e"])
  expect(await Effect.runPromise(reader.take(9, 50))).toEqual([])
  reader.close()
})

test("more than one pull's worth arrives unbroken", async () => {
  const count = 1_700
  await Promise.all(
    Array.from(
      { length: count },
      (_, index) => machine.append("payments.3.test-00", {}, `${index}`)
    )
  )
  const reader = await open(3)
  const seqs = (await take(reader, count)).map(({ seq }) => seq)
  expect(seqs).toEqual([...seqs].sort((left, right) => left - right))
  expect(new Set(seqs).size).toBe(count)
  reader.close()
})

test("a second reader, which recreates the consumer, ends the first", async () => {
  await put(4, "a", "b")
  const former = await open(4)
  expect((await take(former, 2)).map(textOf)).toEqual(["a", "b"])
  const next = await open(4)
  expect(await lost(former)).toMatchObject({ _tag: "ReaderLost" })
  await put(4, "c")
  expect((await take(next, 3)).map(textOf)).toEqual(["a", "b", "c"])
  expect(former.waiting()).toBe(0)
  next.close()
})

test("a message that went to somebody else ends the reader: no gap is ever handed out", async () => {
  const reader = await open(5)
  await put(5, "a")
  expect((await take(reader, 1)).map(textOf)).toEqual(["a"])
  // A former owner's pull that is still open takes one of the next messages away.
  const stolen: Array<string> = []
  const inbox = "_INBOX.worker.thief"
  link.nc.subscribe(inbox, {
    callback: (_error, message) => {
      if (message.headers?.code === undefined || message.headers.code === 0) {
        stolen.push(message.string())
      }
    }
  })
  const texts = Array.from({ length: 40 }, (_, index) => `t${index}`)
  link.nc.publish(
    "$JS.API.CONSUMER.MSG.NEXT.PAYMENTS.payments-5",
    JSON.stringify({ batch: 5, expires: 5_000_000_000 }),
    { reply: inbox }
  )
  await link.nc.flush()
  const handed: Array<string> = []
  for (const text of texts) await put(5, text)
  await eventually(async () => {
    const result = await Effect.runPromise(Effect.result(reader.take(500, 200)))
    if (Result.isFailure(result)) return true
    handed.push(...result.success.map(textOf))
    return undefined
  })
  expect(stolen.length).toBeGreaterThan(0)
  // Unbroken from the start, and cut before the first that was taken away.
  expect(handed).toEqual(texts.slice(0, handed.length))
})

test("an acknowledgement covers everything before it", async () => {
  const seqs = await put(6, "a", "b", "c")
  const reader = await open(6)
  const taken = await take(reader, 3)
  reader.acknowledge(taken[1]!)
  const floor = await eventually(async () => {
    const { ack_floor } = await machine.api("CONSUMER.INFO.PAYMENTS.payments-6")
    return ack_floor.stream_seq > 0 ? ack_floor.stream_seq : undefined
  })
  expect(floor).toBe(seqs[1])
  reader.close()
  // Its connection may be closed by now: a relay that ends later tells nobody.
  reader.acknowledge(taken[2]!)
  await new Promise((resolve) => setTimeout(resolve, 2 * ACK_EVERY_MILLIS))
  const { ack_floor } = await machine.api("CONSUMER.INFO.PAYMENTS.payments-6")
  expect(ack_floor.stream_seq).toBe(seqs[1])
})

test("a reader misses what its consumer gave to somebody else, even if nothing follows it", async () => {
  const reader = await open(7)
  const { nc } = machine.admin
  const stolen: Array<string> = []
  const thief = nc.subscribe("_INBOX.admin.thief", {
    callback: (_, message) => {
      if (message.headers?.code === undefined || message.headers.code === 0) {
        stolen.push(message.string())
      }
    }
  })
  // Pulls are served in turn: once the reader's own has expired, this one comes first.
  nc.publish(
    "$JS.API.CONSUMER.MSG.NEXT.PAYMENTS.payments-7",
    JSON.stringify({ batch: 1, expires: 60_000_000_000 }),
    { reply: "_INBOX.admin.thief" }
  )
  await new Promise((resolve) => setTimeout(resolve, 2 * PULL_EXPIRES_MILLIS))
  const [seq] = await put(7, "a")
  await becomes(() => stolen.length === 1)
  expect((await lost(reader)).detail).toMatch(/went elsewhere/)
  const next = await open(7, seq)
  expect((await take(next, 1)).map(textOf)).toEqual(["a"])
  next.close()
  thief.unsubscribe()
})
