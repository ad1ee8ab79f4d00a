import type { IncomingMessage } from "node:http"
import { isWithin } from "./ranges.ts"

interface Origin {
  /** Undefined where no socket is. */
  readonly address: string | undefined
  /** The caller's own connection is encrypted, as a trusted proxy says. */
  readonly secure: boolean
}

/**
 * Where a request comes from. Anybody may write `X-Forwarded-For`: it is read from its end, and only as far
 * as those who wrote it are trusted.
 */
export const originOf = (
  incoming: IncomingMessage | undefined,
  trusted: ReadonlyArray<string>
): Origin => {
  const peer = incoming?.socket?.remoteAddress
  if (incoming === undefined || trusted.length === 0 || !isWithin(peer, trusted)) {
    return { address: peer, secure: false }
  }
  const chain = [textOf(incoming.headers["x-forwarded-for"]).split(",").map((one) => one.trim())]
    .flat().filter((one) => one !== "").reverse()
  const address = chain.find((one) => !isWithin(one, trusted)) ?? chain.at(-1) ?? peer
  const protocol = textOf(incoming.headers["x-forwarded-proto"]).split(",").at(-1)!.trim()
  return { address, secure: protocol === "https" }
}

const textOf = (header: string | ReadonlyArray<string> | undefined): string =>
  typeof header === "string" ? header : (header ?? []).join(",")
