/** What a caller may do, one word for each thing that somebody may want to give or to withhold. */
export const scopes = {
  "payments:read": "See payments, their traces and disputes",
  "payments:write": "Make, capture, increase and void payments; answer disputes",
  "refunds:write": "Refund payments",
  "payouts:write": "Pay out what is available",
  "transfers:write": "Move money between wallets and currencies",
  "ledger:read": "See balances, statements, journal entries, payouts and transfers",
  "webhooks:manage": "Register webhook endpoints and see what was sent to them",
  "events:read": "Read events, as a list or live",
  "reports:read": "See reports and what reconciliation found",
  "reviews:decide": "See payments held for a person, and decide them",
  "finance:read": "See what is the platform's own",
  "finance:write": "Hand in settlement files, tell of returns and disputes, reverse conversions",
  "operations:read": "See how the machine does",
  "operations:write": "Pause and resume families and keys",
  "dead_letters:settle": "Replay and discard dead letters",
  "personal_data:read": "See what may hold personal data, such as the content of dead letters",
  "personal_data:erase": "Have a customer's personal data erased",
  "access:manage": "Make, rotate and revoke keys",
  "audit:read": "See who did what, and export the journal",
  "metrics:read": "Read the metrics"
} as const

export type Scope = keyof typeof scopes

export const allScopes = Object.keys(scopes) as ReadonlyArray<Scope>

export const isScope = (word: string): word is Scope => Object.hasOwn(scopes, word)

/** What a merchant's key may do where nobody says otherwise. */
export const merchantScopes: ReadonlyArray<Scope> = [
  "payments:read",
  "payments:write",
  "refunds:write",
  "payouts:write",
  "transfers:write",
  "ledger:read",
  "webhooks:manage",
  "events:read",
  "reports:read"
]

/** What an operator's key may do where nobody says otherwise: all but decide who else may come in. */
export const operatorScopes: ReadonlyArray<Scope> = allScopes.filter((scope) =>
  scope !== "access:manage" && scope !== "personal_data:erase"
)
