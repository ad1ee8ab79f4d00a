import type { HttpBindings } from "@hono/node-server"
import type { Context } from "hono"
import { guardChain, type GuardSettings } from "./chain.ts"
import type { Refusal } from "./knock.ts"
import { originOf } from "./origin.ts"

/** Under which the caller's address is kept with a request. */
export const ADDRESS = "address"

interface Seen {
  readonly refusal: Refusal | undefined
  /** The caller's connection is encrypted. */
  readonly secure: boolean
}

/** Looks at a request before anything of it is parsed, and notes where it comes from. */
export const door = (settings: GuardSettings): (context: Context) => Seen => {
  const refusalOf = guardChain(settings)
  return (context) => {
    const { incoming } = (context.env ?? {}) as Partial<HttpBindings>
    const { address, secure } = originOf(incoming, settings.trustedProxies)
    context.set(ADDRESS, address)
    const target = incoming?.url ?? ""
    const refusal = refusalOf({
      method: context.req.method,
      // A proxy's request names the whole address.
      path: target.startsWith("/") ? target : context.req.path,
      head: incoming?.rawHeaders ?? [],
      address,
      userAgent: context.req.header("user-agent") ?? ""
    })
    return { refusal, secure }
  }
}
