import { Effect } from "effect"
import { Agent, request as undici } from "undici"
import { sending } from "../../src/runtime/departure.ts"
import { GatewayUnclear, GatewayUnreachable } from "./port.ts"

export interface PixConnection {
  /** Up to and including the version, such as `https://pix.example.com/api/v2`. */
  readonly url: string
  readonly tokenUrl: string
  readonly clientId: string
  readonly clientSecret: string
  /** Both sides show certificates (mTLS). PEM. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca?: string }
}

interface PixAnswer {
  readonly status: number
  readonly body: unknown
}

const CONNECTIONS_MAX = 64
const SCOPES = "cob.write cob.read cobv.write cobv.read pix.write pix.read"
/** A token is renewed this long before it ends: it must not end on its way. */
const RENEW_MILLIS = 30_000

/** Removed for good. To us it is not there. */
const GONE = 410

/** Without a token, of too many requests, or closed: the bank did not look at what was asked. */
const NOT_TAKEN: ReadonlySet<number> = new Set([401, 429, 503])

/** A token of OAuth 2.0 client credentials, kept while it lives. */
const tokensOf = ({ clientId, clientSecret, tokenUrl }: PixConnection, dispatcher: Agent) => {
  let token: { readonly value: string; readonly untilMillis: number } | undefined
  let renewing: Promise<string> | undefined

  const renew = async (): Promise<string> => {
    const credentials = Buffer.from(`${clientId}:${clientSecret}`).toString("base64")
    const answer = await undici(tokenUrl, {
      method: "POST",
      dispatcher,
      headers: {
        authorization: `Basic ${credentials}`,
        "content-type": "application/x-www-form-urlencoded"
      },
      body: new URLSearchParams({ grant_type: "client_credentials", scope: SCOPES }).toString()
    })
    const body = (await answer.body.json()) as { access_token?: string; expires_in?: number }
    if (answer.statusCode !== 200 || body.access_token === undefined) {
      throw new Error(`no token: answered ${answer.statusCode}`)
    }
    const lives = (body.expires_in ?? 300) * 1_000 - RENEW_MILLIS
    token = { value: body.access_token, untilMillis: Date.now() + Math.max(0, lives) }
    return token.value
  }
  const current = (): Promise<string> =>
    token !== undefined && Date.now() < token.untilMillis
      ? Promise.resolve(token.value)
      : renewing ??= renew().finally(() => renewing = undefined)

  return {
    /** Without a token nothing was asked: that the bank gives none means nothing was sent. */
    current: sending({
      try: current,
      catch: (error) => new GatewayUnreachable({ detail: (error as Error).message })
    }),
    forget: () => {
      token = undefined
    }
  }
}

/** One bank's API: mutual TLS, and a token. */
export const pixApi = (connection: PixConnection) => {
  const { tls, url } = connection
  const dispatcher = new Agent({
    connections: CONNECTIONS_MAX,
    keepAliveTimeout: 60_000,
    ...(tls && { connect: { ...tls } })
  })
  const tokens = tokensOf(connection, dispatcher)

  return Effect.fnUntraced(
    function* (method: "GET" | "PATCH" | "PUT", path: string, body?: unknown) {
      const json = body === undefined ? undefined : JSON.stringify(body)
      const bearer = yield* tokens.current
      const asked = {
        method,
        dispatcher,
        headers: {
          authorization: `Bearer ${bearer}`,
          ...(json !== undefined && { "content-type": "application/json" })
        },
        ...(json !== undefined && { body: json })
      }
      const answer = yield* sending({
        try: async (signal): Promise<PixAnswer> => {
          const answer = await undici(url + path, { ...asked, signal })
          const text = await answer.body.text()
          return { status: answer.statusCode, body: text === "" ? undefined : JSON.parse(text) }
        },
        catch: failureOf
      })
      const { status } = answer
      const detail = `the bank answered ${status}`
      // The token was withdrawn before its time: the next call asks for another.
      if (status === 401) tokens.forget()
      if (NOT_TAKEN.has(status)) return yield* new GatewayUnreachable({ detail })
      if (status >= 500) return yield* new GatewayUnclear({ detail })
      return status === GONE ? { ...answer, status: 404 } : answer
    }
  )
}

const failureOf = (error: unknown) => {
  const { cause, code, message } = (error ?? {}) as {
    cause?: { code?: string }
    code?: string
    message?: string
  }
  const detail = `${message ?? "the bank does not answer"} ${code ?? ""}`.trim()
  return code === "ECONNREFUSED" || cause?.code === "ECONNREFUSED"
    ? new GatewayUnreachable({ detail })
    : new GatewayUnclear({ detail })
}
