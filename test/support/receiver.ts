import { createServer, type IncomingHttpHeaders, type Server } from "node:http"
import type { AddressInfo } from "node:net"

export interface Received {
  readonly path: string
  readonly method: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
  readonly atMillis: number
}

/** A merchant's own server, as a webhook finds it: it keeps what came and answers as told. */
export interface Receiver {
  readonly url: string
  readonly port: number
  readonly received: ReadonlyArray<Received>
  readonly stop: () => Promise<void>
}

type Answer = number | {
  readonly status: number
  readonly headers?: Record<string, string>
  /** After the status a byte now and then, for ever. */
  readonly drips?: boolean
}

const DRIP_MILLIS = 100

export const startReceiver = async (
  answerOf: (one: Received, index: number) => Answer = () => 200
): Promise<Receiver> => {
  const received: Array<Received> = []
  const server: Server = createServer((request, response) => {
    const chunks: Array<Uint8Array> = []
    request.on("data", (chunk: Uint8Array) => chunks.push(chunk))
    request.on("end", () => {
      const one: Received = {
        path: request.url ?? "",
        method: request.method ?? "",
        headers: request.headers,
        body: Buffer.concat(chunks).toString("utf8"),
        atMillis: Date.now()
      }
      const answer = answerOf(one, received.filter(({ path }) => path === one.path).length)
      received.push(one)
      if (typeof answer === "number") response.writeHead(answer)
      else response.writeHead(answer.status, answer.headers)
      if (typeof answer === "number" || answer.drips !== true) return response.end("seen")
      const dripping = setInterval(() => response.write("."), DRIP_MILLIS)
      response.on("close", () => clearInterval(dripping))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    received,
    stop: () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    }
  }
}
