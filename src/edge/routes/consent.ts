import { Effect, Schema } from "effect"
import { isScope, type Scope, scopes } from "../../domain/scope.ts"
import { findClient, type OauthClient } from "../../store/oauthClients.ts"
import { keepConsent } from "../../store/oauthGrants.ts"
import { FORM } from "../access/oauthForm.ts"
import { formPage, languageOf, led } from "../access/signInPage.ts"
import { Tokens } from "../access/tokens.ts"
import { escape } from "../docs/html.ts"
import { audit, newActionId } from "../operate.ts"
import { problem } from "../problem.ts"
import { read } from "../reading.ts"
import { text as shape } from "../shape.ts"
import type { Asked, Route } from "../route.ts"

/** A partner's program exchanges the code at once. */
const CODE_SECONDS = 60
const CHALLENGE = /^[A-Za-z0-9_-]{43}$/

const PARAMETERS = {
  response_type: "`code`",
  client_id: "The partner's program",
  redirect_uri: "Where its people are sent back to, as it was registered",
  scope: "What it asks for, words with spaces between",
  state: "Sent back as it came",
  code_challenge: "PKCE (RFC 7636)",
  code_challenge_method: "`S256`"
} as const
type Parameters = Readonly<Partial<Record<keyof typeof PARAMETERS, string>>>

const WORDS = {
  en: {
    title: "Consent",
    asks: (name: string, merchant: string) => `${name} asks to act for ${merchant}:`,
    allow: "Allow",
    deny: "Do not allow"
  },
  pt: {
    title: "Consentimento",
    asks: (name: string, merchant: string) => `${name} pede para agir por ${merchant}:`,
    allow: "Permitir",
    deny: "Não permitir"
  }
} as const

/** A request for consent that may be shown: its program and the address it goes back to are known. */
interface Wish {
  readonly client: OauthClient
  readonly redirectUri: string
  readonly scopes: ReadonlyArray<Scope>
  readonly challenge: string
  readonly state: string | undefined
}

const wishOf = Effect.fnUntraced(function* ({ caller }: Asked, given: Parameters) {
  const refused = (detail: string) => problem("consent_refused", detail)
  if (caller.merchant === "" || caller.csrf === undefined) {
    return yield* refused("a merchant's own administrator consents, signed in with a browser")
  }
  const id = given.client_id ?? ""
  const client = yield* read("edge.oauth.client", (db) => findClient(db, id))
  if (client === undefined) return yield* refused("there is no such program")
  const redirectUri = given.redirect_uri ?? ""
  if (!client.redirect_uris.includes(redirectUri)) {
    return yield* refused("this is not an address that the program registered")
  }
  if (given.response_type !== "code") return yield* refused("response_type is code")
  if (given.code_challenge_method !== "S256" || !CHALLENGE.test(given.code_challenge ?? "")) {
    return yield* refused("PKCE is needed, by S256")
  }
  const words = given.scope?.split(" ").filter((word) => word !== "") ?? client.scopes
  const beyond = words.find((word) =>
    !isScope(word) || !client.scopes.includes(word) || !caller.granted.has(word)
  )
  if (beyond !== undefined) {
    return yield* refused(`the program has not got ${beyond}, or whoever consents has not`)
  }
  return {
    client,
    redirectUri,
    scopes: words as ReadonlyArray<Scope>,
    challenge: given.code_challenge!,
    state: given.state
  } satisfies Wish
})

const show = Effect.fnUntraced(function* (asked: Asked) {
  const given = asked.query as Parameters
  const wish = yield* wishOf(asked, given)
  const language = languageOf(asked)
  const words = WORDS[language]
  const hidden = { ...given, csrf: asked.caller.csrf! }
  return formPage({
    status: 200,
    language: language === "pt" ? "pt-BR" : "en",
    title: words.title,
    sentTo: new URL(wish.redirectUri).origin,
    body: `<p>${escape(words.asks(wish.client.name, asked.caller.merchant))}</p><ul>${
      wish.scopes.map((scope) => `<li>${escape(scopes[scope])} (<code>${scope}</code>)</li>`).join(
        ""
      )
    }</ul><form method="post" action="/oauth/authorize">${
      Object.entries(hidden).map(([name, value]) =>
        `<input type="hidden" name="${name}" value="${escape(String(value))}">`
      ).join("")
    }<button name="decision" value="allow">${words.allow}</button>
<button name="decision" value="deny">${words.deny}</button></form>`
  })
})

const backTo = (
  { redirectUri, state }: Wish,
  issuer: string,
  answer: Readonly<Record<string, string>>
) => {
  const url = new URL(redirectUri)
  const told = { ...answer, iss: issuer, ...(state !== undefined && { state }) }
  for (const [name, value] of Object.entries(told)) url.searchParams.set(name, value)
  return led(url.href)
}

const decide = Effect.fnUntraced(function* (asked: Asked) {
  const form = new URLSearchParams(asked.text)
  const given = Object.fromEntries(
    Object.keys(PARAMETERS).flatMap((name) => form.has(name) ? [[name, form.get(name)!]] : [])
  ) as Parameters
  const wish = yield* wishOf(asked, given)
  const { issuer } = yield* Tokens
  if (form.get("decision") !== "allow") {
    return backTo(wish, issuer(), { error: "access_denied" })
  }
  const { client, challenge, redirectUri } = wish
  const { merchant, name } = asked.caller
  yield* audit({
    id: newActionId(),
    who: name,
    action: "consent",
    family: "edge",
    merchant,
    why: `${client.name} (${client.client_id}) asked for ${wish.scopes.join(" ")}`,
    outcome: "allowed"
  })
  const code = yield* read("edge.oauth.consent", (db) =>
    keepConsent(db, {
      client_id: client.client_id,
      merchant,
      name: `${client.name} for ${name}`,
      scopes: wish.scopes,
      redirectUri,
      challenge
    }, CODE_SECONDS))
  return backTo(wish, issuer(), { code })
})

const shared = { path: "/oauth/authorize", audience: "merchant", scope: "access:manage" } as const

export const consentRoutes: ReadonlyArray<Route> = [
  {
    method: "GET",
    ...shared,
    summary: "The page at which a merchant's administrator lets a partner's program act",
    page: true,
    query: Object.fromEntries(
      Object.entries(PARAMETERS).map(([name, about]) => [name, { schema: Schema.String, about }])
    ),
    operationId: "showConsent",
    tag: "Access",
    answers: {
      200: shape("The page", "text/html"),
      303: { about: "To the sign-in page" }
    },
    problems: ["consent_refused"],
    handle: show
  },
  {
    method: "POST",
    ...shared,
    summary: "Consent, or do not",
    text: FORM,
    operationId: "giveConsent",
    tag: "Access",
    answers: {
      200: shape("The partner's page that it leads to, for who follows", "text/html"),
      303: { about: "Back to the partner, with a code or `error`" }
    },
    problems: ["consent_refused"],
    handle: decide
  }
]
