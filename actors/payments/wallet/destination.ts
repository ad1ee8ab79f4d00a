import type { Books } from "./books.ts"
import type { Payout } from "./payout.ts"

/** What says that nothing more can be paid to an account: Stripe's failure codes, ISO 20022 reasons. */
const UNUSABLE: ReadonlySet<string> = new Set([
  ...["account_closed", "account_frozen", "bank_account_restricted", "bank_ownership_changed"],
  ...["incorrect_account_holder_name", "incorrect_account_holder_tax_id", "incorrect_account_type"],
  ...["invalid_account_number", "no_account"],
  ...["AC01", "AC03", "AC04", "AC06", "AC07", "BE01", "MD07"]
])

/**
 * An account that is closed is not paid again by itself: until the merchant names another one, or this one
 * once more, there is none.
 */
export const forgetUnusable = (books: Books, { destination }: Payout, code: string): Books => {
  if (!UNUSABLE.has(code) || books.balance.destination !== destination) return books
  const { destination: _, ...balance } = books.balance
  return { ...books, balance }
}
