import * as fs from "node:fs"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { Effect, Schema } from "effect"
import { afterAll, beforeAll, expect, test } from "vitest"
import type { Gateway, Webhook } from "../../actors/gateway/port.ts"
import { stripe } from "../../actors/gateway/stripe.ts"
import { Call } from "../../streams/messages/gateway.ts"
import { fetchTool, startTool, type Tool } from "../support/emulators.ts"

const SECRET = "whsec_ofTheEmulator"
const folder = await fetchTool("emulate", "0.12.2")

const received: Array<Webhook> = []
const receiver = createServer((request, response) => {
  let body = ""
  request.on("data", (data) => body += data)
  request.on("end", () => {
    const header = (name: string) => request.headers[name]?.toString()
    received.push({ body, header })
    response.end()
  })
})
let emulator: Tool
let gateway: Gateway
beforeAll(async () => {
  if (folder === undefined) return
  await new Promise<void>((done) => receiver.listen(0, "127.0.0.1", done))
  const seed = join(folder, "seed.yaml")
  const { port } = receiver.address() as AddressInfo
  fs.writeFileSync(
    seed,
    JSON.stringify({
      stripe: { webhooks: [{ url: `http://127.0.0.1:${port}`, events: ["*"], secret: SECRET }] }
    })
  )
  emulator = await startTool(
    folder,
    "emulate/dist/index.js",
    (port) => ["start", "--service", "stripe", "--port", String(port), "--seed", seed]
  )
  gateway = stripe({
    name: "stripe",
    apiKey: "sk_test_emulated",
    url: emulator.url,
    webhookSecret: SECRET
  })
})
afterAll(async () => {
  receiver.close()
  await emulator?.stop()
})

const callOf = (attempt: string) =>
  Schema.decodeUnknownSync(Call)({
    payment_id: "pay_1",
    gateway: "stripe",
    attempt,
    operation: "charge",
    amount: "10000",
    currency: "BRL",
    capture: true,
    token: "pm_card_visa"
  })
const inquiry = (attempt: string) => ({ ...callOf(attempt), sent_at: Date.now() })

test.skipIf(folder === undefined)(
  "a charge is made and confirmed at an emulator we did not write, and found again",
  async () => {
    const { outcome } = await Effect.runPromise(gateway.perform(callOf("pay_1.charge.1"), "acme"))
    expect(outcome).toMatchObject({ _tag: "Approved", captured: true, amount: 10_000n })
    expect(await Effect.runPromise(gateway.inquire(inquiry("pay_1.charge.1")))).toEqual(outcome)
    expect(await Effect.runPromise(gateway.inquire(inquiry("pay_1.charge.2")))).toBeUndefined()
  }
)

test.skipIf(folder === undefined)(
  "its webhooks are read by their signature, and by no other",
  async () => {
    const notices = await Promise.all(
      received.map((one) => Effect.runPromise(gateway.readWebhook!(one)))
    )
    expect(notices.flat()).toContainEqual({
      attempt: "pay_1.charge.1",
      payment_id: "pay_1",
      says: "made"
    })
    const forged = { ...received[0]!, body: received[0]!.body.replace("pay_1", "pay_2") }
    const refused = await Effect.runPromise(Effect.flip(gateway.readWebhook!(forged)))
    expect(refused._tag).toBe("WebhookRefused")
  }
)
