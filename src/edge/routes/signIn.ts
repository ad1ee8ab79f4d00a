import { Effect, Schema } from "effect"
import { Company } from "../access/company.ts"
import { Tokens } from "../access/tokens.ts"
import { Callers } from "../access/callers.ts"
import { FORM } from "../access/oauthForm.ts"
import { isForeign } from "../access/ours.ts"
import { cookieOf, forgottenCookie, sessionOf } from "../access/sessions.ts"
import { backPage, led, nextOf, signInPage } from "../access/signInPage.ts"
import { audit, newActionId } from "../operate.ts"
import { problem } from "../problem.ts"
import { read } from "../reading.ts"
import { endSession } from "../../store/sessions.ts"
import type { Asked, Route } from "../route.ts"
import { text } from "../shape.ts"

const CALLBACK = "/sign-in/callback"
const LEAVING_COOKIE = "__Host-lastro-leaving"
/** Lax: it has to come along when the provider sends the browser back. */
const LEAVING_ATTRIBUTES = "Path=/; Secure; HttpOnly; SameSite=Lax"
const LEAVING_SECONDS = 600

/** What OpenID providers say as they send somebody back. */
const SAID = ["code", "state", "iss", "session_state", "scope", "error", "error_description"]

/** A key, once, in exchange for a session. */
const signIn = Effect.fnUntraced(function* (asked: Asked) {
  if (isForeign(asked.header)) {
    return yield* problem("not_allowed", "a page of another site may not sign anybody in")
  }
  if ((yield* Company) !== undefined) {
    return yield* problem("sign_in_refused", "people sign in through the company's provider here")
  }
  const form = new URLSearchParams(asked.text)
  const { keys, sessions } = yield* Callers
  const next = nextOf(form.get("next"))
  const key = yield* Effect.catchIf(
    keys.authenticate(`Bearer ${form.get("key")?.trim()}`),
    ({ status }) => status === 401,
    () => Effect.succeed(undefined)
  )
  if (key === undefined) {
    return signInPage({ status: 401, next, wrong: true, company: false, asked })
  }
  const { id, merchant, name } = key
  const cookie = yield* sessions.begin({ name, merchant, scopes: [], keyId: id })
  yield* audit({
    id: newActionId(),
    who: name,
    action: "sign_in",
    family: "edge",
    merchant: merchant === "" ? undefined : merchant,
    why: `with key ${id}`,
    outcome: "signed in"
  })
  return led(next, cookie)
})

/** Leaves for the company's provider. */
const leave = Effect.fnUntraced(function* ({ query }: Asked) {
  const company = yield* Company
  const { issuer } = yield* Tokens
  if (company === undefined) return led("/sign-in")
  const back = issuer() + CALLBACK
  const { location, pending } = yield* company.leave(nextOf(query["next"]), back)
  return led(
    location,
    `${LEAVING_COOKIE}=${pending}; ${LEAVING_ATTRIBUTES}; Max-Age=${LEAVING_SECONDS}`
  )
})

/** Comes back from there, with a session where the provider gives a role. */
const comeBack = Effect.fnUntraced(function* (asked: Asked) {
  const company = yield* Company
  if (company === undefined) return led("/sign-in")
  const { issuer } = yield* Tokens
  const back = issuer() + CALLBACK
  const address = new URL(back)
  for (const [name, value] of Object.entries(asked.query)) address.searchParams.set(name, value)
  const pending = cookieOf(asked.header("cookie"), LEAVING_COOKIE)
  const { next, session } = yield* company.comeBack(address, pending, back)
  const { sessions } = yield* Callers
  const cookie = yield* sessions.begin(session)
  yield* audit({
    id: newActionId(),
    who: session.name,
    action: "sign_in",
    family: "edge",
    merchant: session.merchant === "" ? undefined : session.merchant,
    why: "through the company's provider",
    outcome: "signed in"
  })
  return backPage(next, cookie)
})

const signOut = Effect.fnUntraced(function* ({ header }: Asked) {
  if (isForeign(header)) {
    return yield* problem("not_allowed", "a page of another site may not sign anybody out")
  }
  const { sessions } = yield* Callers
  const cookie = sessionOf(header("cookie"))
  if (cookie !== undefined) {
    const { id } = yield* sessions.authenticate(cookie, true)
    yield* read("edge.session.end", (db) => endSession(db, id))
  }
  return led("/sign-in", forgottenCookie)
})

/** Descriptions need an answer that succeeds; a browser sees no other. */
const FOLLOWED = text("The page that it leads to, for who follows", "text/html")

export const signInRoutes: ReadonlyArray<Route> = [
  {
    method: "GET",
    path: "/sign-in",
    summary: "The page at which people sign in",
    operationId: "showSignIn",
    tag: "Access",
    audience: "public",
    query: { next: { schema: Schema.String, about: "Where to go on: a path of this host." } },
    answers: { 200: text("The page", "text/html") },
    handle: (asked) =>
      Effect.map(Company, (company) =>
        signInPage({
          status: 200,
          next: nextOf(asked.query["next"]),
          wrong: false,
          company: company !== undefined,
          asked
        }))
  },
  {
    method: "GET",
    path: "/sign-in/company",
    summary: "Leave for the company's OpenID provider",
    audience: "public",
    query: { next: { schema: Schema.String, about: "Where to go on: a path of this host." } },
    operationId: "leaveForProvider",
    tag: "Access",
    answers: {
      200: FOLLOWED,
      303: { about: "To the provider, or to the sign-in page where there is none" }
    },
    problems: ["sign_in_refused"],
    handle: leave
  },
  {
    method: "GET",
    path: CALLBACK,
    summary: "Come back from the provider",
    audience: "public",
    query: Object.fromEntries(
      SAID.map((name) => [name, { schema: Schema.String, about: "As the provider says it" }])
    ),
    operationId: "returnFromProvider",
    tag: "Access",
    answers: {
      200: text("Signed in, with a cookie", "text/html"),
      303: { about: "To the sign-in page, where there is no provider" }
    },
    problems: ["sign_in_refused"],
    handle: comeBack
  },
  {
    method: "POST",
    path: "/sign-in",
    summary: "Exchange a key for a session",
    operationId: "beginSession",
    tag: "Access",
    audience: "public",
    text: FORM,
    answers: {
      200: FOLLOWED,
      303: { about: "Signed in, with a cookie" },
      401: text("The page again: no such key", "text/html")
    },
    problems: ["not_allowed", "sign_in_refused"],
    handle: signIn
  },
  {
    method: "POST",
    path: "/sign-out",
    summary: "End a session",
    operationId: "endSession",
    tag: "Access",
    audience: "public",
    answers: { 200: FOLLOWED, 303: { about: "Signed out" } },
    problems: ["not_allowed", "not_authenticated"],
    handle: signOut
  }
]
