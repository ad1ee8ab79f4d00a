import { Effect, Schema } from "effect"
import { describe, expect, test } from "vitest"
import { gateway } from "../../actors/gateway/actor.ts"
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
