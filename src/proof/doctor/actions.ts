import { Effect } from "effect"
import { verifierKeys } from "../../ledger/receipt.ts"
import { examineChain } from "../audit/actions.ts"
import type { Finding } from "./diagnosis.ts"
import type { Patient } from "./patient.ts"

const SHOWN_MAX = 3

/** Whether what people did is still told as it was written down. */
export const examineActions = Effect.fnUntraced(function* (
  { db }: Pick<Patient, "db">
): Effect.fn.Return<Finding> {
  const { entries, problems } = yield* Effect.promise(async () =>
    examineChain(db, await verifierKeys(db))
  )
  const broken = problems.length > 0
  return {
    area: "postgresql",
    check: "audit log",
    verdict: broken ? "bad" : "good",
    found: broken ? problems.slice(0, SHOWN_MAX).join("; ") : `${entries} entries, all as signed`,
    ...(broken && {
      advice: "somebody changed it in PostgreSQL: compare with an export kept elsewhere"
    }),
    undermines: []
  }
})
