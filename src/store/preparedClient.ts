import { createHash } from "node:crypto"
import pg from "pg"

/** Statements that carry parameters are few and fixed, so each is parsed and planned once per connection. */
const names = new Map<string, string>()
/** Beyond this many texts something builds SQL from data: those run unnamed rather than filling the server. */
const NAMES_MAX = 1_000

/** The name under which a statement is prepared; undefined where there are too many. */
export const nameOf = (text: string): string | undefined => {
  const known = names.get(text)
  if (known !== undefined || names.size >= NAMES_MAX) return known
  const name = `l_${createHash("sha256").update(text).digest("base64url").slice(0, 20)}`
  names.set(text, name)
  return name
}

/** kysely never names its statements; node-postgres prepares only named ones. */
export class PreparedClient extends pg.Client {
  constructor(config?: pg.ClientConfig) {
    super(config)
    // The pool listens to idle clients only. Whoever uses this one learns of its end from the query;
    // without a listener a server that dies under a query or a transaction would end the process.
    this.on("error", () => {})
  }

  // deno-lint-ignore no-explicit-any
  override query(...args: Array<any>): any {
    const [text, values, callback] = args
    if (typeof text === "string" && Array.isArray(values) && values.length > 0) {
      const name = nameOf(text)
      if (name !== undefined) {
        return super.query({ name, text, values } as pg.QueryConfig, callback)
      }
    }
    // deno-lint-ignore no-explicit-any
    return (super.query as any)(...args)
  }
}
