import { Effect } from "effect"
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest"
import { type BusClient, Nats, type NatsLink } from "../../src/bus/connection.ts"
import { familyControl, setFamily } from "../../src/bus/control.ts"
import { familyRoutes } from "../../src/edge/routes/families.ts"
import { Database } from "../../src/store/database.ts"
import { type Machine, startMachine } from "../support/machine.ts"
import { operatorScopes } from "../../src/domain/scope.ts"

let machine: Machine
beforeAll(async () => {
  machine = await startMachine()
})
afterAll(() => machine.stop())

const at = "2026-08-31T12:00:00.000Z"
const set = (nc: BusClient, state: "running" | "paused", by = "ana") =>
  Effect.runPromise(setFamily(nc, "delivery", { state, by, why: "a test", at }))
const control = () => Effect.runPromise(familyControl(machine.admin.nc, "delivery"))

beforeEach(async () => {
  await set(machine.admin.nc, "running")
})

/** Writes of the bucket go one of these ways; everything else as it should. */
type Way = "lost" | "acknowledgement lost" | "well"

/** A connection whose writes go one way after the other, and which ends with the last where that is so. */
const lossy = (ways: ReadonlyArray<Way>, closes = false) => {
  const { nc } = machine.admin
  let writes = 0
  const request: BusClient["request"] = async (subject, ...rest) => {
    if (!subject.startsWith("$KV.control.")) {
      if (closes && writes >= ways.length) throw new Error("closed")
      return nc.request(subject, ...rest)
    }
    const way = ways[writes++] ?? "well"
    const answer = way === "lost" ? undefined : await nc.request(subject, ...rest)
    if (answer !== undefined && way === "well") return answer
    throw new Error("timeout")
  }
  const client = new Proxy(nc, {
    get: (target, name) => {
      const value = name === "request" ? request : Reflect.get(target, name)
      return typeof value === "function" ? value.bind(target) : value
    }
  })
  return { client, writes: () => writes }
}

test("a pause whose acknowledgement was lost is found by reading back, and made once", async () => {
  const generation = (await control())?.generation ?? 0
  const { client, writes } = lossy(["acknowledgement lost"])
  expect(await set(client, "paused")).toBe(true)
  expect(writes()).toBe(1)
  expect(await control()).toMatchObject({ state: "paused", generation: generation + 1 })
})

test("a pause that was lost itself is sent again", async () => {
  const { client, writes } = lossy(["lost"])
  expect(await set(client, "paused")).toBe(true)
  expect(writes()).toBe(2)
  expect((await control())?.state).toBe("paused")
})

const pause = (nc: BusClient) =>
  Effect.runPromise(
    familyRoutes.find(({ path }) => path.endsWith("/pause"))!.handle({
      caller: {
        id: "k",
        name: "ana",
        merchant: "",
        granted: new Set(operatorScopes),
        expiresAt: null,
        addresses: [],
        requestsPerSecond: null
      },
      path: { family: "delivery" },
      query: {},
      namesMerchant: true,
      header: () => undefined,
      body: { why: "a test" },
      json: { why: "a test" },
      text: "",
      requestPath: "/v1/operations/families/delivery/pause",
      traceparent: undefined,
      signal: new AbortController().signal
    }).pipe(
      Effect.flip,
      Effect.provideService(Nats, { ...machine.admin, nc } satisfies NatsLink),
      Effect.provide(Database.layerOf(machine.databaseUrl, 1))
    ) as unknown as Effect.Effect<{ readonly detail: string }>
  )
const audited = async () =>
  (await machine.rows("select outcome from operator_actions order by at desc limit 1"))[0]!
    .outcome

test("where nobody can tell, the audit says that it may hold, and the answer to ask again", async () => {
  const { client } = lossy(["acknowledgement lost"], true)
  const { detail } = await pause(client)
  expect(detail).toMatch(/not known whether delivery is paused/)
  expect(await audited()).toMatch(/^unknown, it may hold: /)
  // It does.
  expect((await control())?.state).toBe("paused")
})

test("what cannot have been written is audited as not done", async () => {
  const { detail } = await pause(lossy([], true).client)
  expect(detail).toMatch(/cannot be written/)
  expect(await audited()).toMatch(/^not done: /)
  expect((await control())?.state).toBe("running")
})
