import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { Effect, Schema } from "effect"
import { describe, expect, test } from "vitest"
import { gateway } from "../../actors/gateway/actor.ts"
import { pix } from "../../actors/gateway/pix.ts"
import type { Gateway } from "../../actors/gateway/port.ts"
import { Call, Inquire } from "../../streams/messages/gateway.ts"

const about = (operation: string) => ({
  payment_id: "pay_1",
  gateway: "acquirer",
  attempt: `pay_1.${operation}.1`,
  operation,
  amount: "100",
  currency: "BRL",
  sent_at: 0
})
const called = (operation: string) =>
  ({ type: "call", body: Schema.decodeUnknownSync(Call)(about(operation)) }) as const
const inquired = (operation: string) =>
  ({ type: "inquire", body: Schema.decodeUnknownSync(Inquire)(about(operation)) }) as const

const outcomeAt = async (
  gateways: ReadonlyArray<Gateway>,
  message: ReturnType<typeof called> | ReturnType<typeof inquired>,
  redelivered: boolean
) => {
  const outgoing = { merchant: "acme", body: {}, redelivered, traceparent: undefined }
  const [answer] = await Effect.runPromise(
    gateway(gateways).call(message, { ...outgoing, type: message.type })
  )
  return (answer!.body as { outcome: { _tag: string; code?: string } }).outcome
}

test("a gateway that refuses a repeated delivery says nothing of the first", async () => {
  const refuses: Gateway = {
    name: "acquirer",
    finalityMillis: 0,
    inquire: () => Effect.succeed(undefined),
    perform: () =>
      Effect.succeed({
        outcome: { _tag: "NotProcessed", code: "rejected", detail: "not today" },
        times: 1
      })
  }
  const tags = [false, true].map(async (redelivered) =>
    (await outcomeAt([refuses], called("refund"), redelivered))._tag
  )
  expect(await Promise.all(tags)).toEqual(["NotProcessed", "Unknown"])
})

test("nor does a bank that refuses a Pix return which it does not show yet", async () => {
  const bank = createServer((request, response) => {
    const [status, body] = request.url === "/token"
      ? [200, { access_token: "t", expires_in: 3_600 }]
      : [request.method === "PUT" ? 422 : 404, { title: "no", status: 422, detail: "under way" }]
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body))
  })
  await new Promise<void>((done) => bank.listen(0, "127.0.0.1", done))
  const url = `http://127.0.0.1:${(bank.address() as AddressInfo).port}`
  const one = pix({
    name: "acquirer",
    url,
    tokenUrl: `${url}/token`,
    clientId: "id",
    clientSecret: "secret",
    key: "key",
    receiverName: "Loja",
    receiverCity: "Recife"
  })
  const tags = []
  for (const redelivered of [false, true]) {
    tags.push((await outcomeAt([one], called("refund"), redelivered))._tag)
  }
  bank.close()
  expect(tags).toEqual(["NotProcessed", "Unknown"])
})

test("a fault of ours before anything left failed, unless an earlier delivery may have left", () => {
  const unsent = (message: ReturnType<typeof called> | ReturnType<typeof inquired>) =>
    [false, true].map((redelivered) => {
      const outgoing = { merchant: "acme", body: {}, redelivered, traceparent: undefined }
      const [answer] = gateway([]).unsent(message, { ...outgoing, type: message.type })
      return (answer!.body as { outcome: { _tag: string } }).outcome._tag
    })
  expect(unsent(called("charge"))).toEqual(["NotProcessed", "Unknown"])
  expect(unsent(called("payout"))).toEqual(["NotProcessed", "Unknown"])
  expect(unsent(inquired("charge"))).toEqual(["Unknown", "Unknown"])
})

describe.each(["charge", "refund", "payout"])(
  "a %s at a gateway that this worker lacks",
  (what) => {
    test("was not sent where nobody had it before", async () => {
      expect(await outcomeAt([], called(what), false))
        .toMatchObject({ _tag: "NotProcessed", code: "gateway_not_configured" })
    })

    test("may have been sent by another worker", async () => {
      expect(await outcomeAt([], called(what), true)).toMatchObject({ _tag: "Unknown" })
    })

    test("that is asked about stays unknown", async () => {
      expect(await outcomeAt([], inquired(what), false)).toMatchObject({ _tag: "Unknown" })
    })
  }
)
