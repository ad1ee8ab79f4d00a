import { Schema } from "effect"

/** The partition belongs to somebody else now. */
export class PartitionFenced extends Schema.TaggedError<PartitionFenced>()("PartitionFenced", {
  detail: Schema.String
}) {
  override get message() {
    return this.detail
  }
}

/** Points between which a process may die; tests end the process there. */
export const CRASH_POINTS = [
  "before-commit",
  "after-commit",
  "before-append",
  "after-append"
] as const
export type CrashPoint = typeof CRASH_POINTS[number]

export interface TurnPlace {
  readonly mailbox: string
  readonly partition: number
  readonly epoch: { readonly bucketMillis: number; readonly revision: number }
  readonly source: string
  readonly crash: (point: CrashPoint) => void
  /** Messages of one bundle for a target. */
  readonly bundleMaxOf: (target: string) => number
}
