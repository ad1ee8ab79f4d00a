import { Result, Schema } from "effect"
import { expect } from "vitest"
import { decide, keysOf, type Message } from "../../actors/messaging/decide.ts"
import { type Delivery, DIRECTORY, type Row, State } from "../../actors/messaging/state.ts"
import { events, type EventType } from "../../streams/events.ts"
import { receivedOf } from "./received.ts"

const START = Date.parse("2026-01-02T03:04:05Z")
const SECOND = 1_000

export type Tried = Extract<Message, { type: "delivered" }>["body"]["result"]

/** The messaging actor of one merchant, without its machine. */
export const messagingHouse = () => {
  const states = new Map<string, State>()
  const rows: Array<Row> = []
  let seq = 0
  let at = START
  const take = (message: Message, replyTo?: string) => {
    at += SECOND
    const keys = keysOf(message)
    const decided = decide(
      {
        get: (key) => {
          if (!keys.includes(key)) throw new Error(`${key} is not among the message's keys`)
          return states.get(key)
        }
      },
      message,
      receivedOf({
        family: "messaging",
        seq: ++seq,
        type: message.type,
        at,
        replyTo,
        config: undefined
      })
    )
    if (Result.isFailure(decided)) return { refused: decided.failure.code, emit: [], timers: [] }
    const { answers = [], emit = [], put = [], rows: written = [], timers = [] } = decided.success
    for (const [key, state] of put) {
      expect(keys.includes(key) || message.type === "event", key).toBe(true)
      // Every state must be one that can be stored.
      states.set(key, Schema.decodeUnknownSync(State)(state))
    }
    rows.push(...written)
    return { refused: undefined, answers, emit, put, timers }
  }
  const register = (id: string, events: ReadonlyArray<string> = ["*"], more = {}, to?: string) =>
    take({
      type: "register_endpoint",
      body: {
        command_id: `cmd-${id}`,
        endpoint_id: id,
        secret: `secret of ${id}`,
        url: `https://${id}.example/hook`,
        events,
        ...more
      } as Extract<Message, { type: "register_endpoint" }>["body"]
    }, to)
  const happened = (type: EventType, data: unknown = events[type].example, event_id = "evt_1") =>
    take({
      type: "event",
      body: { event_id, type, merchant: "acme", at: START, about: "pay_1", data }
    })
  const told = (delivery_id: string, attempt: number, result: Tried) =>
    take({ type: "delivered", body: { delivery_id, attempt, result, took_millis: 1 } })
  const wake = (delivery_id: string, due: number) =>
    take({ type: "wake", body: { delivery_id, due } })
  const deliveries = () =>
    [...states.values()].filter((state): state is Delivery => state._tag === "Delivery")
  const directory = () => {
    const state = states.get(DIRECTORY)
    return state?._tag === "Directory" ? state.endpoints : []
  }
  return {
    register,
    happened,
    told,
    wake,
    rows,
    directory,
    deliveries,
    now: () => at,
    only: () => {
      expect(deliveries()).toHaveLength(1)
      return deliveries()[0]!
    }
  }
}
