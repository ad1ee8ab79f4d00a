import { Effect } from "effect"
import { afterAll, beforeAll, expect, test } from "vitest"
import { PARTITIONS_RECORD } from "../../src/bus/drift.ts"
import { applyPlan, planTopology, setGate } from "../../src/bus/topology.ts"
import { streamFacts } from "../../src/bus/tail.ts"
import { agreed, declaredTopology } from "../../src/house/topology/declared.ts"
import { partitionOf } from "../../src/domain/partition.ts"
import { PARTITIONS } from "../../streams/mailboxes.ts"
import { topology } from "../../streams/topology.ts"
import { type Machine, separate, startMachine } from "../support/machine.ts"

let machine: Machine
beforeAll(async () => {
  machine = await startMachine()
})
afterAll(() => machine.stop())

const declared = declaredTopology(1, separate)
const planned = () => Effect.runPromise(planTopology(machine.admin.nc, declared, Date.now()))
const apply = async () => Effect.runPromise(applyPlan(machine.admin.nc, declared, await planned()))
const specOf = (stream: string) => topology(1, separate).find(({ name }) => name === stream)!

const update = async (stream: string, settings: Record<string, unknown>) => {
  const { config } = await machine.api(`STREAM.INFO.${stream}`)
  await machine.api(`STREAM.UPDATE.${stream}`, { ...config, ...settings })
}
const configOf = async (stream: string) => (await machine.api(`STREAM.INFO.${stream}`)).config

const SECOND = 1_000_000_000
const nothing = { steps: [], closedGates: [] }

test("what a start made is as declared: streams, buckets and shared consumers", async () => {
  expect(await planned()).toEqual(nothing)
  expect(declared.consumers.map(({ name, stream }) => `${stream}/${name}`))
    .toEqual([
      "EVENTS/operators",
      "DEAD_LETTERS/operators",
      "ADVISORIES/operators",
      "TIMERS/timers-due",
      "GATEWAY/gateway",
      "DELIVERY/delivery"
    ])
})

test("a plan tells what was changed by hand, setting by setting, and applying it changes it back", async () => {
  await update("EVENTS", { max_age: 1_000 * SECOND, max_bytes: 5_000_000 })
  const { max_age, max_bytes } = specOf("EVENTS")
  expect(await planned()).toEqual({
    steps: [{
      kind: "stream",
      name: "EVENTS",
      action: "change",
      differences: [
        { setting: "max_age", declared: max_age, found: 1_000 * SECOND },
        { setting: "max_bytes", declared: max_bytes, found: 5_000_000 }
      ]
    }],
    closedGates: []
  })
  await apply()
  expect(await planned()).toEqual(nothing)
  expect(await configOf("EVENTS")).toMatchObject({ max_age, max_bytes })
})

test("a missing stream and its consumer, and a missing bucket, are created, and the others stay", async () => {
  const { created } = await machine.api("STREAM.INFO.EVENTS")
  for (const name of ["GATEWAY", "KV_control"]) await machine.api(`STREAM.DELETE.${name}`)
  await machine.api("CONSUMER.DELETE.TIMERS.timers-due")
  const { steps } = await planned()
  expect(steps).toEqual([
    { kind: "stream", name: "GATEWAY", action: "create" },
    { kind: "bucket", name: "KV_control", action: "create" },
    { kind: "consumer", name: "TIMERS/timers-due", action: "create" },
    { kind: "consumer", name: "GATEWAY/gateway", action: "create" }
  ])
  await apply()
  expect(await planned()).toEqual(nothing)
  expect((await machine.api("STREAM.INFO.EVENTS")).created).toBe(created)
})

test("a shared consumer changed by hand is changed back", async () => {
  const { config } = await machine.api("CONSUMER.INFO.DELIVERY.delivery")
  await machine.api("CONSUMER.CREATE.DELIVERY.delivery.delivery.>", {
    stream_name: "DELIVERY",
    action: "update",
    config: { ...config, max_ack_pending: 7 }
  })
  const { steps } = await planned()
  expect(steps).toMatchObject([{
    kind: "consumer",
    name: "DELIVERY/delivery",
    action: "change",
    differences: [{ setting: "max_ack_pending", found: 7 }]
  }])
  await apply()
  expect(await planned()).toEqual(nothing)
})

test("what would delete messages or cannot be changed is told and left", async () => {
  await machine.append("events.test-00.payment.captured", {}, {})
  await machine.api("STREAM.DELETE.DEAD_LETTERS")
  await machine.api("STREAM.CREATE.DEAD_LETTERS", { ...specOf("DEAD_LETTERS"), storage: "memory" })
  await apply()
  await new Promise((resolve) => setTimeout(resolve, 20))

  const short = {
    streams: declared.streams.map((spec) =>
      spec.name === "EVENTS" ? { ...spec, max_age: SECOND / 100, max_bytes: 1_000_000 } : spec
    ),
    consumers: declared.consumers
  }
  const plan = await Effect.runPromise(planTopology(machine.admin.nc, short, Date.now()))
  const blocked = plan.steps.map((step) =>
    step.action === "create" ? [] : [
      step.name,
      step.action,
      ...step.differences.map(({ blocked, setting }) => `${setting}: ${blocked ?? "free"}`)
    ]
  )
  expect(blocked).toEqual([
    ["EVENTS", "change", "max_age: messages would be deleted", "max_bytes: free"],
    ["DEAD_LETTERS", "tell", "storage: a stream keeps this for its life"]
  ])
  await Effect.runPromise(applyPlan(machine.admin.nc, short, plan))
  expect(await configOf("EVENTS")).toMatchObject({
    max_age: specOf("EVENTS").max_age,
    max_bytes: 1_000_000
  })
  expect(await machine.stored("EVENTS", "events.test-00.>")).toHaveLength(1)

  await machine.api("STREAM.DELETE.DEAD_LETTERS")
  await apply()
  expect(await planned()).toEqual(nothing)
})

test("a mailbox as an older version made it takes commands, and is changed in place", async () => {
  const merchant = "older"
  await update("FRAUD", {
    subjects: ["lastro.fraud.*.*", "fraud.>"],
    subject_transform: {
      src: "lastro.fraud.*.*",
      dest: "fraud.{{partition(8,2)}}.ingress.{{wildcard(1)}}.{{wildcard(2)}}"
    }
  })
  await machine.send("fraud", "note", merchant, 1)
  const { steps } = await planned()
  expect(steps).toMatchObject([{
    name: "FRAUD",
    action: "change",
    differences: [{ setting: "subjects" }, { setting: "subject_transform" }]
  }])
  await apply()
  expect(await planned()).toEqual(nothing)
  expect((await configOf("FRAUD")).subject_transform).toBeUndefined()
  await machine.send("fraud", "note", merchant, 2)
  const place = `fraud.${partitionOf(merchant, PARTITIONS)}.ingress.note.${merchant}`
  expect((await machine.stored("FRAUD", place)).map(({ text }) => text)).toEqual(["1", "2"])
})

test("a mailbox without a record has eight partitions, and is given one", async () => {
  const { metadata: { [PARTITIONS_RECORD]: kept, ...metadata } } = await configOf("FRAUD")
  expect(kept).toBe("8")
  await update("FRAUD", { metadata })
  expect(agreed(await planned()).steps).toMatchObject([{
    name: "FRAUD",
    action: "change",
    differences: [{ setting: "metadata" }]
  }])
  await apply()
  expect(await planned()).toEqual(nothing)
})

test("a retention that the server lets be changed is changed, and another one is told", async () => {
  await update("EVENTS", { retention: "interest" })
  expect((await planned()).steps).toEqual([{
    kind: "stream",
    name: "EVENTS",
    action: "change",
    differences: [{ setting: "retention", declared: "limits", found: "interest" }]
  }])
  await apply()
  expect(await planned()).toEqual(nothing)

  await machine.api("STREAM.DELETE.DEAD_LETTERS")
  await machine.api("STREAM.CREATE.DEAD_LETTERS", {
    ...specOf("DEAD_LETTERS"),
    retention: "workqueue"
  })
  await apply()
  expect((await planned()).steps).toMatchObject([{
    name: "DEAD_LETTERS",
    action: "tell",
    differences: [{ setting: "retention", blocked: "a stream keeps this for its life" }]
  }])
  await machine.api("STREAM.DELETE.DEAD_LETTERS")
  await apply()
  expect(await planned()).toEqual(nothing)
})

test("mailboxes of other families than this version's are told with what would be left behind", async () => {
  const { nc } = machine.admin
  const grouped = declaredTopology(1)
  const plan = await Effect.runPromise(planTopology(nc, grouped, Date.now()))
  expect(() => agreed(plan)).toThrow(
    /PAYMENTS holds messages of payments, .* \(FRAUD, MESSAGING\) would be left behind: nothing was done/
  )
  const { subjects } = grouped.streams.find(({ name }) => name === "PAYMENTS")!
  for (const name of ["FRAUD", "MESSAGING"]) await machine.api(`STREAM.DELETE.${name}`)
  await update("PAYMENTS", { subjects })
  const back = await planned()
  expect(() => agreed(back)).toThrow(/PAYMENTS holds messages of payments, fraud, messaging/)
  // A gate that is closed is no other layout.
  await Effect.runPromise(
    setGate(nc, grouped.streams.find(({ name }) => name === "PAYMENTS")!, false)
  )
  expect(agreed(await Effect.runPromise(planTopology(nc, grouped, Date.now()))).closedGates)
    .toEqual(["PAYMENTS"])
  await update("PAYMENTS", { subjects: specOf("PAYMENTS").subjects })
  await apply()
  expect(await planned()).toEqual(nothing)
})

test("of metadata a plan shows what is apart, and neither the server's nor anybody else's", async () => {
  const { metadata } = await configOf("EVENTS")
  expect(Object.keys(metadata).some((name) => name.startsWith("_nats."))).toBe(true)
  await update("EVENTS", {
    metadata: { ...metadata, "io.nats.monitor.enabled": "false", "team": "payments" }
  })
  expect((await planned()).steps).toMatchObject([{
    name: "EVENTS",
    differences: [{
      setting: "metadata",
      declared: { "io.nats.monitor.enabled": "true" },
      found: { "io.nats.monitor.enabled": "false" }
    }]
  }])
  await apply()
  expect((await configOf("EVENTS")).metadata).toMatchObject({ ...metadata, team: "payments" })
  await update("EVENTS", { metadata })
})

test("a mailbox with another number of partitions is told, left as it is, and refused", async () => {
  const { metadata } = await configOf("FRAUD")
  // What else its metadata say is mended all the same, beside the number.
  await update("FRAUD", {
    metadata: { ...metadata, [PARTITIONS_RECORD]: "3", "io.nats.monitor.enabled": "false" }
  })
  const number = {
    setting: "partitions",
    declared: 8,
    found: 3,
    blocked: "keys would move away from their order: set LASTRO_PARTITIONS=3"
  }
  const plan = await planned()
  expect(plan.steps).toMatchObject([{
    name: "FRAUD",
    action: "change",
    differences: [{ setting: "metadata" }, number]
  }])
  expect(() => agreed(plan)).toThrow(
    /made with 3 partitions each, and this process reckons with 8; .*set LASTRO_PARTITIONS=3/
  )
  await apply()
  expect((await planned()).steps).toEqual([
    { kind: "stream", name: "FRAUD", action: "tell", differences: [number] }
  ])
  expect((await configOf("FRAUD")).metadata).toMatchObject({
    [PARTITIONS_RECORD]: "3",
    "io.nats.monitor.enabled": "true"
  })
  await update("FRAUD", { metadata })
  expect(await planned()).toEqual(nothing)
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
  const count = async () =>
    (await Promise.all(
      ["a", "b", "c"].map((merchant) => machine.stored("FRAUD", `fraud.*.ingress.note.${merchant}`))
    )).flat().length
  for (const merchant of ["a", "b", "c"]) {
    await machine.send("fraud", "note", merchant, {}, { headers: { "Nats-Msg-Id": merchant } })
    await new Promise((resolve) => setTimeout(resolve, 300))
    await machine.send("fraud", "note", merchant, {}, { headers: { "Nats-Msg-Id": merchant } })
  }
  expect(await count()).toBe(6)
})

test.each(separate)(
  "$mailbox: a closed gate refuses commands at once, and relays pass",
  async (one) => {
    const { mailbox, stream } = one
    const spec = specOf(stream)
    await Effect.runPromise(setGate(machine.admin.nc, spec, false))
    expect((await Effect.runPromise(streamFacts(machine.admin.nc, stream))).gateClosed).toBe(true)
    expect(await planned()).toEqual({ steps: [], closedGates: [stream] })
    await expect(machine.send(mailbox, "create", "acme", {})).rejects.toThrow(/no responders/i)
    await machine.append(`${mailbox}.3.payments-03`, {}, {})
    await Effect.runPromise(setGate(machine.admin.nc, spec, true))
    await machine.send(mailbox, "create", "acme", {})
    expect(await planned()).toEqual(nothing)
  }
)

test("nobody takes a message out of a mailbox", async () => {
  const seq = await machine.send("payments", "create", "acme", {})
  await expect(machine.api("STREAM.MSG.DELETE.PAYMENTS", { seq })).rejects.toThrow(/delete/)
  await expect(machine.api("STREAM.PURGE.PAYMENTS")).rejects.toThrow(/purge/)
})
