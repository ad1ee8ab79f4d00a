import { allScopes, merchantScopes, type Scope } from "./scope.ts"

interface RoleOf {
  /** Whose people have it: the platform's, or one merchant's. */
  readonly side: "platform" | "merchant"
  readonly about: string
  readonly scopes: ReadonlyArray<Scope>
}

const looks: ReadonlyArray<Scope> = [
  "payments:read",
  "ledger:read",
  "events:read",
  "reports:read",
  "operations:read",
  "metrics:read"
]

/** What people are, as sets of scopes. Who has a role has what it says today, not when it was given. */
export const roles = {
  viewer: { side: "platform", about: "Looks, and changes nothing", scopes: looks },
  support: {
    side: "platform",
    about: "Helps merchants and payers",
    scopes: [...looks, "refunds:write", "webhooks:manage", "personal_data:read"]
  },
  finance: {
    side: "platform",
    about: "Settles, pays out, reconciles",
    scopes: [
      ...looks,
      "refunds:write",
      "payouts:write",
      "transfers:write",
      "finance:read",
      "finance:write",
      "audit:read"
    ]
  },
  risk: {
    side: "platform",
    about: "Decides what is held for review",
    scopes: [...looks, "reviews:decide", "personal_data:read"]
  },
  operator: {
    side: "platform",
    about: "Keeps the machine going",
    scopes: [
      ...looks,
      "webhooks:manage",
      "operations:write",
      "dead_letters:settle",
      "personal_data:read",
      "audit:read"
    ]
  },
  security: {
    side: "platform",
    about: "Says who may come in, and reads what was done",
    scopes: ["operations:read", "metrics:read", "access:manage", "audit:read"]
  },
  admin: { side: "platform", about: "May do everything", scopes: allScopes },
  owner: {
    side: "merchant",
    about: "A merchant's administrator",
    scopes: [
      ...merchantScopes,
      "personal_data:read",
      "personal_data:erase",
      "access:manage",
      "audit:read"
    ]
  },
  developer: {
    side: "merchant",
    about: "Builds against the API",
    scopes: [
      "payments:read",
      "payments:write",
      "refunds:write",
      "ledger:read",
      "webhooks:manage",
      "events:read"
    ]
  },
  analyst: {
    side: "merchant",
    about: "Reads a merchant's figures",
    scopes: ["payments:read", "ledger:read", "events:read", "reports:read"]
  }
} as const satisfies Readonly<Record<string, RoleOf>>

export type Role = keyof typeof roles

export const isRole = (word: string): word is Role => Object.hasOwn(roles, word)

/** What one has who has these scopes and perhaps a role. What this version does not know is nothing. */
export const granted = (
  words: ReadonlyArray<string>,
  role: string | null
): ReadonlySet<string> =>
  new Set([...words, ...(role !== null && isRole(role) ? roles[role].scopes : [])])
