import type { Server } from "node:http"
import { type AddressInfo, createServer, type Socket } from "node:net"
import { serve } from "@hono/node-server"
import * as metrics from "../telemetry/metrics.ts"

interface Listening {
  readonly url: string
  /** Takes no further requests, and gives those under way some time. */
  readonly close: () => Promise<void>
}

export class PortTaken extends Error {
  readonly _tag = "PortTaken"

  constructor(port: number) {
    super(`port ${port} is taken: stop what uses it, or choose another with LASTRO_PORT.`)
  }
}

/** Requests under way at the end have this long. */
const DRAIN_MILLIS = 3_000
/** A caller whose headers are not here by then gets 408: connections must not be held by saying little. */
const HEADERS_MILLIS_MAX = 5_000
/** Nothing of ours takes longer to arrive: each route's own limit (input.ts) is shorter. */
const REQUEST_MILLIS_MAX = 90_000
/** How late the two limits above may be noticed. */
const DEADLINE_CHECK_MILLIS = 1_000
const KEEP_ALIVE_MILLIS = 65_000

export const listen = async (
  fetch: (request: Request) => Response | Promise<Response>,
  port: number,
  host: string
): Promise<Listening> => {
  const server = await bind(fetch, port, host)
  return {
    url: urlOf(host, (server.address() as AddressInfo).port),
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve))
      const drained = new Promise((resolve) => setTimeout(resolve, DRAIN_MILLIS))
      await Promise.race([closed, drained])
      server.closeAllConnections()
    }
  }
}

/** Before anything is made: a port that is taken is said while there is nothing to take back. */
export const refuseTakenPort = (port: number, host: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const tried = createServer()
    tried.once("error", (error) => reject(listenError(error, port)))
    tried.listen(port, host, () => tried.close(() => resolve()))
  })

export const listenError = (error: NodeJS.ErrnoException, port: number): Error =>
  error.code === "EADDRINUSE" ? new PortTaken(port) : error

/** Where this machine reaches what listens on that address. */
export const urlOf = (host: string, port: number): string => {
  const seen = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host
  return `http://${seen.includes(":") ? `[${seen}]` : seen}:${port}`
}

/** What cannot be read as a request is answered here: nothing of it reaches the routes. */
const unreadable: Readonly<Record<string, readonly [guard: string, answer: string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: ["slow_head", "408 Request Timeout"],
  HPE_HEADER_OVERFLOW: ["head", "431 Request Header Fields Too Large"]
}

const turnAway = ({ code = "" }: NodeJS.ErrnoException, socket: Socket): void => {
  const [guard, answer] = unreadable[code] ?? ["unreadable", "400 Bad Request"]
  metrics.edgeRefused.inc({ guard })
  if (socket.writable) socket.end(`HTTP/1.1 ${answer}\r\nConnection: close\r\n\r\n`)
  else socket.destroy()
}

const bind = (fetch: Parameters<typeof listen>[0], port: number, hostname: string) =>
  new Promise<Server>((resolve, reject) => {
    const server = serve({
      fetch,
      port,
      hostname,
      serverOptions: {
        connectionsCheckingInterval: DEADLINE_CHECK_MILLIS,
        headersTimeout: HEADERS_MILLIS_MAX,
        requestTimeout: REQUEST_MILLIS_MAX,
        keepAliveTimeout: KEEP_ALIVE_MILLIS
      }
    }, () => resolve(server)) as Server
    // It stays: a connection that cannot be accepted (no file descriptor is left) is told here, too, and
    // its caller tries again.
    server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => {
      turnAway(error, socket)
    })
    server.on("error", (error: NodeJS.ErrnoException) => {
      reject(listenError(error, port))
    })
  })
