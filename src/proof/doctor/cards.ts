import { Effect } from "effect"
import { heldCards, ROWS_LOOKED_AT_MAX } from "../../store/heldCards.ts"
import type { Finding } from "./diagnosis.ts"
import type { Patient } from "./patient.ts"

/** Looks for card numbers where they would be shown, by the rule that refuses them at the door. */
export const examineCards = Effect.fnUntraced(function* (
  { db }: Pick<Patient, "db">
): Effect.fn.Return<Finding> {
  const places = yield* Effect.promise(() => heldCards(db))
  return {
    area: "postgresql",
    check: "card numbers",
    verdict: places.length > 0 ? "bad" : "good",
    found: places.length > 0
      ? `they stand in ${places.join(", ")}`
      : `none in ${ROWS_LOOKED_AT_MAX} rows of each table`,
    ...(places.length > 0 && {
      advice: "tell who wrote them, and strike them out: they came before they were refused here"
    }),
    undermines: ["G17"]
  }
})
