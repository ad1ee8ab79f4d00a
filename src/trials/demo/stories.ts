/** Over which way a payment's commands come in. */
export type Way = "http" | "nats"
export const ways: ReadonlyArray<Way> = ["http", "nats"]

/** What a payer, a shop and a reviewer do about one payment, beside making it. */
interface After {
  /** The create is sent a second time under its own name: a double click, or a retry much later. */
  readonly twice?: "at_once" | "later"
  /** A capture right behind the create, which must be refused: nothing is authorized yet. */
  readonly hasty?: boolean
  /** Thousandths of the authorized amount, one capture each; `rest` names no amount. */
  readonly captures?: ReadonlyArray<number | "rest">
  /** What is still authorized after the captures is given back. */
  readonly voids?: boolean
  /** Thousandths of the captured amount. */
  readonly refunds?: ReadonlyArray<number>
  /** Both refunds are under way at the same time. */
  readonly together?: boolean
  /** Thousandths of the amount, authorized on top before anything is captured. */
  readonly increase?: number
  /** Nobody captures it: the authorization runs out. */
  readonly expires?: boolean
  /** How the payer's bank takes a part back, in thousandths of what was captured, and how that ends. */
  readonly dispute?: { readonly part: number; readonly ends: "won" | "lost" | "accepted" }
  readonly action?: "approve" | "reject"
  readonly review?: "approve" | "reject"
}

export interface Story extends After {
  readonly name: string
  /** How often, relative to the others. */
  readonly weight: number
  readonly token: string
  /** A first payment above the limit of the review rule. */
  readonly large?: boolean
  readonly fromDeniedAddress?: boolean
  readonly ways?: ReadonlyArray<Way>
}

const approved = { token: "tok_approved" }

/** Every simulator token and every command is in here, so that each run holds all of them both ways. */
export const stories: ReadonlyArray<Story> = [
  { ...approved, name: "paid", weight: 46 },
  { ...approved, name: "double click", weight: 2, twice: "at_once" },
  { ...approved, name: "sent again later", weight: 2, twice: "later" },
  { ...approved, name: "captured too early", weight: 1, hasty: true, ways: ["nats"] },
  { ...approved, name: "refunded", weight: 3, refunds: [1_000] },
  { ...approved, name: "refunded in part", weight: 4, refunds: [350] },
  { ...approved, name: "two refunds at once", weight: 3, refunds: [300, 450], together: true },
  { ...approved, name: "captured later", weight: 3, captures: ["rest"] },
  { ...approved, name: "captured in parts", weight: 3, captures: [600, "rest"] },
  { ...approved, name: "captured in part", weight: 1, captures: [700] },
  { ...approved, name: "rest voided", weight: 3, captures: [550], voids: true },
  {
    ...approved,
    name: "rest voided, then refunded",
    weight: 2,
    captures: [500, 200],
    voids: true,
    refunds: [400]
  },
  { ...approved, name: "voided", weight: 3, captures: [], voids: true },
  { ...approved, name: "increased", weight: 1, increase: 200, captures: ["rest"] },
  {
    name: "authorization runs out",
    weight: 0.5,
    token: "tok_approved_short",
    captures: [],
    expires: true
  },
  { ...approved, name: "disputed, won", weight: 1, dispute: { part: 1_000, ends: "won" } },
  {
    ...approved,
    name: "refunded in part, disputed, lost",
    weight: 1,
    refunds: [300],
    dispute: { part: 800, ends: "lost" }
  },
  {
    ...approved,
    name: "disputed, accepted",
    weight: 0.5,
    dispute: { part: 500, ends: "accepted" }
  },
  { name: "declined", weight: 4, token: "tok_declined_hard" },
  { name: "no funds", weight: 3, token: "tok_declined_soft" },
  { name: "gateway error", weight: 1, token: "tok_error" },
  { name: "slow", weight: 1, token: "tok_slow" },
  { name: "answered twice", weight: 2, token: "tok_duplicate_answer" },
  { name: "confirmed by payer", weight: 1.5, token: "tok_requires_action", action: "approve" },
  { name: "refused by payer", weight: 0.5, token: "tok_requires_action", action: "reject" },
  { name: "timed out, approved", weight: 0.6, token: "tok_timeout_approved" },
  { name: "timed out, declined", weight: 0.4, token: "tok_timeout_declined" },
  { name: "timed out, lost", weight: 0.4, token: "tok_timeout_lost" },
  { ...approved, name: "large, let through", weight: 0.8, large: true, review: "approve" },
  { ...approved, name: "large, turned down", weight: 0.4, large: true, review: "reject" },
  { ...approved, name: "denied address", weight: 0.8, fromDeniedAddress: true }
]

/** Tokens whose outcome is slow by construction: they say nothing about how fast we are. */
export const isPrompt = (token: string): boolean =>
  token !== "tok_slow" && !token.startsWith("tok_timeout")
