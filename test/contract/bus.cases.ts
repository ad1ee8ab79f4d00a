import { Effect, Result } from "effect"
import { afterAll, beforeAll, expect, test } from "vitest"
import { JetStreamCode } from "../../src/bus/api.ts"
import { append, type Outgoing } from "../../src/bus/append.ts"
import type { NatsLink } from "../../src/bus/connection.ts"
import { Leases } from "../../src/bus/leases.ts"
import {
  type Delivery,
  type MailboxReader,
  openReader,
  PULL_EXPIRES_MILLIS
} from "../../src/bus/mailboxReader.ts"
import { openSharedReader } from "../../src/bus/sharedReader.ts"
import { lastOn, streamFacts } from "../../src/bus/tail.ts"
import { schedule } from "../../src/bus/timers.ts"
import { partitionOf } from "../../src/domain/partition.ts"
import { PARTITIONS } from "../../streams/mailboxes.ts"
import { eventually } from "../support/lastro.ts"

/** A server with Lastro's streams, empty, and how a process connects to it. */
export interface BusUnderTest {
  readonly connect: () => Promise<NatsLink>
  readonly stop: () => Promise<void>
}

const succeeds = <A, E>(effect: Effect.Effect<A, E>) => Effect.runPromise(effect)
const tried = <A, E>(effect: Effect.Effect<A, E>) => Effect.runPromise(Effect.result(effect))

const message = (subject: string, payload: string, fence?: Outgoing["fence"]): Outgoing => ({
  subject,
  headers: [["Lastro-Type", "x"]],
  payload,
  ...(fence && { fence })
})

const textOf = ({ data }: Pick<Delivery, "data">) => new TextDecoder().decode(data)

/** What the machine relies on: the same for a server and for the model that simulations use. */
export const busContract = (name: string, start: () => Promise<BusUnderTest>): void => {
  let bus: BusUnderTest
  let link: NatsLink
  let other: NatsLink
  beforeAll(async () => {
    bus = await start()
    link = await bus.connect()
    other = await bus.connect()
  })
  afterAll(async () => {
    await link?.nc.close()
    await other?.nc.close()
    await bus?.stop()
  })

  const appended = (...messages: ReadonlyArray<Outgoing>) => succeeds(append(link.nc, messages))
  const reader = (partition: number, startSeq: number, from = link) =>
    succeeds(openReader(from, {
      stream: "PAYMENTS",
      consumer: `payments-${partition}`,
      filter: `payments.${partition}.>`,
      startSeq
    }))
  const taken = async (from: MailboxReader, count: number) => {
    const found: Array<Delivery> = []
    await eventually(async () => {
      found.push(...await succeeds(from.take(500, 100)))
      return found.length >= count ? true : undefined
    })
    return found
  }
  const lost = (from: MailboxReader) =>
    eventually(async () => {
      const result = await tried(from.take(500, 100))
      return Result.isFailure(result) ? result.failure : undefined
    })

  test(`${name}: messages are stored in order, and the last one on a filter is found`, async () => {
    expect(await succeeds(lastOn(link.nc, "PAYMENTS", "payments.*.order-00"))).toBeUndefined()
    const one = await appended(message("payments.0.order-00", "a"))
    const many = await appended(
      ...["b", "c", "d"].map((text) => message("payments.1.order-00", text))
    )
    expect(many).toEqual({ stream: "PAYMENTS", seq: one.seq + 3 })
    const last = await succeeds(lastOn(link.nc, "PAYMENTS", "payments.*.order-00"))
    expect(last?.seq).toBe(many.seq)
    expect(last?.headers.get("Lastro-Type")).toBe("x")
    const facts = await succeeds(streamFacts(link.nc, "PAYMENTS"))
    expect(facts.lastSeq).toBe(many.seq)
    expect(Date.parse(facts.created)).toBeGreaterThan(0)
  })

  test.each([1, 3])(
    `${name}: behind a stale fence nothing of %i messages is stored`,
    async (count) => {
      const filter = `payments.*.fenced-0${count}`
      const subject = `payments.2.fenced-0${count}`
      const first = await appended(message(subject, "mine", { filter, lastSeq: 0 }))
      const second = await appended(
        message(`payments.3.fenced-0${count}`, "theirs", { filter, lastSeq: first.seq })
      )
      const stale = Array.from(
        { length: count },
        (_, index) =>
          message(subject, "stale", index === 0 ? { filter, lastSeq: first.seq } : undefined)
      )
      const refused = await tried(append(link.nc, stale))
      expect(Result.isFailure(refused) && refused.failure).toMatchObject({
        _tag: "JetStreamRefused",
        code: JetStreamCode.WrongLastSequence
      })
      expect((await succeeds(lastOn(link.nc, "PAYMENTS", filter)))?.seq).toBe(second.seq)
    }
  )

  test(`${name}: a batch may carry a fence for each of its sources, and each of them counts`, async () => {
    const batch = (left: number, right: number) => [
      message("payments.0.left-00", "l", { filter: "payments.*.left-00", lastSeq: left }),
      message("payments.1.left-00", "l"),
      message("payments.0.right-00", "r", { filter: "payments.*.right-00", lastSeq: right })
    ]
    const { seq } = await appended(...batch(0, 0))
    const refused = await tried(append(link.nc, batch(seq - 1, 0)))
    expect(Result.isFailure(refused)).toBe(true)
    expect((await succeeds(lastOn(link.nc, "PAYMENTS", "payments.*.left-00")))?.seq).toBe(seq - 1)
    expect((await appended(...batch(seq - 1, seq))).seq).toBe(seq + 3)
  })

  test(`${name}: a stream nobody declared is refused by name`, async () => {
    const refused = await tried(streamFacts(link.nc, "NOBODY"))
    expect(Result.isFailure(refused) && refused.failure).toMatchObject({
      _tag: "JetStreamRefused",
      code: JetStreamCode.StreamNotFound
    })
  })

  test(`${name}: a partition is read in order from the place asked for, producers' commands too`, async () => {
    const merchant = Array.from({ length: 99 }, (_, index) => `m${index}`)
      .find((one) => partitionOf(one, PARTITIONS) === 4)!
    await appended(message("payments.4.read-00", "before"))
    const { seq } = await appended(message("payments.4.read-00", "a"))
    await appended(message("payments.5.read-00", "of another partition"))
    const from = await reader(4, seq)
    await appended(message(`lastro.payments.create.${merchant}`, "b"))
    const found = await taken(from, 2)
    expect(found.map(textOf)).toEqual(["a", "b"])
    expect(found[1]!.subject).toBe(`payments.4.ingress.create.${merchant}`)
    expect(found[0]!.header("Lastro-Type")).toBe("x")
    expect(Math.abs(found[0]!.atMillis - Date.now())).toBeLessThan(600_000)
    from.close()
  })

  test(`${name}: whoever recreates a consumer ends the former reader and loses nothing`, async () => {
    const { seq } = await appended(message("payments.6.taken-00", "a"))
    const former = await reader(6, seq)
    expect((await taken(former, 1)).map(textOf)).toEqual(["a"])
    const next = await reader(6, seq, other)
    await lost(former)
    await appended(message("payments.6.taken-00", "b"))
    expect((await taken(next, 2)).map(textOf)).toEqual(["a", "b"])
    next.close()
  })

  test(`${name}: what a consumer gave to somebody else is missed`, async () => {
    const from = await reader(7, 1)
    const stolen: Array<string> = []
    const inbox = `${other.inboxPrefix}.thief`
    other.nc.subscribe(inbox, {
      callback: (_error, { data, headers }) => {
        if ((headers?.code ?? 0) === 0) stolen.push(textOf({ data }))
      }
    })
    const pull = JSON.stringify({ batch: 1, expires: 60_000_000_000 })
    other.nc.publish("$JS.API.CONSUMER.MSG.NEXT.PAYMENTS.payments-7", pull, { reply: inbox })
    // The reader's own pull is over before, and its next one waits behind this one.
    await new Promise((resolve) => setTimeout(resolve, 2 * PULL_EXPIRES_MILLIS))
    await appended(message("payments.7.thief-00", "a"))
    await eventually(() => Promise.resolve(stolen.length > 0 || undefined))
    expect((await lost(from)).detail).toMatch(/consumer/)
  })

  test(`${name}: a lease has one holder, ends by itself, and its revisions only grow`, async () => {
    const mine = await succeeds(Leases.open(link, 1_000))
    const theirs = await succeeds(Leases.open(other, 1_000))
    const first = await succeeds(mine.acquire("contract", "one"))
    expect(Result.isFailure(await tried(theirs.acquire("contract", "two")))).toBe(true)
    const renewed = await succeeds(mine.renew("contract", "one", first))
    expect(renewed).toBeGreaterThan(first)
    expect(Result.isFailure(await tried(mine.renew("contract", "one", first)))).toBe(true)
    const second = await eventually(async () => {
      await succeeds(theirs.freshen)
      const got = await tried(theirs.acquire("contract", "two"))
      return Result.isSuccess(got) ? got.success : undefined
    })
    expect(second).toBeGreaterThan(renewed)
    await eventually(() =>
      Promise.resolve(mine.list().get("contract")?.value === "two" || undefined)
    )
    await succeeds(theirs.release("contract", second))
    await eventually(() =>
      Promise.resolve((mine.list().get("contract")?.value ?? "") === "" || undefined)
    )
    mine.close()
    theirs.close()
  })

  test(`${name}: a schedule fires once on its partition's due subject; set again it moves`, async () => {
    const one = (atMillis: number, payload: string) => ({
      family: "payments",
      partition: 3,
      id: "tm_contract",
      atMillis,
      headers: [["Lastro-Type", "wake"]] as const,
      payload
    })
    await succeeds(schedule(link.nc, [one(Date.now() + 3_600_000, "moved away")]))
    await succeeds(schedule(link.nc, [one(Date.now() + 1_000, "due")]))
    const found: Array<string> = []
    const shared = await succeeds(openSharedReader(link, {
      stream: "TIMERS",
      consumer: "contract-due",
      filter: "timers.due.>",
      inFlightMax: 10,
      capacity: () => 10,
      onDelivery: (delivery) => {
        found.push(`${delivery.subject} ${delivery.header("Lastro-Type")} ${textOf(delivery)}`)
        delivery.acknowledge()
      }
    }))
    await eventually(() => Promise.resolve(found.length > 0 || undefined))
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    expect(found).toEqual(["timers.due.payments.3 wake due"])
    shared.close()
  })
}
