import type { ParkedKey } from "./draft.ts"
import type { Letter } from "./letter.ts"
import type { Addressing } from "./outbox.ts"
import type { AnyKeyed } from "./registry.ts"

/** What the fold reads of its partition. */
export interface FoldContext {
  readonly actor: AnyKeyed
  readonly addressing: Addressing
  readonly partition: number
  /** Committed states of every key the batch names. */
  readonly committed: (id: string) => unknown
  /** Keys set aside before this turn. */
  readonly parked: ReadonlyMap<string, ParkedKey>
  readonly config: { readonly version: number; readonly value: unknown }
  /** Typed failures found while loading, with the directive for each. */
  readonly failures: ReadonlyMap<Letter, { readonly tag: string; readonly cause: string }>
  /** Letters whose data PostgreSQL refused: treated as defects. */
  readonly defects: ReadonlyMap<Letter, string>
}
