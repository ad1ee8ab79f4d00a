import { createServer, type IncomingMessage } from "node:http"
import type { AddressInfo } from "node:net"

export interface Seen {
  readonly method: string
  readonly path: string
  readonly key: string | undefined
  readonly body: URLSearchParams
}
export type Reply = { readonly status?: number; readonly body: unknown } | "hang up"

const textOf = async (request: IncomingMessage) => {
  let text = ""
  for await (const part of request) text += part
  return text
}

export interface StripeServer {
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
export const startStripeServer = async (): Promise<StripeServer> => {
  const seen: Array<Seen> = []
  let replies: Array<Reply> = []
  const server = createServer(async (request, response) => {
    const body = new URLSearchParams(await textOf(request))
    seen.push({
      method: request.method!,
      path: request.url!,
      key: request.headers["idempotency-key"]?.toString(),
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
