import { Effect, Schema } from "effect"
import { Callers } from "../access/callers.ts"
import { isForeign } from "../access/ours.ts"
import { forgottenCookie, sessionOf } from "../access/sessions.ts"
import { led, nextOf, signInPage } from "../access/signInPage.ts"
import { audit, newActionId } from "../operate.ts"
import { problem } from "../problem.ts"
import { read } from "../reading.ts"
import { endSession } from "../../store/sessions.ts"
import type { Asked, Route } from "../route.ts"
import { text } from "../shape.ts"

const FORM_BYTES_MAX = 4 * 1024
const FORM = { contentType: "application/x-www-form-urlencoded", bytesMax: FORM_BYTES_MAX }

/** A key, once, in exchange for a session. */
const signIn = Effect.fnUntraced(function* (asked: Asked) {
  if (isForeign(asked.header)) {
    return yield* problem("not_allowed", "a page of another site may not sign anybody in")
  }
  const form = new URLSearchParams(asked.text)
  const { keys, sessions } = yield* Callers
  const next = nextOf(form.get("next"))
  const key = yield* Effect.catchIf(
    keys.authenticate(`Bearer ${form.get("key")?.trim()}`),
    ({ status }) => status === 401,
    () => Effect.succeed(undefined)
  )
  if (key === undefined) return signInPage({ status: 401, next, wrong: true, asked })
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
      Effect.succeed(
        signInPage({ status: 200, next: nextOf(asked.query["next"]), wrong: false, asked })
      )
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
      303: { about: "Signed in, with a cookie" },
      401: text("The page again: no such key", "text/html")
    },
    problems: ["not_allowed"],
    handle: signIn
  },
  {
    method: "POST",
    path: "/sign-out",
    summary: "End a session",
    operationId: "endSession",
    tag: "Access",
    audience: "public",
    answers: { 303: { about: "Signed out" } },
    problems: ["not_allowed", "not_authenticated"],
    handle: signOut
  }
]
