import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { Webhook } from "standardwebhooks"

/** Every so many-th webhook is turned away once, as a shop's server under load would. */
const TURNED_AWAY_EVERY = 25
const TURNED_AWAY_AT = 7

interface Received {
  /** Requests, repeats and those turned away included. */
  readonly requests: number
  readonly turnedAway: number
  /** Events whose signature was right, each counted once. */
  readonly verified: ReadonlySet<string>
  /** Came again although it was accepted. */
  readonly repeated: number
  readonly refusedSignatures: number
}

/** One merchant's own web server, which trusts nothing but the signature. */
export interface Receiver {
  readonly url: string
  /** Known only once the endpoint is registered; before that everything is turned away. */
  readonly trust: (secret: string) => void
  readonly received: () => Received
  readonly stop: () => Promise<void>
}

export const startReceiver = async (): Promise<Receiver> => {
  const verified = new Set<string>()
  const turned = new Set<string>()
  const counts = { requests: 0, turnedAway: 0, repeated: 0, refusedSignatures: 0 }
  let webhook: Webhook | undefined

  const answer = async (request: IncomingMessage): Promise<number> => {
    counts.requests++
    const body = await bodyOf(request)
    const id = String(request.headers["webhook-id"] ?? "")
    try {
      webhook!.verify(body, request.headers as Record<string, string>)
    } catch {
      counts.refusedSignatures++
      return 401
    }
    if (counts.requests % TURNED_AWAY_EVERY === TURNED_AWAY_AT && !turned.has(id)) {
      turned.add(id)
      counts.turnedAway++
      return 503
    }
    if (verified.has(id)) counts.repeated++
    verified.add(id)
    return 204
  }
  const server = createServer((request, response: ServerResponse) => {
    answer(request).then(
      (status) => response.writeHead(status).end(),
      () => response.destroy()
    )
  })
  await listen(server)
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks`,
    trust: (secret) => {
      webhook = new Webhook(secret)
    },
    received: () => ({ ...counts, verified }),
    stop: () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    }
  }
}

const listen = (server: Server) =>
  new Promise<void>((resolve, reject) => {
    server.once("error", reject)
    server.listen(0, "127.0.0.1", () => resolve())
  })

/** The exact bytes: a signature covers them and not what a JSON parser makes of them. */
const bodyOf = async (request: IncomingMessage): Promise<string> => {
  const chunks: Array<Uint8Array> = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks).toString("utf8")
}
