import { headers as newHeaders } from "@nats-io/transport-node"
import type { BusClient } from "./connection.ts"

/** One message on core NATS: whoever listens hears it, and nobody acknowledges it. */
export const tell = (
  nc: BusClient,
  { headers, payload, subject }: {
    readonly subject: string
    readonly payload: string
    readonly headers: ReadonlyArray<readonly [name: string, text: string]>
  }
): void => {
  if (headers.length === 0) return nc.publish(subject, payload)
  const sent = newHeaders()
  for (const [name, text] of headers) sent.set(name, text)
  nc.publish(subject, payload, { headers: sent })
}
