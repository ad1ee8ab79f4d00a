import { Effect, Fiber, Layer } from "effect"
import { afterAll, beforeAll, expect, test } from "vitest"
import { append } from "../../src/bus/append.ts"
import { streamFacts } from "../../src/bus/tail.ts"
import { setGate, type StreamSpec } from "../../src/bus/topology.ts"
import { guardMailbox, LOOK_EVERY_MILLIS } from "../../src/runtime/admission.ts"
import { Database } from "../../src/store/database.ts"
import { jsonLogs } from "../../src/telemetry/logs.ts"
import { topology } from "../../streams/topology.ts"
import { eventually } from "../support/lastro.ts"
import { type Machine, separate, startMachine } from "../support/machine.ts"

let machine: Machine
const logs: Array<string> = []
beforeAll(async () => {
  machine = await startMachine()
})
afterAll(() => machine.stop())

const specOf = (stream: string): StreamSpec =>
  topology(1, separate).find(({ name }) => name === stream)!

const guard = (family: string, spec: StreamSpec) => {
  const fiber = Effect.runFork(
    guardMailbox(machine.admin.nc, family, spec).pipe(Effect.provide(Layer.mergeAll(
      Database.layerOf(machine.databaseUrl, 1),
      jsonLogs((line) => logs.push(line))
    )))
  )
  return () => Effect.runPromise(Fiber.interrupt(fiber))
}

const isClosed = async (stream: string) =>
  (await Effect.runPromise(streamFacts(machine.admin.nc, stream))).gateClosed

const becomes = (stream: string, closed: boolean) =>
  eventually(async () => await isClosed(stream) === closed ? true : undefined, 20_000)

const pause = (millis: number) => new Promise((resolve) => setTimeout(resolve, millis))

/** A partition whose reader has got as far as `startSeq`. */
const readFrom = async (partition: number, startSeq: number) => {
  await machine.api(`CONSUMER.DELETE.PAYMENTS.payments-${partition}`).catch(() => undefined)
  await machine.api(
    `CONSUMER.CREATE.PAYMENTS.payments-${partition}.payments.${partition}.>`,
    {
      stream_name: "PAYMENTS",
      config: {
        durable_name: `payments-${partition}`,
        name: `payments-${partition}`,
        deliver_policy: "by_start_sequence",
        opt_start_seq: startSeq,
        ack_policy: "all",
        filter_subject: `payments.${partition}.>`
      }
    }
  )
}

const BEHIND = 142_000

test(
  "a mailbox that is far behind closes to commands, stays closed half way, and opens again",
  async () => {
    await machine.rows(
      `insert into cursors (family, partition, epoch_bucket, epoch_revision, owner, seq,
      seq_at_millis, clock_millis, stream_created, digest)
      values ('payments', 3, 1, 1, 'one', 0, 0, 0, 'then', '')`
    )
    await readFrom(3, 1)
    const stop = guard("payments", specOf("PAYMENTS"))
    const messages = Array.from({ length: 1_000 }, () => ({
      subject: "payments.3.test-00",
      headers: [],
      payload: "{}"
    }))
    for (let sent = 0; sent < BEHIND; sent += 1_000) {
      await Effect.runPromise(append(machine.admin.nc, messages))
    }
    await becomes("PAYMENTS", true)
    await expect(machine.send("payments", "create", "acme", {})).rejects.toThrow(/no responders/i)
    // The rest of the room belongs to relays and answers.
    await machine.append("payments.3.fraud-03", {}, {})
    // At half of it the gate is still closed: it does not flap.
    await readFrom(3, BEHIND / 2)
    await pause(2.5 * LOOK_EVERY_MILLIS)
    expect(await isClosed("PAYMENTS")).toBe(true)
    await readFrom(3, BEHIND - 10)
    await becomes("PAYMENTS", false)
    await machine.send("payments", "create", "acme", {})
    expect(logs.filter((line) => line.includes("the gate of payments"))).toHaveLength(2)
    await stop()
  },
  120_000
)

test("a mailbox that runs out of bytes closes to commands", async () => {
  const spec = { ...specOf("RECONCILIATION"), max_bytes: 2_000_000 }
  await machine.api("STREAM.UPDATE.RECONCILIATION", spec)
  const stop = guard("reconciliation", spec)
  for (let index = 0; index < 4; index++) {
    await machine.append("reconciliation.0.test-00", {}, "x".repeat(400_000))
  }
  await becomes("RECONCILIATION", true)
  await stop()
})

test("a gate that a former process left closed is opened where there is room", async () => {
  const spec = specOf("MESSAGING")
  await Effect.runPromise(setGate(machine.admin.nc, spec, false))
  const stop = guard("messaging", spec)
  await becomes("MESSAGING", false)
  await stop()
})
