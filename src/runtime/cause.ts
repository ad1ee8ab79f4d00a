import type { Letter } from "./letter.ts"

/** What one letter of the mailbox sets off is numbered through: emissions and letters within the turn. */
export interface Cause {
  readonly letter: Letter
  /** Letters of one bundle share it. */
  readonly counter: { ordinal: number }
  steps: number
}
