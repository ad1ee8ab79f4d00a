import { Effect } from "effect"
import { createLocalJWKSet, decodeJwt, type JSONWebKeySet, jwtVerify } from "jose"
import { timingSafeEqual } from "node:crypto"
import { hashOf } from "../../store/keySecret.ts"
import { findClient, type OauthClient, takeAssertion } from "../../store/oauthClients.ts"
import { read } from "../reading.ts"
import type { Answer, Asked } from "../route.ts"
import { Tokens } from "./tokens.ts"

const FORM_BYTES_MAX = 16 * 1024
export const FORM = { contentType: "application/x-www-form-urlencoded", bytesMax: FORM_BYTES_MAX }

const ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
/** An assertion is made for one request. */
const ASSERTION_AGE = "10m"
const ASSERTION_ALGORITHMS = ["EdDSA", "ES256", "RS256", "PS256"]

/** What OAuth's own endpoints refuse with, in RFC 6749's words. */
export class OauthRefusal {
  readonly _tag = "OauthRefusal"
  readonly error: string
  readonly detail: string

  constructor(error: string, detail: string) {
    this.error = error
    this.detail = detail
  }
}

export const refuse = (error: string, detail: string): Effect.Effect<never, OauthRefusal> =>
  Effect.fail(new OauthRefusal(error, detail))

/** JSON that nobody may keep. */
export const oauthJson = (status: number, body: object, headers = {}): Answer => ({
  status,
  body,
  headers: { "cache-control": "no-store", ...headers }
})

export const refusalAnswer = ({ detail, error }: OauthRefusal): Answer =>
  oauthJson(
    error === "invalid_client" ? 401 : 400,
    { error, error_description: detail },
    error === "invalid_client" ? { "www-authenticate": 'Basic realm="Lastro"' } : {}
  )

/** The client's name and secret of HTTP Basic, each form-encoded (RFC 6749 §2.3.1). */
const basicOf = (authorization: string | undefined): readonly [string, string] | undefined => {
  const match = /^Basic +(\S+)$/i.exec(authorization ?? "")
  if (match === null) return undefined
  const pair = Buffer.from(match[1]!, "base64").toString("utf8")
  const colon = pair.indexOf(":")
  try {
    const [id, secret] = [pair.slice(0, colon), pair.slice(colon + 1)].map((part) =>
      decodeURIComponent(part.replaceAll("+", " "))
    )
    return [id!, secret!]
  } catch {
    return undefined
  }
}

const wrong = () => refuse("invalid_client", "this client is not known, or its proof is wrong")

/** The client that asks, by its secret or by an assertion that it signed. */
export const clientOf = Effect.fnUntraced(function* ({ header }: Asked, form: URLSearchParams) {
  const assertion = form.get("client_assertion")
  if (assertion !== null) return yield* byAssertion(form, assertion)
  const [id, secret] = basicOf(header("authorization")) ??
    [form.get("client_id") ?? "", form.get("client_secret") ?? ""]
  const client = yield* read("edge.oauth.client", (db) => findClient(db, id))
  if (client?.secretHash == null || !timingSafeEqual(hashOf(secret), client.secretHash)) {
    return yield* wrong()
  }
  return client as OauthClient
})

/** `private_key_jwt` (RFC 7523). */
const byAssertion = Effect.fnUntraced(function* (form: URLSearchParams, assertion: string) {
  if (form.get("client_assertion_type") !== ASSERTION_TYPE) return yield* wrong()
  const { issuer } = yield* Tokens
  const named = yield* Effect.try({
    try: () => decodeJwt(assertion).sub ?? "",
    catch: () => new OauthRefusal("invalid_client", "the assertion is no JWT")
  })
  const client = yield* read("edge.oauth.client", (db) => findClient(db, named))
  if (client?.jwks == null) return yield* wrong()
  const keys = createLocalJWKSet(client.jwks as JSONWebKeySet)
  const { payload } = yield* Effect.tryPromise({
    try: () =>
      jwtVerify(assertion, keys, {
        issuer: named,
        subject: named,
        audience: [issuer(), `${issuer()}/oauth/token`],
        algorithms: ASSERTION_ALGORITHMS,
        maxTokenAge: ASSERTION_AGE,
        requiredClaims: ["jti", "exp", "iat"]
      }),
    catch: (error) =>
      new OauthRefusal("invalid_client", `the assertion is refused: ${(error as Error).message}`)
  })
  const first = yield* read("edge.oauth.assertion", (db) =>
    takeAssertion(db, {
      clientId: named,
      jti: String(payload.jti),
      expiresAt: new Date(payload.exp! * 1_000)
    }))
  if (!first) return yield* refuse("invalid_client", "the assertion was used before")
  return client as OauthClient
})
