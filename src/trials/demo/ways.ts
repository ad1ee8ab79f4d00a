import { Effect } from "effect"
import type { PaymentResource } from "../../../streams/resources/payment.ts"
import type { Commands } from "../../bus/commands.ts"
import type { Way } from "./stories.ts"

export type CommandType =
  | "create"
  | "capture"
  | "increment"
  | "void"
  | "refund"
  | "review"
  | "dispute_opened"
  | "dispute_evidence"
  | "dispute_accept"
  | "dispute_closed"

/** What only the platform itself may say: a person's decision, and a gateway's word. */
export const platformTypes: ReadonlySet<CommandType> = new Set([
  "review",
  "dispute_opened",
  "dispute_closed"
])

export interface Command {
  readonly type: CommandType
  readonly merchant: string
  /** The idempotency key; through NATS the `command_id`. */
  readonly id: string
  readonly paymentId: string
  readonly body: Readonly<Record<string, unknown>>
}

/** What the caller is told. */
export type Told =
  | { readonly _tag: "Payment"; readonly payment: PaymentResource }
  | { readonly _tag: "Refused"; readonly code: string }
  /** Taken durably, and no outcome within the wait. */
  | { readonly _tag: "Taken" }

export interface Caller {
  readonly way: Way
  /** Resolves when the command is durable and its outcome known, or the wait is over. */
  readonly send: (command: Command) => Promise<Told>
  /** Sends that were not taken and went out again under the same name. */
  readonly sentAgain: () => number
}

const WAIT_SECONDS = 30
const RETRY_MILLIS = 250
/** A service that takes nothing for so long is down: the demo ends instead of trying for ever. */
const TRIES_MAX = 120

export const rest = (millis: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, millis))

/** Sends until it is taken: an outage is answered by the same command under the same name. */
const untilTaken = async <A>(
  what: string,
  attempt: () => Promise<A | undefined>,
  again: () => void
): Promise<A> => {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const taken = await attempt()
    if (taken !== undefined) return taken
    again()
    await rest(RETRY_MILLIS)
  }
  throw new Error(`${what} was not taken after ${TRIES_MAX} tries`)
}

const pathOf = ({ body, merchant, paymentId, type }: Command): string => {
  switch (type) {
    case "create":
      return "/v1/payments"
    case "review":
      return `/v1/fraud/reviews/${paymentId}?merchant=${merchant}`
    case "refund":
      return `/v1/payments/${paymentId}/refunds`
    case "dispute_opened":
      return `/v1/payments/${paymentId}/disputes`
    case "dispute_evidence":
      return `/v1/payments/${paymentId}/disputes/${body["dispute_id"]}/evidence`
    case "dispute_accept":
      return `/v1/payments/${paymentId}/disputes/${body["dispute_id"]}/accept`
    case "dispute_closed":
      return `/v1/payments/${paymentId}/disputes/${body["dispute_id"]}/outcome`
    default:
      return `/v1/payments/${paymentId}/${type}`
  }
}

/** What stands in the path does not stand in the body. */
const bodyOf = ({ body, type }: Command): unknown => {
  const { dispute_id: _, ...rest } = body
  return type === "dispute_opened" ? body : rest
}

/** As a shop's server does: an idempotency key, and a wait for the outcome. */
export const overHttp = (url: string, keyOf: (command: Command) => string): Caller => {
  let again = 0
  const attempt = async (command: Command): Promise<Told | undefined> => {
    const answer = await fetch(url + pathOf(command), {
      method: "POST",
      headers: {
        authorization: `Bearer ${keyOf(command)}`,
        "content-type": "application/json",
        "idempotency-key": command.id,
        prefer: `wait=${WAIT_SECONDS}`
      },
      body: JSON.stringify(bodyOf(command))
    }).catch(() => undefined)
    const json = await answer?.json().catch(() => undefined)
    if (answer === undefined || json === undefined) return undefined
    switch (answer.status) {
      case 201:
        return { _tag: "Payment", payment: json }
      case 202:
        return { _tag: "Taken" }
      case 429:
      case 503:
        return undefined
      case 409:
      case 422:
        // A body that is not valid never reaches the actor: that would be a mistake of this demo.
        if (json.code !== "invalid") return { _tag: "Refused", code: json.code }
    }
    throw new Error(`${command.type} ${command.id} was answered ${answer.status}: ${json.detail}`)
  }
  return {
    way: "http",
    sentAgain: () => again,
    send: (command) => untilTaken(command.id, () => attempt(command), () => again++)
  }
}

/** As an upstream system does: publish as the user `producer`, and listen for the reply. */
export const overNats = (commands: Commands["Service"]): Caller => {
  let again = 0
  const attempt = (command: Command): Promise<Told | undefined> => {
    const { body, id, merchant, paymentId, type } = command
    const reply = commands.openReply()
    return Effect.runPromise(
      commands.publish({
        family: "payments",
        type,
        merchant,
        replyTo: reply.subject,
        body: JSON.stringify({
          ...body,
          command_id: id,
          ...(type !== "create" && { payment_id: paymentId })
        })
      }).pipe(
        Effect.matchEffect({
          onFailure: () => Effect.succeed(undefined),
          onSuccess: () => Effect.map(reply.wait(WAIT_SECONDS * 1_000), toldOf)
        }),
        Effect.ensuring(Effect.sync(() => reply.close()))
      )
    )
  }
  return {
    way: "nats",
    sentAgain: () => again,
    send: (command) => untilTaken(command.id, () => attempt(command), () => again++)
  }
}

/** Replies are best effort: where none comes, the caller looks at the payment. */
const toldOf = (reply: unknown): Told => {
  const { payment, refused } = (reply ?? {}) as {
    payment?: PaymentResource
    refused?: { code: string }
  }
  if (payment !== undefined) return { _tag: "Payment", payment }
  return refused === undefined ? { _tag: "Taken" } : { _tag: "Refused", code: refused.code }
}
