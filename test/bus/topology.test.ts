import { Effect } from "effect"
import { afterAll, beforeAll, expect, test } from "vitest"
import { applyTopology, setGate } from "../../src/bus/topology.ts"
import { streamFacts } from "../../src/bus/tail.ts"
import { partitionOf } from "../../src/domain/partition.ts"
import { mailboxes, PARTITIONS } from "../../streams/mailboxes.ts"
import { topology } from "../../streams/topology.ts"
import { type Machine, startMachine } from "../support/machine.ts"

let machine: Machine
beforeAll(async () => {
  machine = await startMachine("topology")
})
afterAll(() => machine.stop())

const apply = () => Effect.runPromise(applyTopology(machine.admin.nc, topology(1)))
const specOf = (stream: string) => topology(1).find(({ name }) => name === stream)!

test("applied again, the topology creates nothing and differs in nothing", async () => {
  expect(await apply()).toEqual({ created: [], drift: [] })
})

test("what somebody changed by hand is reported and left as it is", async () => {
  const { config } = await machine.api("STREAM.INFO.EVENTS")
  await machine.api("STREAM.UPDATE.EVENTS", { ...config, max_age: 1_000_000_000_000 })
  const { drift } = await apply()
  expect(drift).toEqual([{
    stream: "EVENTS",
    setting: "max_age",
    declared: specOf("EVENTS")["max_age"],
    found: 1_000_000_000_000
  }])
  expect((await machine.api("STREAM.INFO.EVENTS")).config.max_age).toBe(1_000_000_000_000)
})

test("a missing stream is created, the others stay", async () => {
  await machine.api("STREAM.DELETE.DEAD_LETTERS")
  expect((await apply()).created).toEqual(["DEAD_LETTERS"])
})

test("the server puts every merchant into the partition that the machine computes", async () => {
  const merchants = Array.from({ length: 200 }, (_, index) => `m-${index}_${index * 7_919}`)
  for (const merchant of merchants) {
    await machine.send("payments", "create", merchant, {})
  }
  const stored = await machine.stored("PAYMENTS", "payments.*.ingress.>")
  const found = stored.map(({ subject }) => {
    const [, partition, , , merchant] = subject.split(".")
    return [merchant, Number(partition)]
  })
  expect(found).toEqual(merchants.map((one) => [one, partitionOf(one, PARTITIONS)]))
  expect(new Set(found.map(([, partition]) => partition)).size).toBe(PARTITIONS)
})

test("a message id does not remove another merchant's command", async () => {
  // One id space for the whole stream: what two merchants call "1" must both arrive.
  const count = async () => (await machine.stored("FRAUD", "fraud.*.ingress.note.*")).length
  for (const merchant of ["a", "b", "c"]) {
    await machine.send("fraud", "note", merchant, {}, { headers: { "Nats-Msg-Id": merchant } })
    await new Promise((resolve) => setTimeout(resolve, 300))
    await machine.send("fraud", "note", merchant, {}, { headers: { "Nats-Msg-Id": merchant } })
  }
  expect(await count()).toBe(6)
})

test.each(mailboxes)(
  "$family: a closed gate refuses commands at once, and relays pass",
  async (one) => {
    const { family, stream } = one
    const spec = specOf(stream)
    await Effect.runPromise(setGate(machine.admin.nc, spec, false))
    expect((await Effect.runPromise(streamFacts(machine.admin.nc, stream))).gateClosed).toBe(true)
    await expect(machine.send(family, "create", "acme", {})).rejects.toThrow(/no responders/i)
    await machine.append(`${family}.3.payments-03`, {}, {})
    await Effect.runPromise(setGate(machine.admin.nc, spec, true))
    await machine.send(family, "create", "acme", {})
    const { drift } = await apply()
    expect(drift.filter(({ stream }) => stream === spec.name)).toEqual([])
  }
)

test("nobody takes a message out of a mailbox", async () => {
  const seq = await machine.send("payments", "create", "acme", {})
  await expect(machine.api("STREAM.MSG.DELETE.PAYMENTS", { seq })).rejects.toThrow(/delete/)
  await expect(machine.api("STREAM.PURGE.PAYMENTS")).rejects.toThrow(/purge/)
})
