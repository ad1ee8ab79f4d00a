import type { Server } from "node:http"
import type { AddressInfo } from "node:net"
import { serve } from "@hono/node-server"

export interface Listening {
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

export const listen = async (
  fetch: (request: Request) => Response | Promise<Response>,
  port: number,
  host: string
): Promise<Listening> => {
  const server = await bind(fetch, port, host)
  const seen = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host
  return {
    url: `http://${seen.includes(":") ? `[${seen}]` : seen}:${
      (server.address() as AddressInfo).port
    }`,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve))
      const drained = new Promise((resolve) => setTimeout(resolve, DRAIN_MILLIS))
      await Promise.race([closed, drained])
      server.closeAllConnections()
    }
  }
}

const bind = (fetch: Parameters<typeof listen>[0], port: number, hostname: string) =>
  new Promise<Server>((resolve, reject) => {
    const server = serve({ fetch, port, hostname }, () => resolve(server)) as Server
    server.keepAliveTimeout = 65_000
    server.once("error", (error: NodeJS.ErrnoException) => {
      reject(error.code === "EADDRINUSE" ? new PortTaken(port) : error)
    })
  })
