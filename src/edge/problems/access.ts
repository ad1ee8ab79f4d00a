import type { ProblemKind } from "./kind.ts"

/** Who may come in, and do what: told before anything else is looked at. */
export const accessProblems = {
  insufficient_scope: {
    status: 403,
    means: "The key is right, but lacks the scope that `scope` names.",
    mends: "Use a key that has it, or have one made (`lastro access create --scopes …`)."
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
