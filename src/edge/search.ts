import { Effect, Schema } from "effect"
import type { PaymentAbout } from "../../actors/payments/search.ts"
import { CustomerId } from "../domain/identifiers.ts"
import { AMOUNT_MAX } from "../domain/money.ts"
import { isMetadataKey, Reference, Text } from "../domain/text.ts"
import { momentQuery, periodOf } from "./moment.ts"
import { problem } from "./problem.ts"
import type { Asked } from "./route.ts"

const METADATA = "metadata."
/** How a route declares that it is asked by metadata: `metadata.k=v`, for as many `k` as one likes. */
const METADATA_QUERY = "metadata.{key}"

const MinorUnits = Schema.String.check(
  Schema.makeFilter(
    (text: string) =>
      (/^(0|[1-9]\d{0,15})$/.test(text) && BigInt(text) <= AMOUNT_MAX) ||
      `must be minor units from 0 to ${AMOUNT_MAX}`,
    { toJsonSchema: () => ({ pattern: "^(0|[1-9][0-9]{0,15})$" }) }
  )
)

/** What payments, and what belongs to them, are searched by. */
export const aboutQuery = {
  reference: { schema: Reference, about: "Only with this reference." },
  customer: { schema: CustomerId, about: "Only of this customer's `id`." },
  [METADATA_QUERY]: {
    schema: Text(500),
    about: "Only with this value under this key of the metadata; several keys must all fit."
  }
}

export const periodQuery = {
  from: momentQuery("Not before this moment."),
  to: momentQuery("Before this moment.")
}

export const amountQuery = {
  min_amount: { schema: MinorUnits, about: "Not less than these minor units." },
  max_amount: { schema: MinorUnits, about: "Not more than these minor units." }
}

/** The parameter under which a route declares a name; undefined where no payment could have such metadata. */
export const declaredName = (name: string): string | undefined =>
  !name.startsWith(METADATA)
    ? name
    : isMetadataKey(name.slice(METADATA.length))
    ? METADATA_QUERY
    : undefined

export const aboutOf = ({ query }: Asked): PaymentAbout => {
  const { customer, reference } = query
  const metadata = Object.entries(query).filter(([name]) => name.startsWith(METADATA))
    .map(([name, value]) => [name.slice(METADATA.length), value] as const)
  return {
    ...(reference !== undefined && { reference }),
    ...(customer !== undefined && { customer }),
    ...(metadata.length > 0 && { metadata: Object.fromEntries(metadata) })
  }
}

export const paymentQuestionOf = Effect.fnUntraced(function* (asked: Asked) {
  const { max_amount, min_amount } = asked.query
  if (Number(max_amount ?? AMOUNT_MAX) < Number(min_amount ?? 0)) {
    const detail = "must not be less than min_amount"
    return yield* problem("invalid", `max_amount ${detail}`, {
      errors: [{ pointer: "/max_amount", detail }]
    })
  }
  return {
    ...aboutOf(asked),
    ...yield* periodOf(asked),
    ...(min_amount !== undefined && { amountMin: Number(min_amount) }),
    ...(max_amount !== undefined && { amountMax: Number(max_amount) })
  }
})
