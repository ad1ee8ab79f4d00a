import type Stripe from "stripe"
import { GatewayUnclear } from "./port.ts"

/** Our clock and Stripe's may differ by so much. */
const SKEW_SECONDS = 300
/** Read in each of the two looks. */
const LISTED_MAX = 1_000
const PAGE_MAX = 100

interface Looked {
  readonly created: { readonly gte: number; readonly lte?: number }
  readonly limit: number
}

/**
 * Finds one of what was made since an attempt was first sent. It was most likely made at once, so the
 * minutes after that are read first, and what came later only where it is not among them: a call may
 * have waited for long. Where more was made than is read, nobody can say that it is not there.
 */
export const listedSince = async <A extends { readonly id: string }>(
  firstSentAt: number | undefined,
  list: (params: Looked | { readonly limit: number }) => Stripe.ApiListPromise<A>,
  is: (one: A) => boolean
): Promise<A | undefined> => {
  const looks = looksFrom(firstSentAt)
  let whole = true
  for (const params of looks) {
    const all = await list(params).autoPagingToArray({ limit: LISTED_MAX })
    const found = all.find(is)
    if (found !== undefined) return found
    whole &&= all.length < LISTED_MAX
  }
  if (whole) return undefined
  const detail = `not among the first ${LISTED_MAX} that were looked at, and there may be more`
  throw new GatewayUnclear({ detail })
}

const looksFrom = (firstSentAt: number | undefined) => {
  if (firstSentAt === undefined) return [{ limit: PAGE_MAX }]
  const sent = Math.floor(firstSentAt / 1_000)
  return [
    { created: { gte: sent - SKEW_SECONDS, lte: sent + SKEW_SECONDS }, limit: PAGE_MAX },
    { created: { gte: sent + SKEW_SECONDS + 1 }, limit: PAGE_MAX }
  ]
}
