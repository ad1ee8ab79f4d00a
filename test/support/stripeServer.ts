import { createServer, type IncomingMessage } from "node:http"
import type { AddressInfo } from "node:net"
import { Effect, Schema } from "effect"
import Stripe from "stripe"
import type { AskedAbout } from "../../actors/gateway/port.ts"
import { stripe } from "../../actors/gateway/stripe.ts"
import { Call } from "../../streams/messages/gateway.ts"

export interface Seen {
  readonly method: string
  readonly path: string
  readonly key: string | undefined
  /** On whose behalf, where it is a connected account. */
  readonly account: string | undefined
  readonly body: URLSearchParams
}
export type Reply = { readonly status?: number; readonly body: unknown } | "hang up"

const textOf = async (request: IncomingMessage) => {
  let text = ""
  for await (const part of request) text += part
  return text
}

interface StripeServer {
  readonly url: string
  /** What it was asked since the last `answers`. */
  readonly seen: Array<Seen>
  /** What it will answer, in this order. */
  readonly answers: (replies: ReadonlyArray<Reply>) => void
  /** How many of them nobody has asked for. */
  readonly left: () => number
  readonly stop: () => void
}

/** Answers as Stripe would; what it answers has the SDK's own types. */
const startStripeServer = async (): Promise<StripeServer> => {
  const seen: Array<Seen> = []
  let replies: Array<Reply> = []
  const server = createServer(async (request, response) => {
    const body = new URLSearchParams(await textOf(request))
    seen.push({
      method: request.method!,
      path: request.url!,
      key: request.headers["idempotency-key"]?.toString(),
      account: request.headers["stripe-account"]?.toString(),
      body
    })
    const reply = replies.shift()!
    if (reply === "hang up") return void request.socket.destroy()
    response.writeHead(reply.status ?? 200, { "content-type": "application/json" })
    response.end(JSON.stringify(reply.body))
  })
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    answers: (next) => {
      seen.length = 0
      replies = [...next]
    },
    left: () => replies.length,
    stop: () => server.close()
  }
}

const SECRET = "whsec_stripe_test"
const decodeCall = Schema.decodeUnknownSync(Call)

/** Our adapter before such a Stripe. `usual` is what its calls say where a test does not say otherwise. */
export const openStripe = async (usual: object) => {
  const server = await startStripeServer()
  const webhookSecret = SECRET
  const gateway = stripe({ name: "stripe", apiKey: "sk_test_1", url: server.url, webhookSecret })
  const call = (more: object = {}) => decodeCall({ gateway: "stripe", ...usual, ...more })
  return {
    ...server,
    call,
    /** The outcome, or what went wrong. */
    perform: (next: ReadonlyArray<Reply>, more: object = {}) => {
      server.answers(next)
      return Effect.runPromise(
        gateway.perform(call(more), "acme").pipe(
          Effect.map(({ outcome }) => outcome),
          Effect.catch((error) => Effect.succeed(error))
        )
      )
    },
    /** What is asked only, and no call has, is `asked`. */
    inquire: (
      next: ReadonlyArray<Reply>,
      more: object = {},
      asked: Pick<Partial<AskedAbout>, "operation" | "refund_id"> = {}
    ) => {
      server.answers(next)
      return Effect.runPromise(gateway.inquire({ ...call(more), ...asked }))
    },
    /** A webhook of this type about this object, signed by Stripe's own library. */
    told: (type: string, object: object) => {
      const payload = JSON.stringify({ id: "evt_1", object: "event", type, data: { object } })
      const signature = Stripe.webhooks.generateTestHeaderString({ payload, secret: SECRET })
      const header = (name: string) => name === "stripe-signature" ? signature : undefined
      return Effect.runPromise(
        gateway.readWebhook!({ body: payload, header }).pipe(
          Effect.catch((error) => Effect.succeed(error))
        )
      )
    }
  }
}
