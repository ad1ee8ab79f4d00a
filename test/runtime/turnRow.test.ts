import { expect, test } from "vitest"
import { bundlesOf } from "../../src/runtime/bundle.ts"
import type { OutboxMessage } from "../../src/runtime/draft.ts"
import { eventBody } from "../../src/runtime/eventBody.ts"
import { decodeOutbox, encodeOutbox, merchantsOfEvents } from "../../src/runtime/turnRow.ts"

const paid = {
  id: "evt_1",
  type: "payment.captured",
  about: "pay_1",
  merchant: "acme",
  atMillis: 7,
  json: '{"amount":5,"note":"é\\"\\u0001"}'
}
const message = (ordinal: number, rest: Partial<OutboxMessage>): OutboxMessage => ({
  target: "EVENTS",
  subject: "events.payments-01.payment.captured",
  id: { seq: 9, ordinal },
  type: "payment.captured",
  merchant: "acme",
  trace: "",
  body: eventBody(paid),
  eventId: paid.id,
  ...rest
})
const { eventId: _, ...call } = message(2, {
  target: "GATEWAY",
  subject: "gateway.1.payments-01",
  type: "charge",
  body: '{"amount":5}'
})
const routed = message(1, {
  target: "MESSAGING",
  subject: "messaging.1.payments-01",
  type: "event"
})
const bundles = bundlesOf([message(0, {}), routed, call], () => 10)
  .map(({ messages, subject, target }) => ({ target, subject, messages }))
const timers = [{ family: "payments", id: "t1", atMillis: 8, headers: [], body: '{"due":8}' }]
const never = (id: string): string => {
  throw new Error(`no event was asked for, but ${id}`)
}

test("an outbox is read as it was, and the bodies of events from their rows", () => {
  const text = encodeOutbox(bundles, timers)!
  expect(text).not.toContain('amount":5,"note')
  expect(text).toContain('{"amount":5}')
  expect(merchantsOfEvents(text)).toEqual(["acme"])
  const bodies = new Map([[paid.id, eventBody(paid)]])
  expect(decodeOutbox(text, "payments", (id) => bodies.get(id)!)).toEqual({ bundles, timers })
})

test("an outbox of an earlier version holds its events, and is sent as it is", () => {
  const lines = bundles.map(({ messages, subject, target }) => [
    target,
    subject,
    messages.map(({ id, merchant, trace, type }) => [
      id.seq,
      id.ordinal,
      type,
      merchant,
      trace,
      id.ordinal === 2 ? 1 : 0
    ])
  ])
  const text = `{"b":[${eventBody(paid)},{"amount":5}],"m":${JSON.stringify(lines)},"t":[]}`
  expect(merchantsOfEvents(text)).toEqual([])
  const sent = bundles.map((bundle) => ({
    ...bundle,
    messages: bundle.messages.map(({ eventId: _, ...rest }) => rest)
  }))
  expect(decodeOutbox(text, "payments", never)).toEqual({ bundles: sent, timers: [] })
})

test("a turn without messages has no outbox, and tells of no events", () => {
  expect(encodeOutbox([], [])).toBe(null)
  expect(merchantsOfEvents(null)).toEqual([])
  expect(decodeOutbox(null, "payments", never)).toEqual({ bundles: [], timers: [] })
})
