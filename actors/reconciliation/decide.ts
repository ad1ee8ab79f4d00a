import { Result } from "effect"
import type { MessageOf, Received, Refusal, States } from "../../src/runtime/actor.ts"
import type { Decision } from "../../streams/emissions.ts"
import type { ReconciliationMessages } from "../../streams/messages/reconciliation.ts"
import { receivePart } from "./file.ts"
import { settledBy } from "./settled.ts"
import { addEvent, addLine, addStray, keyOfEvent, lineOf } from "./operation.ts"
import {
  fileKey,
  newOperation,
  type Operation,
  operationKey,
  type RefusalCode,
  type Row,
  type State
} from "./state.ts"

type Message = MessageOf<typeof ReconciliationMessages>
type MatchBody = Extract<Message, { type: "match" }>["body"]
type Decided = Result.Result<Decision<"reconciliation", State, Row>, Refusal<RefusalCode>>

/** What a gateway tells of is addressed to the gateway itself. */
export const keysOf = (message: Message, source: string): readonly [string, ...Array<string>] => {
  switch (message.type) {
    case "file":
      return [fileKey(message.body.command_id)]
    case "match": {
      const { file, lines, source } = message.body
      const keys = new Set(lines.map((line) => operationKey(source, line.kind, line.charge_id)))
      const [first, ...others] = keys
      return first === undefined ? [fileKey(file)] : [first, ...others]
    }
    case "close":
      return [`close:${message.body.source}:${message.body.date}`]
    case "event":
      return [keyOfEvent(message.body)]
    case "stray":
      return [operationKey(source, message.body.kind, message.body.charge_id)]
  }
}

/** Gathers what the payments expect and what the files say; what follows from it is judged at the save. */
export const decide = (
  states: States<State>,
  message: Message,
  received: Received
): Decided => {
  switch (message.type) {
    case "file": {
      const known = states.get(fileKey(message.body.command_id))
      return receivePart(known?._tag === "File" ? known : undefined, message.body, received)
    }
    case "match": {
      const put = matched(states, message.body)
      return Result.succeed({
        put,
        emit: put.flatMap(([key, next]) => settledBy(operationAt(states, key), next, received))
      })
    }
    case "close":
      return Result.succeed({
        rows: [{ _tag: "Close", source: message.body.source, date: message.body.date }]
      })
    case "event": {
      const key = keyOfEvent(message.body)
      const known = operationAt(states, key)
      const next = addEvent(known, message.body)
      if (next === undefined || next === known) return Result.succeed({})
      return Result.succeed({ put: [[key, next]], emit: settledBy(known, next, received) })
    }
    case "stray": {
      const [key] = received.keys
      const known = operationAt(states, key)
      const next = addStray(known, received.merchant, message.body)
      return Result.succeed(next === known ? {} : { put: [[key, next]] })
    }
  }
}

const operationAt = (states: States<State>, key: string): Operation | undefined => {
  const state = states.get(key)
  return state?._tag === "Operation" ? state : undefined
}

/** Several lines of one message may concern one operation: each sees those before it. */
const matched = (states: States<State>, match: MatchBody): ReadonlyArray<[string, Operation]> => {
  const changed = new Map<string, Operation>()
  for (const line of match.lines) {
    const key = operationKey(match.source, line.kind, line.charge_id)
    const known = changed.get(key) ?? operationAt(states, key) ??
      newOperation(match.source, line.kind, line.charge_id)
    const next = addLine(known, lineOf(line, match))
    if (next !== known) changed.set(key, next)
  }
  return [...changed]
}
