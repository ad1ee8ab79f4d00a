import { PARTITIONS } from "../../streams/mailboxes.ts"
import { Context, Effect, Layer, Result, Scope } from "effect"
import { afterAll, beforeAll, expect, test } from "vitest"
import { setGate } from "../../src/bus/topology.ts"
import { type Command, Commands } from "../../src/bus/commands.ts"
import { Nats } from "../../src/bus/connection.ts"
import { topology } from "../../streams/topology.ts"
import { type Machine, merchantIn, separate, startMachine } from "../support/machine.ts"

let machine: Machine
let commands: Commands["Service"]
const scope = Scope.makeUnsafe()
beforeAll(async () => {
  machine = await startMachine()
  const { password, user } = machine.stack.nats.edge
  const nats = Nats.layerOf({ urls: machine.stack.natsUrls, user, password, name: "test" })
  const built = await Effect.runPromise(
    Layer.build(Commands.layerOf(PARTITIONS).pipe(Layer.provide(nats))).pipe(Scope.provide(scope))
  )
  commands = Context.get(built, Commands)
})
afterAll(async () => {
  await Effect.runPromise(Scope.close(scope, { _tag: "Success", value: undefined } as never))
  await machine.stop()
})

const command = (merchant: string, body: string): Command => ({
  family: "payments",
  type: "create",
  merchant,
  body
})

const publish = (given: Command) => Effect.runPromise(Effect.result(commands.publish(given)))

test("commands published at once are all stored, each under its own sequence", async () => {
  const merchant = merchantIn(0)
  const bodies = Array.from({ length: 450 }, (_, index) => `${index}`)
  const published = await Promise.all(bodies.map((body) => publish(command(merchant, body))))
  const seqs = published.map((one) => Result.isSuccess(one) ? one.success.seq : 0)
  const stored = await machine.stored("PAYMENTS", `payments.0.ingress.create.${merchant}`)
  const textOf = new Map(stored.map(({ seq, text }) => [seq, text]))
  expect(seqs.map((seq) => textOf.get(seq))).toEqual(bodies)
})

test("a bad command does not fail those that shared its batch", async () => {
  const merchant = merchantIn(1)
  const bodies = ["a", "b", "x".repeat(600_000), "c", "d"]
  const published = await Promise.all(bodies.map((body) => publish(command(merchant, body))))
  expect(published.map(({ _tag }) => _tag)).toEqual([
    "Success",
    "Success",
    "Failure",
    "Success",
    "Success"
  ])
  const bad = published[2]!
  expect(Result.isFailure(bad) && bad.failure._tag).toBe("CommandTooLarge")
  const stored = await machine.stored("PAYMENTS", `payments.1.ingress.create.${merchant}`)
  expect(stored.map(({ text }) => text).sort()).toEqual(["a", "b", "c", "d"])
})

test("a closed gate is told as such at once, alone and in a batch", async () => {
  const spec = topology(1, separate).find(({ name }) => name === "RECONCILIATION")!
  await Effect.runPromise(setGate(machine.admin.nc, spec, false))
  const given: Command = { family: "reconciliation", type: "file", merchant: "s", body: "{}" }
  for (const count of [1, 8]) {
    const tried = await Promise.all(Array.from({ length: count }, () => publish(given)))
    for (const one of tried) {
      expect(Result.isFailure(one) && one.failure).toMatchObject({
        _tag: "MailboxClosed",
        family: "reconciliation"
      })
    }
  }
  await Effect.runPromise(setGate(machine.admin.nc, spec, true))
  expect(Result.isSuccess(await publish(given))).toBe(true)
})

test("an answer that comes before anybody waits is not lost", async () => {
  const reply = commands.openReply()
  // On the same connection, so the subscription has arrived when this was stored.
  await publish(command(merchantIn(1), "{}"))
  machine.admin.nc.publish(reply.subject, JSON.stringify({ payment: 1 }))
  await machine.admin.nc.flush()
  await new Promise((resolve) => setTimeout(resolve, 200))
  expect(await Effect.runPromise(reply.wait(5_000))).toEqual({ payment: 1 })
  reply.close()
})

test("a wait without an answer ends at its limit", async () => {
  const reply = commands.openReply()
  expect(await Effect.runPromise(reply.wait(50))).toBeUndefined()
  machine.admin.nc.publish(reply.subject, "not JSON")
  expect(await Effect.runPromise(reply.wait(50))).toBeUndefined()
  reply.close()
})

test("what travels with a command reaches the mailbox", async () => {
  const merchant = merchantIn(2)
  const traceparent = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`
  await publish({ ...command(merchant, "{}"), replyTo: "_INBOX.edge.a", traceparent })
  const [stored] = await machine.stored("PAYMENTS", `payments.2.ingress.create.${merchant}`)
  expect(stored!.header("Lastro-Reply-To")).toBe("_INBOX.edge.a")
  expect(stored!.header("traceparent")).toBe(traceparent)
})
