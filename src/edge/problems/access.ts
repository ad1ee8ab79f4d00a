import type { ProblemKind } from "./kind.ts"

/** Who may come in, and do what: told before anything else is looked at. */
export const accessProblems = {
  insufficient_scope: {
    status: 403,
    means: "The key is right, but lacks the scope that `scope` names.",
    mends: "Use a key that has it, or have one made (`lastro access create --scopes …`)."
  },
  token_refused: {
    status: 401,
    means: "The access token is expired, revoked, or not one of ours; `detail` says which.",
    mends: "Get another one at `/oauth/token`, with the client's proof or the refresh token."
  },
  sign_in_refused: {
    status: 403,
    means:
      "The company's provider did not vouch for this person, or gives no role here; `detail` says it.",
    mends: "Begin again at `/sign-in`; who runs the provider gives roles."
  },
  consent_refused: {
    status: 400,
    means:
      "The program that asks for a merchant's consent is not known, or asks in a way it may not.",
    mends: "Its maker compares the request with what was registered; `detail` says what is wrong."
  },
  csrf_token_wrong: {
    status: 403,
    means: "A browser's session asks for a change without the token that our own pages carry.",
    mends:
      'Send what the page has in `<meta name="csrf">` as `X-CSRF-Token`; with a key none is needed.'
  },
  key_not_found: {
    status: 404,
    means: "There is no such key that this caller may see, or it was revoked.",
    mends: "Look for it in the list.",
    request: "GET /v1/access/keys"
  },
  address_not_allowed: {
    status: 403,
    means: "The key is bound to addresses, and the request comes from another one.",
    mends: "Ask from there, or have a key made for this address (`lastro access create --from …`)."
  }
} as const satisfies Readonly<Record<string, ProblemKind>>
