import { Effect } from "effect"
import * as fs from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { simulator } from "../../actors/gateway/simulator.ts"
import { setGate } from "../../src/bus/topology.ts"
import { type RunningEdge, startEdge } from "../../src/house/edge.ts"
import { startWorker } from "../../src/house/worker.ts"
import { type Simulator, startSimulator } from "../../src/simulators/card/server.ts"
import { createApiKey } from "../../src/store/apiKeys.ts"
import { connect } from "../../src/store/database.ts"
import { mailboxes } from "../../streams/mailboxes.ts"
import { topology } from "../../streams/topology.ts"
import { eventually, testFolder } from "../support/lastro.ts"
import { connectAs, type Machine, startMachine } from "../support/machine.ts"
import { merchantScopes } from "../../src/domain/scope.ts"

let machine: Machine
let edge: RunningEdge
let gateway: Simulator
let key: string
const folder = testFolder("gate")
beforeAll(async () => {
  // An edge and no admission: the gate stays where the test puts it.
  machine = await startMachine(mailboxes)
  gateway = await startSimulator({ file: join(folder, "simulator.db") })
  edge = await startEdge(machine.stack, { port: 0, log: () => {}, allowPrivateWebhooks: true })
  const db = connect(machine.databaseUrl, 1)
  key = await createApiKey(db, { name: "acme", merchant: "acme", scopes: merchantScopes })
  await db.destroy()
})
afterAll(async () => {
  await edge.stop()
  await gateway.stop()
  await machine.stop()
  fs.rmSync(folder, { recursive: true, force: true })
})

const spec = topology(1).find(({ name }) => name === "PAYMENTS")!
const gate = (open: boolean) => Effect.runPromise(setGate(machine.admin.nc, spec, open))

const pay = (idempotencyKey: string) =>
  fetch(`${edge.url}/v1/payments`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${key}`,
      "idempotency-key": idempotencyKey,
      "content-type": "application/json"
    },
    body: JSON.stringify({
      amount: 1_000,
      currency: "BRL",
      payment_method: { type: "card", token: "tok_approved" }
    })
  })

test("a closed gate makes the edge answer 503 with Retry-After, and loses nothing", async () => {
  const early = ["a", "b", "c"]
  for (const name of early) expect((await pay(name)).status).toBe(202)
  await gate(false)

  const refused = await Promise.all(["d", "e", "f", "g"].map(pay))
  for (const answer of refused) {
    expect(answer.status).toBe(503)
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0)
    expect(await answer.json()).toMatchObject({ code: "unavailable", retryable: true })
  }
  // A repeat of what was taken before the gate closed is answered as taken.
  // (The mark that says so is written a moment after the answer.)
  await eventually(async () => (await pay("a")).status === 202 ? true : undefined)
  // A producer hears it at once, too.
  const producer = await connectAs(machine.stack, machine.stack.nats.producer)
  await expect(producer.request("lastro.payments.create.acme", "{}", { timeout: 5_000 }))
    .rejects.toThrow(/no responders/i)
  await producer.close()

  // What was accepted is finished behind the closed gate: relays and answers pass.
  const worker = startWorker(machine.stack, {
    name: "one",
    log: () => {},
    gateways: [simulator(gateway.url, 1_000)],
    allowPrivateWebhooks: true
  })
  const captured = (count: number) =>
    eventually(async () => {
      const rows = await machine.rows("select status from payments")
      return rows.length === count && rows.every(({ status }) => status === "captured")
        ? rows
        : undefined
    }, 30_000)
  await captured(early.length)

  await gate(true)
  // The same keys again: what was refused is taken now, what was taken is not taken twice.
  for (const name of early) expect((await pay(name)).status).toBe(201)
  for (const name of ["d", "e", "f", "g"]) expect((await pay(name)).status).toBe(202)
  await captured(7)
  await worker.stop()
})
