import { Result } from "effect"
import type { Refusal } from "../../src/runtime/actor.ts"
import type { Decision } from "../../streams/emissions.ts"
import type { RefusalCode, State } from "./state.ts"
import type { Row } from "./payment/step.ts"

/** What any decision of this family is. */
export type Decided = Result.Result<Decision<"payments", State, Row>, Refusal<RefusalCode>>

export const NOTHING: Decided = Result.succeed({})

export const refuse = (
  code: RefusalCode,
  detail: string,
  about?: string,
  pointer?: string
): Decided =>
  Result.fail({
    code,
    detail,
    ...(about !== undefined && { about }),
    ...(pointer !== undefined && { pointer })
  })
