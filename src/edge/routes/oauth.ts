import { createHash } from "node:crypto"
import { Effect, Schema } from "effect"
import { isScope, type Scope, scopes } from "../../domain/scope.ts"
import type { OauthClient } from "../../store/oauthClients.ts"
import {
  endGrant,
  endToken,
  grantOfRefreshToken,
  newRefreshToken,
  type OauthGrant,
  takeCode,
  takeRefreshToken
} from "../../store/oauthGrants.ts"
import {
  clientOf,
  FORM,
  oauthJson,
  OauthRefusal,
  refusalAnswer,
  refuse
} from "../access/oauthForm.ts"
import { TOKEN_SECONDS, Tokens } from "../access/tokens.ts"
import type { Problem } from "../problem.ts"
import { read } from "../reading.ts"
import { json, type Shape } from "../shape.ts"
import type { Answer, Asked, EdgeServices, Route } from "../route.ts"

/** A grant lives as long as it is used within this time. */
const REFRESH_SECONDS = 30 * 86_400

/** The scopes asked for, all of them where none is named; what goes beyond is refused. */
const scopesAsked = (
  form: URLSearchParams,
  given: ReadonlyArray<Scope>
): Effect.Effect<ReadonlyArray<Scope>, OauthRefusal> => {
  const words = form.get("scope")?.split(" ").filter((word) => word !== "")
  if (words === undefined || words.length === 0) return Effect.succeed(given)
  const beyond = words.find((word) => !isScope(word) || !given.includes(word))
  return beyond === undefined
    ? Effect.succeed(words as ReadonlyArray<Scope>)
    : refuse("invalid_scope", `this client has not got ${beyond}`)
}

const tokenFor = Effect.fnUntraced(function* (
  client: OauthClient,
  given: {
    readonly merchant: string
    readonly name: string
    readonly scopes: ReadonlyArray<Scope>
  },
  grant?: OauthGrant
) {
  const tokens = yield* Tokens
  const access_token = yield* tokens.issue({
    clientId: client.client_id,
    ...given,
    grant: grant?.id
  })
  return {
    access_token,
    token_type: "Bearer",
    expires_in: TOKEN_SECONDS,
    scope: given.scopes.join(" "),
    ...(grant && {
      refresh_token: yield* read(
        "edge.oauth.refresh",
        (db) => newRefreshToken(db, grant.id, REFRESH_SECONDS)
      )
    })
  }
})

const byCredentials = Effect.fnUntraced(function* (client: OauthClient, form: URLSearchParams) {
  if (client.redirect_uris.length > 0) {
    return yield* refuse("unauthorized_client", "a partner's program acts for who consented alone")
  }
  const asked = yield* scopesAsked(form, client.scopes)
  return yield* tokenFor(client, { merchant: client.merchant, name: client.name, scopes: asked })
})

const byCode = Effect.fnUntraced(function* (client: OauthClient, form: URLSearchParams) {
  const code = form.get("code") ?? ""
  const taken = yield* read("edge.oauth.code", (db) => takeCode(db, client.client_id, code))
  if (taken === undefined) {
    return yield* refuse("invalid_grant", "this code is not known, or is over")
  }
  if (taken === "reused") {
    return yield* refuse("invalid_grant", "this code was used before: what came of it has ended")
  }
  const verifier = form.get("code_verifier") ?? ""
  const challenge = createHash("sha256").update(verifier).digest("base64url")
  if (form.get("redirect_uri") !== taken.redirectUri || challenge !== taken.challenge) {
    yield* read("edge.oauth.end", (db) => endGrant(db, taken.id))
    return yield* refuse("invalid_grant", "the verifier or the address is not that of the code")
  }
  return yield* tokenFor(client, taken, taken)
})

const byRefresh = Effect.fnUntraced(function* (client: OauthClient, form: URLSearchParams) {
  const token = form.get("refresh_token") ?? ""
  const taken = yield* read(
    "edge.oauth.refreshed",
    (db) => takeRefreshToken(db, client.client_id, token)
  )
  if (taken === undefined) {
    return yield* refuse("invalid_grant", "this token is not known, or is over")
  }
  if (taken === "reused") {
    return yield* refuse("invalid_grant", "this token was used before: the whole grant has ended")
  }
  const asked = yield* scopesAsked(form, taken.scopes)
  return yield* tokenFor(client, { ...taken, scopes: asked }, taken)
})

type Handled = Effect.Effect<Answer, Problem | OauthRefusal, EdgeServices>

/** A form by a client that proves who it is; refusals in OAuth's own words. */
const byClient =
  (act: (client: OauthClient, form: URLSearchParams) => Handled) => (asked: Asked) => {
    const form = new URLSearchParams(asked.text)
    return Effect.flatMap(clientOf(asked, form), (client) => act(client, form)).pipe(
      Effect.catchTag("OauthRefusal", (refusal) => Effect.succeed(refusalAnswer(refusal)))
    )
  }

const grants: Readonly<Record<string, typeof byCode>> = {
  client_credentials: byCredentials as typeof byCode,
  authorization_code: byCode,
  refresh_token: byRefresh as typeof byCode
}

const token = byClient((client, form) => {
  const grant = grants[form.get("grant_type") ?? ""]
  return grant === undefined
    ? refuse("unsupported_grant_type", `there are ${Object.keys(grants).join(", ")}`)
    : Effect.map(grant(client, form), (body) => oauthJson(200, body))
})

/** Whatever is revoked, and whether or not there was anything: RFC 7009 answers 200. */
const revoke = byClient(Effect.fnUntraced(function* (client, form) {
  const text = form.get("token") ?? ""
  const refresh = yield* read(
    "edge.oauth.revoke",
    (db) => grantOfRefreshToken(db, client.client_id, text)
  )
  if (refresh !== undefined) yield* read("edge.oauth.end", (db) => endGrant(db, refresh.id))
  else {
    const own = yield* ownToken(client, text)
    if (own !== undefined) yield* read("edge.oauth.end", (db) => endToken(db, own.jti))
  }
  return oauthJson(200, {})
}))

/** An access token of this client that is still good, with its number. */
const ownToken = Effect.fnUntraced(function* (client: OauthClient, text: string) {
  const tokens = yield* Tokens
  const caller = yield* Effect.catchIf(
    tokens.verify(text),
    ({ status }) => status === 401,
    () => Effect.succeed(undefined)
  )
  if (caller === undefined || caller.from !== client.client_id) return undefined
  const claims = JSON.parse(Buffer.from(text.split(".")[1]!, "base64url").toString("utf8"))
  return { caller, jti: String(claims.jti), iat: Number(claims.iat) }
})

const introspect = byClient(Effect.fnUntraced(function* (client, form) {
  const text = form.get("token") ?? ""
  const own = yield* ownToken(client, text)
  if (own !== undefined) {
    const { caller, iat, jti } = own
    return oauthJson(200, {
      active: true,
      token_type: "Bearer",
      client_id: client.client_id,
      sub: caller.id,
      merchant: caller.merchant,
      scope: [...caller.granted].join(" "),
      exp: Math.floor(caller.expiresAt!.getTime() / 1_000),
      iat,
      jti
    })
  }
  const refresh = yield* read(
    "edge.oauth.introspect",
    (db) => grantOfRefreshToken(db, client.client_id, text)
  )
  return oauthJson(
    200,
    refresh?.live === true
      ? {
        active: true,
        client_id: client.client_id,
        sub: refresh.id,
        merchant: refresh.merchant,
        scope: refresh.scopes.join(" ")
      }
      : { active: false }
  )
}))

const metadata = Effect.map(Tokens, ({ issuer }) => {
  const at = (path: string) => issuer() + path
  return oauthJson(200, {
    issuer: issuer(),
    authorization_endpoint: at("/oauth/authorize"),
    token_endpoint: at("/oauth/token"),
    revocation_endpoint: at("/oauth/revoke"),
    introspection_endpoint: at("/oauth/introspect"),
    jwks_uri: at("/.well-known/jwks.json"),
    scopes_supported: Object.keys(scopes),
    response_types_supported: ["code"],
    grant_types_supported: Object.keys(grants),
    code_challenge_methods_supported: ["S256"],
    token_endpoint_auth_methods_supported: [
      "client_secret_basic",
      "client_secret_post",
      "private_key_jwt"
    ],
    token_endpoint_auth_signing_alg_values_supported: ["EdDSA", "ES256", "RS256", "PS256"],
    authorization_response_iss_parameter_supported: true
  })
})

const Refused = Schema.Struct({ error: Schema.String, error_description: Schema.String })
  .annotate({ identifier: "OauthError", description: "RFC 6749 §5.2." })

const GivenToken = Schema.Struct({
  access_token: Schema.String,
  token_type: Schema.Literal("Bearer"),
  expires_in: Schema.Int,
  scope: Schema.String,
  refresh_token: Schema.optionalKey(Schema.String)
}).annotate({ identifier: "GivenToken" })

const KnownToken = Schema.Struct({
  active: Schema.Boolean,
  token_type: Schema.optionalKey(Schema.String),
  client_id: Schema.optionalKey(Schema.String),
  sub: Schema.optionalKey(Schema.String),
  merchant: Schema.optionalKey(Schema.String),
  scope: Schema.optionalKey(Schema.String),
  exp: Schema.optionalKey(Schema.Int),
  iat: Schema.optionalKey(Schema.Int),
  jti: Schema.optionalKey(Schema.String)
}).annotate({ identifier: "KnownToken" })

const words = Schema.Array(Schema.String)
const Metadata = Schema.Struct({
  issuer: Schema.String,
  authorization_endpoint: Schema.String,
  token_endpoint: Schema.String,
  revocation_endpoint: Schema.String,
  introspection_endpoint: Schema.String,
  jwks_uri: Schema.String,
  scopes_supported: words,
  response_types_supported: words,
  grant_types_supported: words,
  code_challenge_methods_supported: words,
  token_endpoint_auth_methods_supported: words,
  token_endpoint_auth_signing_alg_values_supported: words,
  authorization_response_iss_parameter_supported: Schema.Boolean
}).annotate({ identifier: "AuthorizationServer" })

const KeySet = Schema.Struct({
  keys: Schema.Array(Schema.Record(Schema.String, Schema.String))
}).annotate({ identifier: "KeySet" })

const form = (
  path: string,
  operationId: string,
  summary: string,
  said: Shape,
  handle: Route["handle"]
): Route => ({
  method: "POST",
  path,
  summary,
  operationId,
  tag: "Access",
  audience: "public",
  text: FORM,
  answers: {
    200: said,
    400: json("Refused, in RFC 6749's words", Refused),
    401: json("The client is not known, or its proof is wrong", Refused)
  },
  handle
})

export const oauthRoutes: ReadonlyArray<Route> = [
  form(
    "/oauth/token",
    "issueToken",
    "Exchange a client's proof, a code or a refresh token for an access token",
    json("An access token of 15 minutes, and for partners the next refresh token", GivenToken),
    token
  ),
  form(
    "/oauth/revoke",
    "revokeToken",
    "End a token before its time (RFC 7009)",
    json("It is over", Schema.Record(Schema.String, Schema.Never)),
    revoke
  ),
  form(
    "/oauth/introspect",
    "introspectToken",
    "Whether a token of this client is good (RFC 7662)",
    json("What it is", KnownToken),
    introspect
  ),
  {
    method: "GET",
    path: "/.well-known/oauth-authorization-server",
    summary: "Where OAuth's endpoints are, and what they take (RFC 8414)",
    operationId: "describeAuthorization",
    tag: "Access",
    audience: "public",
    answers: { 200: json("Metadata", Metadata) },
    handle: () => metadata
  },
  {
    method: "GET",
    path: "/.well-known/jwks.json",
    summary: "The public keys of access tokens",
    operationId: "listTokenKeys",
    tag: "Access",
    audience: "public",
    answers: { 200: json("A JWK set", KeySet) },
    handle: () =>
      Effect.flatMap(Tokens, ({ publicKeys }) =>
        Effect.map(publicKeys, (keys) => ({
          status: 200,
          body: { keys },
          headers: { "cache-control": "public, max-age=60" }
        })))
  }
]
