import { Effect, Fiber } from "effect"
import { afterAll, afterEach, beforeAll, expect, test } from "vitest"
import { open } from "../../src/bus/connection.ts"
import { elected } from "../../src/runtime/election.ts"
import { becomes, connectAs, type Machine, startMachine } from "../support/machine.ts"

const TTL_MILLIS = 2_000

let machine: Machine
beforeAll(async () => {
  machine = await startMachine()
})
afterAll(() => machine.stop())

const stops: Array<() => Promise<unknown>> = []
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})

/** What candidates did, in order. */
let told: Array<string> = []
const working = () =>
  told.filter((line) => line.endsWith(" begins")).length -
  told.filter((line) => line.endsWith(" ends")).length

const work = (holder: string) =>
  Effect.sync(() => told.push(`${holder} begins`)).pipe(
    Effect.andThen(Effect.never),
    Effect.ensuring(Effect.sync(() => told.push(`${holder} ends`)))
  )

const stand = (name: string, holder: string) => {
  const credentials = machine.stack.nats.gate
  let drop = () => Promise.resolve()
  const fiber = Effect.runFork(Effect.scoped(Effect.gen(function* () {
    const link = yield* open({ urls: machine.stack.natsUrls, ...credentials, name: holder })
    drop = () => link.nc.close()
    yield* elected({ link, name, holder, ttlMillis: TTL_MILLIS }, work(holder))
  })))
  const stop = () => Effect.runPromise(Fiber.interrupt(fiber))
  stops.push(stop)
  return { stop, drop: () => drop() }
}

test("of many candidates one works; when it leaves, another goes on", async () => {
  told = []
  const candidates = new Map(["a", "b", "c"].map((one) => [one, stand("desk", one)]))
  const seen: Array<string> = []
  while (candidates.size > 0) {
    await becomes(() => working() === 1)
    const holder = told.at(-1)!.split(" ")[0]!
    seen.push(holder)
    await candidates.get(holder)!.stop()
    candidates.delete(holder)
    expect(told.at(-1)).toBe(`${holder} ends`)
  }
  expect(seen.sort()).toEqual(["a", "b", "c"])
  expect(told.map((line) => line.split(" ")[1])).toEqual(Array(3).fill(["begins", "ends"]).flat())
})

test("who cannot renew stops before another begins", async () => {
  told = []
  const first = stand("post", "first")
  await becomes(() => working() === 1)
  stand("post", "second")
  await first.drop()
  await becomes(() => told.includes("second begins"))
  expect(told).toEqual(["first begins", "first ends", "second begins"])
})

test("different offices are held side by side", async () => {
  told = []
  stand("left", "one")
  stand("right", "two")
  await becomes(() => working() === 2)
})

test("the identity that closes gates holds offices, and neither partitions nor other streams", async () => {
  const gate = await connectAs(machine.stack, machine.stack.nats.gate)
  try {
    for (
      const subject of [
        "$KV.leases.payments.3",
        "$KV.leases.m.forged",
        "$JS.API.STREAM.UPDATE.EVENTS",
        "$JS.API.STREAM.UPDATE.GATEWAY",
        "$JS.API.STREAM.DELETE.PAYMENTS",
        "payments.3.payments-03"
      ]
    ) {
      await expect(gate.request(subject, "{}", { timeout: 3_000 }), subject)
        .rejects.toThrow(/permissions violation/i)
    }
  } finally {
    await gate.close()
  }
})
