import { Effect, Fiber, type Latch, Layer } from "effect"
import { afterAll, afterEach, beforeAll, expect, test } from "vitest"
import { Leases } from "../../src/bus/leases.ts"
import { place, type Slot, slotKey } from "../../src/runtime/placement.ts"
import { ownerOf } from "../../src/runtime/rendezvous.ts"
import { Proxy } from "../../src/stack/proxy.ts"
import { Database } from "../../src/store/database.ts"
import { TurnStore } from "../../src/store/turnStore.ts"
import { becomes, connectAs, type Machine, startMachine } from "../support/machine.ts"

const TTL_MILLIS = 4_000
const slots: ReadonlyArray<Slot> = Array.from(
  { length: 24 },
  (_, partition) => ({ mailbox: "payments", partition })
)

let machine: Machine
beforeAll(async () => {
  machine = await startMachine()
})
afterAll(() => machine.stop())

interface Worker {
  readonly name: string
  readonly owned: Set<string>
  /** How often each slot was begun. */
  readonly begun: Map<string, number>
  readonly nc: Awaited<ReturnType<typeof connectAs>>
  readonly stop: () => Promise<void>
}

const workers: Array<Worker> = []
afterEach(async () => {
  for (const each of workers.splice(0)) await each.stop()
})

/** Owns partitions and does nothing with them. */
const join = async (
  name: string,
  natsUrls = machine.stack.natsUrls,
  /** Holds back answers to what was published on a subject. */
  held: (subject: string) => Promise<void> = () => Promise.resolve()
): Promise<Worker> => {
  const nc = await connectAs({ natsUrls }, machine.stack.nats.worker)
  const client: typeof nc = Object.assign(Object.create(nc), {
    request: async (...asked: Parameters<typeof nc.request>) => {
      const answer = await nc.request(...asked)
      await held(asked[0])
      return answer
    }
  })
  const owned = new Set<string>()
  const begun = new Map<string, number>()
  const run = (slot: Slot, _epoch: unknown, stopAsked: Latch.Latch) =>
    Effect.gen(function* () {
      const key = slotKey(slot)
      owned.add(key)
      begun.set(key, (begun.get(key) ?? 0) + 1)
      yield* stopAsked.await
    }).pipe(Effect.ensuring(Effect.sync(() => owned.delete(slotKey(slot)))))
  const nothing = Layer.mergeAll(
    Layer.succeed(Database, {} as Database["Service"]),
    Layer.succeed(TurnStore, {} as TurnStore["Service"])
  )
  const fiber = Effect.runFork(
    Effect.scoped(place({
      link: { nc: client, inboxPrefix: "_INBOX.worker" },
      worker: name,
      slots,
      partitions: 8,
      ttlMillis: TTL_MILLIS,
      families: [["payments", 1]],
      familiesOf: () => ["payments"],
      run
    })).pipe(Effect.provide(nothing))
  )
  const stop = async () => {
    await Effect.runPromise(Fiber.interrupt(fiber))
    await nc.close()
  }
  const worker = { name, owned, begun, nc, stop }
  workers.push(worker)
  return worker
}

const settled = (members: ReadonlyArray<Worker>) =>
  becomes(() => {
    const names = members.map(({ name }) => name)
    return members.every(({ name, owned }) =>
      slots.every((slot) => owned.has(slotKey(slot)) === (ownerOf(names, slotKey(slot)) === name))
    )
  })

test("G9: a roll-out of several workers moves each partition at most once", async () => {
  const first = await join("one")
  await settled([first])
  const others = await Promise.all(["two", "three", "four"].map((name) => join(name)))
  const all = [first, ...others]
  await settled(all)
  for (const { begun, name } of all) {
    for (const [slot, times] of begun) expect(`${name} ${slot} ${times}`).toBe(`${name} ${slot} 1`)
  }
  // Nobody but the first and the owner by hash ever had it.
  const had = all.reduce((sum, { begun }) => sum + begun.size, 0)
  expect(had).toBe(slots.length + slots.length - first.owned.size)
})

test("G9: who leaves gives up its own partitions, and nobody else moves any", async () => {
  const all = await Promise.all(["one", "two", "three"].map((name) => join(name)))
  await settled(all)
  const before = new Map(all.map(({ begun, name }) => [name, new Map(begun)]))
  const leaving = workers.splice(1, 1)[0]!
  const share = [...leaving.owned]
  expect(share.length).toBeGreaterThan(0)
  await leaving.stop()
  const rest = all.filter((worker) => worker !== leaving)
  await settled(rest)
  const moved = rest.flatMap(({ begun, name }) =>
    [...begun].filter(([slot, times]) => times !== (before.get(name)!.get(slot) ?? 0))
      .map(([slot]) => slot)
  )
  expect(moved.sort()).toEqual(share.sort())
})

test("G4: a worker that cannot renew stops its partitions before their leases end", async () => {
  const proxy = await Proxy.before(Number(new URL(machine.stack.natsUrls[0]!).port))
  const cut = await join("cut", [`nats://127.0.0.1:${proxy.port}`])
  await settled([cut])
  const observer = await connectAs(machine.stack, machine.stack.nats.worker)
  const leases = await Effect.runPromise(
    Leases.open({ nc: observer, inboxPrefix: "_INBOX.worker" }, TTL_MILLIS)
  )
  await becomes(() => slots.every((slot) => leases.list().get(slotKey(slot))?.value === "cut"))
  /** Partitions that still ran when the bucket let their lease go. */
  const late: Array<string> = []
  const gone = new Set<string>()
  leases.onChange(({ key, to }) => {
    if (to !== "" || !key.startsWith("payments.")) return
    gone.add(key)
    if (cut.owned.has(key)) late.push(key)
  })
  // Nothing is answered any more; the connection itself seems to live.
  proxy.stall()
  await becomes(() => gone.size === slots.length)
  expect(late).toEqual([])
  expect(cut.owned.size).toBe(0)
  leases.close()
  await observer.close()
  proxy.heal()
  await workers.pop()!.stop()
  await proxy.close()
})

test("who is asked to leave while it takes partitions has none of them afterwards", async () => {
  let leave = () => {}
  const asked = new Promise<void>((resolve) => (leave = resolve))
  let left = () => {}
  const leaving = new Promise<void>((resolve) => (left = resolve))
  const hasty = await join("hasty", undefined, (subject) => {
    if (!subject.startsWith("$KV.leases.payments")) return Promise.resolve()
    leave()
    return leaving
  })
  await asked
  const stopped = workers.pop()!.stop()
  left()
  await stopped
  const observer = await connectAs(machine.stack, machine.stack.nats.worker)
  const leases = await Effect.runPromise(
    Leases.open({ nc: observer, inboxPrefix: "_INBOX.worker" }, TTL_MILLIS)
  )
  await becomes(() => leases.list().size > 0)
  const held = [...leases.list()].filter(([, { value }]) => value === "hasty").map(([key]) => key)
  expect(held).toEqual([])
  expect(hasty.begun.size).toBe(0)
  leases.close()
  await observer.close()
})
