import { Effect, Result } from "effect"
import { afterAll, beforeAll, expect, test } from "vitest"
import type { NatsLink } from "../../src/bus/connection.ts"
import { Leases } from "../../src/bus/leases.ts"
import { eventually } from "../support/lastro.ts"
import { becomes, connectAs, type Machine, startMachine } from "../support/machine.ts"

const TTL_MILLIS = 2_000

let machine: Machine
let links: ReadonlyArray<NatsLink>
let one: Leases
let two: Leases
beforeAll(async () => {
  machine = await startMachine()
  links = await Promise.all([1, 2].map(async () => ({
    nc: await connectAs(machine.stack, machine.stack.nats.worker),
    inboxPrefix: "_INBOX.worker"
  })))
  one = await Effect.runPromise(Leases.open(links[0]!, TTL_MILLIS))
  two = await Effect.runPromise(Leases.open(links[1]!, TTL_MILLIS))
})
afterAll(async () => {
  one.close()
  two.close()
  for (const { nc } of links) await nc.close()
  await machine.stop()
})

const tried = <A, E>(effect: Effect.Effect<A, E>) => Effect.runPromise(Effect.result(effect))

const pause = (millis: number) => new Promise((resolve) => setTimeout(resolve, millis))

test("one of many who ask at once gets a free lease", async () => {
  const asked = await Promise.all(
    [one, two, one, two].map((leases) => tried(leases.acquire("free", "me")))
  )
  expect(asked.filter(Result.isSuccess)).toHaveLength(1)
})

test("a held lease is refused to others, and every owner's revision is above the former's", async () => {
  const first = await Effect.runPromise(one.acquire("held", "one"))
  const refused = await tried(two.acquire("held", "two"))
  expect(Result.isFailure(refused) && refused.failure._tag).toBe("LeaseHeld")
  await Effect.runPromise(one.release("held", first))
  const second = await eventually(async () => {
    const next = await tried(two.acquire("held", "two"))
    return Result.isSuccess(next) ? next.success : undefined
  })
  expect(second).toBeGreaterThan(first)
  // The former owner cannot prolong what it gave away.
  const stale = await tried(one.renew("held", "one", first))
  expect(Result.isFailure(stale) && stale.failure._tag).toBe("LeaseHeld")
})

test("what no worker wrote (a misled acknowledgement) holds nothing", async () => {
  const key = "misled"
  await machine.admin.nc.request(`$KV.leases.${key}`, '{"stream":"PAYMENTS","seq":1}')
  await eventually(() => Promise.resolve(two.list().get(key)))
  expect(two.list().get(key)?.value).toBe("")
  const taken = await eventually(async () => {
    const asked = await tried(two.acquire(key, "two"))
    return Result.isSuccess(asked) ? asked.success : undefined
  })
  // It also ends no lease for longer than the owner takes to see that its revision is gone.
  await machine.admin.nc.request(`$KV.leases.${key}`, '{"stream":"PAYMENTS","seq":2}')
  expect(Result.isFailure(await tried(two.renew(key, "two", taken)))).toBe(true)
  expect(Result.isSuccess(await tried(two.acquire(key, "two")))).toBe(true)
})

test("a renewed lease outlives its time, and a renewed one ends, too, once nobody renews it", async () => {
  let revision = await Effect.runPromise(one.acquire("long", "one"))
  for (let time = 0; time < 6; time++) {
    await pause(TTL_MILLIS / 4)
    const renewed = await Effect.runPromise(one.renew("long", "one", revision))
    expect(renewed).toBeGreaterThan(revision)
    revision = renewed
  }
  expect(Result.isFailure(await tried(two.acquire("long", "two")))).toBe(true)
  // A renewal without a time to live would have made it immortal.
  const next = await eventually(async () => {
    const taken = await tried(two.acquire("long", "two"))
    return Result.isSuccess(taken) ? taken.success : undefined
  })
  expect(next).toBeGreaterThan(revision)
})

test("everybody sees who holds what", async () => {
  await Effect.runPromise(one.acquire("seen", "one"))
  await becomes(() => two.list().get("seen")?.value === "one")
  const late = await Effect.runPromise(Leases.open(links[1]!, TTL_MILLIS))
  await becomes(() => late.list().has("seen"))
  late.close()
  await becomes(() => (two.list().get("seen")?.value ?? "") === "")
})

test("the epoch carries the bucket's creation time", async () => {
  const { created } = await machine.api("STREAM.INFO.KV_leases")
  expect(one.bucketMillis).toBe(Date.parse(created))
})
