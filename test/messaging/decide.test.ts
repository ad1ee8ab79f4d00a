import { describe, expect, test } from "vitest"
import { keysOf } from "../../actors/messaging/decide.ts"
import {
  type Delivery,
  deliveryKey,
  DIRECTORY,
  ENDPOINTS_MAX
} from "../../actors/messaging/state.ts"
import { events, type EventType } from "../../streams/events.ts"
import { messagingHouse, type Tried } from "../support/messaging.ts"

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
/** What the documents promise: about two days, eight tries after the first. */
const SCHEDULE = [
  5 * SECOND,
  30 * SECOND,
  2 * MINUTE,
  15 * MINUTE,
  HOUR,
  4 * HOUR,
  12 * HOUR,
  24 * HOUR
]

const accepted: Tried = { _tag: "Accepted", status: 204 }
const failing: Tried = { _tag: "Failed", status: 500, error: "answered 500" }
const deferred: Tried = { _tag: "Deferred" }

/** One endpoint, and one event on its way to it. */
const underWay = () => {
  const one = messagingHouse()
  one.register("ep_1")
  one.happened("payment.captured")
  return { ...one, id: one.only().id }
}

describe("endpoints", () => {
  test("are registered with their secret apart, and told whether they were known", () => {
    const one = messagingHouse()
    const { answers } = one.register("ep_1", ["payment.*"], {}, "_INBOX.1")
    expect(answers).toEqual([{
      to: "_INBOX.1",
      body: { endpoint: { id: "ep_1", repeated: false } }
    }])
    expect(one.rows).toEqual([{ _tag: "Secret", endpointId: "ep_1", secret: "secret of ep_1" }])
    expect(JSON.stringify(one.directory())).not.toContain("secret of")
    expect(one.directory()).toMatchObject([{ id: "ep_1", status: "enabled" }])
  })

  test("are registered once: a repeat is answered and changes nothing, another secret or not", () => {
    const one = messagingHouse()
    one.register("ep_1")
    const again = one.register("ep_1", ["*"], { secret: "another" }, "_INBOX.2")
    expect(again).toMatchObject({ put: [], emit: [], timers: [] })
    expect(again.answers).toEqual([{
      to: "_INBOX.2",
      body: { endpoint: { id: "ep_1", repeated: true } }
    }])
    expect(one.rows).toHaveLength(1)
  })

  test.each([
    ["another address", ["*"], { url: "https://other.example/" }],
    ["other events", ["payment.*"], {}],
    ["another command", ["*"], { command_id: "cmd-other" }]
  ])("are not changed by %s under the same id", (_what, events, more) => {
    const one = messagingHouse()
    one.register("ep_1")
    const before = one.directory()
    expect(one.register("ep_1", events, more).refused).toBe("command_reused")
    expect(one.directory()).toEqual(before)
  })

  test("are limited, and a repeat is no new one", () => {
    const one = messagingHouse()
    for (let nth = 1; nth <= ENDPOINTS_MAX; nth++) {
      expect(one.register(`ep_${nth}`).refused).toBeUndefined()
    }
    expect(one.register("ep_more").refused).toBe("too_many_endpoints")
    expect(one.register("ep_1").refused).toBeUndefined()
    expect(one.directory()).toHaveLength(ENDPOINTS_MAX)
  })
})

describe("patterns", () => {
  test("choose the endpoints that hear of an event", () => {
    const one = messagingHouse()
    one.register("exact", ["payment.captured"])
    one.register("group", ["payment.*"])
    one.register("all", ["*"])
    one.register("several", ["payout.paid", "payment.captured"])
    one.register("twice", ["payment.*", "*"])
    one.register("other", ["payment.refunded", "payout.*"])
    one.register("prefix", ["payments.*"])
    const { emit } = one.happened("payment.captured")
    const heard = ["all", "exact", "group", "several", "twice"]
    expect(one.deliveries().map(({ endpoint_id }) => endpoint_id).sort()).toEqual(heard)
    expect(emit.map(({ body }) => (body as { endpoint_id: string }).endpoint_id).sort())
      .toEqual(heard)
  })

  test("without one that covers it nothing is sent", () => {
    const one = messagingHouse()
    one.register("ep_1", ["payout.*"])
    expect(one.happened("payment.captured")).toMatchObject({ put: [], emit: [] })
    expect(messagingHouse().happened("payment.captured")).toMatchObject({ put: [], emit: [] })
  })
})

test("each endpoint is sent the same public body, to its own address, under an id of its own", () => {
  const one = messagingHouse()
  one.register("ep_1")
  one.register("ep_2")
  const { emit } = one.happened("payment.captured")
  expect(emit).toMatchObject([
    { to: "delivery", type: "deliver", key: "acme", body: { url: "https://ep_1.example/hook" } },
    { to: "delivery", type: "deliver", key: "acme", body: { url: "https://ep_2.example/hook" } }
  ])
  const bodies = emit.map(({ body }) => body as { delivery_id: string; payload: string })
  expect(new Set(bodies.map(({ delivery_id }) => delivery_id)).size).toBe(2)
  expect(new Set(bodies.map(({ payload }) => payload)).size).toBe(1)
  expect(JSON.parse(bodies[0]!.payload)).toEqual({
    type: "payment.captured",
    timestamp: "2026-01-02T03:04:05.000Z",
    data: events["payment.captured"].example
  })
})

describe("a try", () => {
  test("that is accepted ends the delivery and forgets its payload", () => {
    const { id, only, told } = underWay()
    expect(told(id, 1, accepted).timers).toEqual([])
    expect(only()).toMatchObject({
      status: "delivered",
      attempts: 1,
      last_status: 204,
      payload: ""
    })
  })

  test("that fails is made again on the schedule, and after the last one no more", () => {
    const { id, now, only, told, wake } = underWay()
    for (const [index, delay] of SCHEDULE.entries()) {
      const attempt = index + 1
      const due = now() + SECOND + delay
      const { timers } = told(id, attempt, failing)
      expect(timers, `after try ${attempt}`).toMatchObject([{
        atMillis: due,
        type: "wake",
        body: { delivery_id: id, due }
      }])
      expect(only()).toMatchObject({ status: "retrying", attempts: attempt, last_status: 500 })
      const { emit } = wake(id, due)
      expect(emit).toMatchObject([{ to: "delivery", body: { attempt: attempt + 1 } }])
      expect(only()).not.toHaveProperty("wake_at")
    }
    expect(told(id, SCHEDULE.length + 1, failing).timers).toEqual([])
    expect(only()).toMatchObject({ status: "exhausted", attempts: 9, payload: "" })
    expect(SCHEDULE.reduce((sum, delay) => sum + delay) / HOUR).toBeGreaterThan(40)
  })

  test("that fails without an answer keeps the last status it had", () => {
    const { id, now, only, told, wake } = underWay()
    told(id, 1, failing)
    wake(id, now() + SCHEDULE[0]!)
    told(id, 2, { _tag: "Failed", error: "timed out" })
    expect(only()).toMatchObject({ last_error: "timed out", last_status: 500, attempts: 2 })
  })

  test("that succeeds after others ends the delivery", () => {
    const { id, now, only, told, wake } = underWay()
    told(id, 1, failing)
    wake(id, now() + SCHEDULE[0]!)
    told(id, 2, accepted)
    expect(only()).toMatchObject({ status: "delivered", attempts: 2, payload: "" })
  })

  test("that is refused is the last one, and leaves the endpoint as it is", () => {
    const { directory, id, only, told } = underWay()
    expect(told(id, 1, { _tag: "Refused", error: "a private address" }).timers).toEqual([])
    expect(only()).toMatchObject({
      status: "exhausted",
      attempts: 1,
      last_error: "a private address",
      payload: ""
    })
    expect(directory()).toMatchObject([{ status: "enabled" }])
  })

  test("that is answered 410 disables this endpoint only, which hears of nothing more", () => {
    const { deliveries, directory, happened, register, told } = underWay()
    register("ep_2")
    const [{ id }] = deliveries() as [Delivery]
    told(id, 1, { _tag: "Refused", status: 410, error: "gone" })
    expect(deliveries()).toMatchObject([{ status: "exhausted", last_status: 410 }])
    expect(directory()).toMatchObject([
      { id: "ep_1", status: "disabled" },
      { id: "ep_2", status: "enabled" }
    ])
    const { emit } = happened("payment.captured", undefined, "evt_2")
    expect(emit).toMatchObject([{ body: { endpoint_id: "ep_2" } }])
  })
})

describe("a deferral", () => {
  test("waits five seconds and counts no try, a hundred times; then it does", () => {
    const { id, now, only, told, wake } = underWay()
    for (let nth = 1; nth <= 100; nth++) {
      const due = now() + SECOND + 5 * SECOND
      expect(told(id, 1, deferred).timers).toMatchObject([{ atMillis: due }])
      expect(only()).toMatchObject({ status: "pending", attempts: 0, deferrals: nth })
      expect(wake(id, due).emit).toMatchObject([{ body: { attempt: 1 } }])
    }
    expect(told(id, 1, deferred).timers).toMatchObject([{ atMillis: now() + SCHEDULE[0]! }])
    expect(only()).toMatchObject({
      status: "retrying",
      attempts: 1,
      deferrals: 100,
      last_error: "the endpoint is busy or failing"
    })
  })
})

describe("what comes again or too late changes nothing", () => {
  const nothing = { put: [], emit: [], timers: [] }

  test("an answer that was taken", () => {
    const { id, now, only, told, wake } = underWay()
    told(id, 1, failing)
    const before = only()
    expect(told(id, 1, failing)).toMatchObject(nothing)
    expect(told(id, 1, accepted)).toMatchObject(nothing)
    expect(only()).toEqual(before)
    wake(id, now() + SCHEDULE[0]!)
    expect(told(id, 1, failing)).toMatchObject(nothing)
  })

  test("an answer to a try that was never made", () => {
    const { id, told } = underWay()
    expect(told(id, 2, accepted)).toMatchObject(nothing)
    expect(told("del_unknown", 1, accepted)).toMatchObject(nothing)
  })

  test("an answer after the end", () => {
    const delivered = underWay()
    delivered.told(delivered.id, 1, accepted)
    for (const attempt of [1, 2]) {
      expect(delivered.told(delivered.id, attempt, failing)).toMatchObject(nothing)
    }
    expect(delivered.only().status).toBe("delivered")
    const refused = underWay()
    refused.told(refused.id, 1, { _tag: "Refused", error: "gone" })
    expect(refused.told(refused.id, 1, accepted)).toMatchObject(nothing)
  })

  test("a wake that was moved, is over or is of nobody", () => {
    const { id, now, told, wake } = underWay()
    expect(wake(id, now())).toMatchObject(nothing)
    told(id, 1, failing)
    const due = now() + SCHEDULE[0]!
    expect(wake(id, due - 1)).toMatchObject(nothing)
    expect(wake("del_unknown", due)).toMatchObject(nothing)
    expect(wake(id, due).emit).toHaveLength(1)
    expect(wake(id, due)).toMatchObject(nothing)
  })
})

describe("people who left an address are written to", () => {
  const withCustomer = (type: EventType, customer: object) => {
    const data = structuredClone(events[type].example) as { payment: Record<string, unknown> }
    return { ...data, payment: { ...data.payment, customer } }
  }
  const notified = (type: EventType, customer: object, more: object = {}) => {
    const one = messagingHouse()
    const data = withCustomer(type, customer)
    one.happened(type, { ...data, payment: { ...data.payment, ...more } })
    return one.rows.flatMap((row) => row._tag === "Notification" ? [row.notification] : [])
  }
  const ana = { id: "cus_1", email: "ana@example.com" }

  test.each<readonly [EventType, string, string]>([
    ["payment.captured", "receipt", "Pagamento aprovado: R$ 100,00"],
    ["payment.failed", "failure", "Pagamento não concluído: R$ 100,00"],
    ["payment.requires_action", "action", "Confirme seu pagamento de R$ 100,00"]
  ])("of %s with the template %s", (type, template, subject) => {
    expect(notified(type, ana, { amount: 10_000, currency: "BRL" })).toMatchObject([{
      channel: "email",
      recipient: "ana@example.com",
      locale: "pt-BR",
      about: "pay_1",
      eventId: "evt_1",
      template,
      subject
    }])
  })

  test("of a refund with what went back, not what was paid", () => {
    const one = messagingHouse()
    const data = withCustomer("payment.refunded", { ...ana, locale: "en" })
    one.happened("payment.refunded", { ...data, refund: { id: "re_1", amount: 1_000 } })
    expect(one.rows).toMatchObject([{
      notification: { template: "refund", locale: "en", subject: "Refund sent: R$ 10.00" }
    }])
  })

  test("in their language, in Portuguese where it is not known", () => {
    for (const [locale, written] of [["en", "en"], ["pt-BR", "pt-BR"], ["fr", "pt-BR"]]) {
      expect(notified("payment.captured", { ...ana, locale })).toMatchObject([{ locale: written }])
    }
  })

  test("not without an address, and not of what no rule names", () => {
    expect(notified("payment.captured", { id: "cus_1" })).toEqual([])
    expect(notified("payment.authorized", ana)).toEqual([])
  })

  test("with the merchant's own reference on one line, or a dash", () => {
    const reference = "order\nBcc: all@example.com"
    expect(notified("payment.captured", ana, { reference })[0]!.text)
      .toContain("Pedido: order Bcc: all@example.com\n")
    expect(notified("payment.captured", ana, { reference: undefined })[0]!.text)
      .toContain("Pedido: —\n")
  })

  test("whatever endpoints there are, and with another id for each event", () => {
    const one = messagingHouse()
    one.register("ep_1")
    const data = withCustomer("payment.captured", ana)
    one.happened("payment.captured", data, "evt_1")
    one.happened("payment.captured", data, "evt_2")
    const ids = one.rows.flatMap((row) => row._tag === "Notification" ? [row.notification.id] : [])
    expect(new Set(ids).size).toBe(2)
    expect(one.deliveries()).toHaveLength(2)
  })
})

test("a message names the states it reads", () => {
  const delivered = { delivery_id: "del_1", attempt: 1, result: deferred, took_millis: 1 }
  expect(keysOf({ type: "delivered", body: delivered })).toEqual([deliveryKey("del_1"), DIRECTORY])
  expect(keysOf({ type: "wake", body: { delivery_id: "del_1", due: 1 } }))
    .toEqual([deliveryKey("del_1")])
})
