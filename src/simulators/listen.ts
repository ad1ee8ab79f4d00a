import { createServer as createTlsServer } from "node:https"
import { serve } from "@hono/node-server"
import { listenError, urlOf } from "../edge/listen.ts"
import type { Desk } from "./desk.ts"

const KEEP_ALIVE_MILLIS = 120_000

interface Listening {
  readonly url: string
  readonly close: () => Promise<void>
}

/** Where a simulator answers: by default on any port of this machine. */
export interface Place {
  readonly port?: number
  readonly host?: string
  /** Asks callers for a certificate of this authority (mTLS). */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca: string }
}

/** A real HTTP server, so that time-outs are real. */
export const listen = (
  app: Desk,
  { host = "127.0.0.1", port = 0, tls }: Place
): Promise<Listening> =>
  new Promise((resolve, reject) => {
    const server = serve({
      fetch: app.fetch,
      port,
      hostname: host,
      ...(tls === undefined ? { serverOptions: { keepAliveTimeout: KEEP_ALIVE_MILLIS } } : {
        createServer: createTlsServer,
        serverOptions: { ...tls, requestCert: true, rejectUnauthorized: true }
      })
    }, (address) => {
      const url = urlOf(host, address.port)
      resolve({
        url: tls === undefined ? url : url.replace("http:", "https:"),
        close: async () => {
          if ("closeAllConnections" in server) server.closeAllConnections()
          await new Promise((closed) => server.close(closed))
        }
      })
    })
    // It stays: a connection that cannot be accepted is its caller's trouble only.
    server.on("error", (error: NodeJS.ErrnoException) => reject(listenError(error, port)))
  })
