import { randomUUID } from "node:crypto"
import { Context, Effect, Layer } from "effect"
import {
  type CryptoKey,
  errors,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JWK,
  type JWTPayload,
  jwtVerify,
  SignJWT
} from "jose"
import type { Scope } from "../../domain/scope.ts"
import type { Caller } from "../../store/caller.ts"
import { Database, type Db } from "../../store/database.ts"
import {
  endedSince,
  keepSigningKey,
  type SigningKey,
  signingKeys
} from "../../store/signingKeys.ts"
import { type Problem, problem, unavailable } from "../problem.ts"
import { AccessChanges } from "./changes.ts"

const ALGORITHM = "EdDSA"
const TYPE = "at+jwt"
/** How long an access token is good: so long may an edge that hears nothing take one that has ended. */
export const TOKEN_SECONDS = 15 * 60
const KEY_ROTATED_AFTER_SECONDS = 30 * 86_400
/** A new key is published this long before it signs, so that whoever keeps the list has it by then. */
const KEY_PUBLISHED_MILLIS = 5 * 60_000
/** Every key that may have signed a token that is still good, with a day to spare. */
const KEY_KEPT_SECONDS = KEY_ROTATED_AFTER_SECONDS + 86_400
const KEYS_LOOK_EVERY_MILLIS = 60_000
/** After a token by a key that is not known; whoever invents keys must not make us look for each. */
const UNKNOWN_LOOK_EVERY_MILLIS = 1_000

/** What a token is given out for. */
interface TokenFor {
  readonly clientId: string
  readonly merchant: string
  /** What the audit calls what is done with it. */
  readonly name: string
  readonly scopes: ReadonlyArray<Scope>
  /** Of a partner's, which ends with it. */
  readonly grant?: string | undefined
}

interface LoadedKey {
  readonly kid: string
  readonly createdAt: number
  readonly privateKey: CryptoKey
  readonly publicKey: CryptoKey
  readonly publicJwk: JWK
}

const loaded = async ({ createdAt, jwk, kid }: SigningKey): Promise<LoadedKey> => {
  const { d: _, ...rest } = jwk as JWK
  const publicJwk = { ...rest, kid, alg: ALGORITHM, use: "sig" }
  return {
    kid,
    createdAt: createdAt.getTime(),
    privateKey: await importJWK(jwk as JWK, ALGORITHM) as CryptoKey,
    publicKey: await importJWK(publicJwk, ALGORITHM) as CryptoKey,
    publicJwk
  }
}

/** Access tokens: signed here, and verified by each edge alone. */
export class Tokens extends Context.Service<Tokens, {
  readonly issue: (given: TokenFor) => Effect.Effect<string, Problem>
  readonly verify: (token: string) => Effect.Effect<Caller, Problem>
  readonly publicKeys: Effect.Effect<ReadonlyArray<JWK>, Problem>
  /** This API's address, as tokens name it. */
  readonly issuer: () => string
}>()("lastro/edge/Tokens") {
  static readonly layerOf = (issuer: () => string) =>
    Layer.effect(
      Tokens,
      Effect.gen(function* () {
        const database = yield* Database
        const tokens = new TokenHouse(issuer, (name, run) =>
          Effect.runPromise(database.query(name, run)))
        const changes = yield* AccessChanges
        changes.onChange((ids) =>
          tokens.ended(ids)
        )
        yield* Effect.ignore(Effect.tryPromise(() => tokens.lookForEnded()))
        return {
          issuer,
          issue: (given) => asked(() => tokens.issue(given)),
          verify: (token) =>
            Effect.tryPromise({ try: () => tokens.verify(token), catch: refusalOf }),
          publicKeys: asked(() => tokens.publicKeys())
        }
      })
    )
}

const asked = <A>(run: () => Promise<A>) =>
  Effect.tryPromise({ try: run, catch: () => unavailable("tokens cannot be given out now") })

class Ended extends Error {}

/** Refused by name: what is wrong with a token is no secret. */
const reasonOf = (error: unknown): string | undefined => {
  if (error instanceof Ended) return "was revoked"
  if (error instanceof errors.JWTExpired) return "has expired"
  if (error instanceof errors.JWTClaimValidationFailed) {
    return error.claim === "iss"
      ? "is of another issuer"
      : error.claim === "aud"
      ? "is for another audience"
      : `has a wrong ${error.claim}`
  }
  if (error instanceof errors.JOSEAlgNotAllowed) {
    return "is signed by an algorithm that is not taken"
  }
  if (error instanceof errors.JWSSignatureVerificationFailed) return "has a wrong signature"
  if (error instanceof errors.JWKSNoMatchingKey) return "is signed by a key that is not known"
  return error instanceof errors.JOSEError ? "is no token of ours" : undefined
}

const refusalOf = (error: unknown): Problem => {
  const reason = reasonOf(error)
  return reason === undefined
    ? unavailable("tokens cannot be looked at now")
    : problem("token_refused", `this token ${reason}`)
}

type Ask = <A>(name: string, run: (db: Db) => Promise<A>) => Promise<A>

class TokenHouse {
  private readonly issuer: () => string
  private readonly ask: Ask
  private keys: ReadonlyArray<LoadedKey> = []
  private lookedAt = -Infinity
  /** What ended, by when that can be forgotten. */
  private readonly gone = new Map<string, number>()

  constructor(issuer: () => string, ask: Ask) {
    this.issuer = issuer
    this.ask = ask
  }

  async issue({ clientId, grant, merchant, name, scopes }: TokenFor): Promise<string> {
    const keys = await this.current()
    const now = Date.now()
    const key = keys.find(({ createdAt }) => createdAt < now - KEY_PUBLISHED_MILLIS) ?? keys.at(-1)!
    return await new SignJWT({
      client_id: clientId,
      merchant,
      name,
      scope: scopes.join(" "),
      grant
    })
      .setProtectedHeader({ alg: ALGORITHM, typ: TYPE, kid: key.kid })
      .setIssuer(this.issuer())
      .setAudience(this.issuer())
      .setSubject(grant ?? clientId)
      .setJti(randomUUID())
      .setIssuedAt()
      .setExpirationTime(`${TOKEN_SECONDS}s`)
      .sign(key.privateKey)
  }

  async verify(token: string): Promise<Caller> {
    const { payload } = await jwtVerify(token, ({ kid }) => this.publicKeyOf(kid), {
      issuer: this.issuer(),
      audience: this.issuer(),
      algorithms: [ALGORITHM],
      typ: TYPE,
      requiredClaims: ["jti", "sub", "exp", "client_id", "merchant", "scope", "name"]
    })
    return this.callerOf(payload)
  }

  async publicKeys(): Promise<ReadonlyArray<JWK>> {
    return (await this.current()).map(({ publicJwk }) => publicJwk)
  }

  /** Undefined where it may be anything: then what ended of late is read again. */
  ended(ids: ReadonlySet<string> | undefined): void {
    const until = Date.now() + TOKEN_SECONDS * 1_000
    for (const [id, forgotten] of this.gone) if (forgotten < Date.now()) this.gone.delete(id)
    for (const id of ids ?? []) this.gone.set(id, until)
    if (ids === undefined) this.lookForEnded().catch(() => {})
  }

  async lookForEnded(): Promise<void> {
    this.ended(new Set(await this.ask("edge.token.ended", (db) => endedSince(db, TOKEN_SECONDS))))
  }

  private callerOf(payload: JWTPayload): Caller {
    const { client_id, exp, grant, jti, merchant, name, scope } = payload as Record<string, unknown>
    const parts = [jti, client_id, ...grant === undefined ? [] : [grant]].map(String)
    if (parts.some((id) => this.gone.has(id))) throw new Ended("it has ended")
    return {
      id: String(grant ?? client_id),
      name: String(name),
      merchant: String(merchant),
      granted: new Set(String(scope).split(" ")),
      expiresAt: new Date(Number(exp) * 1_000),
      addresses: [],
      requestsPerSecond: null,
      from: String(client_id)
    }
  }

  private async publicKeyOf(kid: string | undefined): Promise<CryptoKey> {
    const known = this.keys.find((key) => key.kid === kid)
    if (known !== undefined) return known.publicKey
    if (performance.now() - this.lookedAt > UNKNOWN_LOOK_EVERY_MILLIS) await this.look()
    const found = this.keys.find((key) => key.kid === kid)
    if (found === undefined) throw new errors.JWKSNoMatchingKey()
    return found.publicKey
  }

  private async current(): Promise<ReadonlyArray<LoadedKey>> {
    const young = performance.now() - this.lookedAt < KEYS_LOOK_EVERY_MILLIS
    if (!young || this.keys.length === 0) await this.look()
    const newest = this.keys[0]?.createdAt ?? 0
    if (newest < Date.now() - KEY_ROTATED_AFTER_SECONDS * 1_000) {
      const { privateKey } = await generateKeyPair(ALGORITHM, { crv: "Ed25519", extractable: true })
      const key = { kid: randomUUID(), jwk: await exportJWK(privateKey) }
      await this.ask("edge.token.key", (db) => keepSigningKey(db, key, KEY_ROTATED_AFTER_SECONDS))
      await this.look()
    }
    return this.keys
  }

  private async look(): Promise<void> {
    const found = await this.ask("edge.token.keys", (db) => signingKeys(db, KEY_KEPT_SECONDS))
    this.keys = await Promise.all(found.map(loaded))
    this.lookedAt = performance.now()
  }
}
