import { createHash } from "node:crypto"
import { Context, Effect } from "effect"
import * as oauth from "oauth4webapi"
import { isRole, type Role, roles } from "../../domain/role.ts"
import type { NewSession } from "../../store/sessions.ts"
import { type Problem, problem, unavailable } from "../problem.ts"

/** The company's OpenID provider, at which its people sign in. */
export interface CompanySettings {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  /** The claim that names roles: `ROLE` of the platform, `ROLE@MERCHANT` of a merchant. */
  readonly rolesClaim: string
}

/** What a browser keeps between leaving for the provider and coming back. */
interface Pending {
  readonly state: string
  readonly nonce: string
  readonly verifier: string
  readonly next: string
}

interface CompanyService {
  readonly leave: (next: string, back: string) => Effect.Effect<{
    readonly location: string
    readonly pending: string
  }, Problem>
  readonly comeBack: (
    address: URL,
    pending: string | undefined,
    back: string
  ) => Effect.Effect<{ readonly session: NewSession; readonly next: string }, Problem>
}

/** Undefined where no issuer is configured: then people sign in with a key. */
export class Company
  extends Context.Service<Company, CompanyService | undefined>()("lastro/edge/Company") {}

/** A provider on this machine may be without TLS; any other may not. */
const isLocal = (issuer: string): boolean =>
  ["127.0.0.1", "localhost", "[::1]"].includes(new URL(issuer).hostname)

const pendingOf = (text: string | undefined): Pending | undefined => {
  try {
    return JSON.parse(Buffer.from(text ?? "", "base64url").toString("utf8"))
  } catch {
    return undefined
  }
}

/** The words of the claim that are roles; a merchant's person has those of one merchant. */
const sessionOf = (name: string, claim: unknown): NewSession | undefined => {
  const words = (Array.isArray(claim) ? claim : [claim]).map(String)
  const found = words.flatMap((word): ReadonlyArray<readonly [Role, string]> => {
    const [role = "", merchant = ""] = word.split("@", 2)
    const side = merchant === "" ? "platform" : "merchant"
    return isRole(role) && roles[role].side === side ? [[role, merchant]] : []
  })
  const [first] = found
  if (first === undefined) return undefined
  const merchant = first[1]
  const mine = found.filter(([, whose]) => whose === merchant)
  return { name, merchant, scopes: [...new Set(mine.flatMap(([role]) => roles[role].scopes))] }
}

const refused = (detail: string) => problem("sign_in_refused", detail)

/** What the library says is told; what the network says is not. */
const problemOf = (error: unknown): Problem =>
  error instanceof oauth.ResponseBodyError || error instanceof oauth.AuthorizationResponseError
    ? refused(`the provider refused it: ${error.error}`)
    : error instanceof oauth.OperationProcessingError
    ? refused(error.message)
    : unavailable("the provider does not answer now")

/** The provider's own description, read once; one that was away is asked again. */
const discoveryOf = ({ issuer }: CompanySettings) => {
  const url = new URL(issuer)
  const options = { [oauth.allowInsecureRequests]: isLocal(issuer) }
  let known: Promise<oauth.AuthorizationServer> | undefined
  return () => {
    known ??= oauth.discoveryRequest(url, options)
      .then((answer) => oauth.processDiscoveryResponse(url, answer))
    known.catch(() => (known = undefined))
    return known
  }
}

const leaving = (
  server: oauth.AuthorizationServer,
  { clientId }: CompanySettings,
  next: string,
  back: string
) => {
  const pending: Pending = {
    state: oauth.generateRandomState(),
    nonce: oauth.generateRandomNonce(),
    verifier: oauth.generateRandomCodeVerifier(),
    next
  }
  const url = new URL(server.authorization_endpoint!)
  const asked = {
    client_id: clientId,
    redirect_uri: back,
    response_type: "code",
    scope: "openid profile email",
    state: pending.state,
    nonce: pending.nonce,
    code_challenge: createHash("sha256").update(pending.verifier).digest("base64url"),
    code_challenge_method: "S256"
  }
  for (const [name, value] of Object.entries(asked)) url.searchParams.set(name, value)
  const kept = Buffer.from(JSON.stringify(pending)).toString("base64url")
  return { location: url.href, pending: kept }
}

/** What the provider vouches for, once its answer is checked. */
const claimsOf = async (
  server: oauth.AuthorizationServer,
  { clientId, clientSecret, issuer }: CompanySettings,
  address: URL,
  { nonce, state, verifier }: Pending,
  back: string
) => {
  const options = { [oauth.allowInsecureRequests]: isLocal(issuer) }
  const client: oauth.Client = { client_id: clientId }
  const given = oauth.validateAuthResponse(server, client, address, state)
  const proof = oauth.ClientSecretPost(clientSecret)
  const answer = await oauth.authorizationCodeGrantRequest(
    server,
    client,
    proof,
    given,
    back,
    verifier,
    options
  )
  const tokens = await oauth.processAuthorizationCodeResponse(server, client, answer, {
    expectedNonce: nonce,
    requireIdToken: true
  })
  // Its signature, too: over loopback there may be no TLS to vouch for it.
  await oauth.validateApplicationLevelSignature(server, answer, options)
  return oauth.getValidatedIdTokenClaims(tokens)!
}

export const companyOf = (settings: CompanySettings): CompanyService => {
  const server = discoveryOf(settings)
  return {
    leave: (next, back) =>
      Effect.tryPromise({
        try: async () => leaving(await server(), settings, next, back),
        catch: problemOf
      }),
    comeBack: Effect.fnUntraced(function* (address, text, back) {
      const pending = pendingOf(text)
      if (pending === undefined) return yield* refused("this browser has not asked to sign in")
      const claims = yield* Effect.tryPromise({
        try: async () => claimsOf(await server(), settings, address, pending, back),
        catch: problemOf
      })
      const name = String(claims["email"] ?? claims["preferred_username"] ?? claims.sub)
      const session = sessionOf(name, claims[settings.rolesClaim])
      if (session === undefined) {
        return yield* refused("the provider gives this person no role here")
      }
      return { session, next: pending.next }
    })
  }
}
