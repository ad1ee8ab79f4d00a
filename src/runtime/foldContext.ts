import type { ParkedKey } from "./draft.ts"
import type { Letter } from "./letter.ts"
import type { Addressing } from "./outbox.ts"
import type { AnyKeyed } from "./registry.ts"

/** A family of the mailbox, as the fold needs it. */
interface FoldMember {
  readonly actor: AnyKeyed
  readonly config: { readonly version: number; readonly value: unknown }
  /** Committed states by `merchant/key`, of every key the batch names. */
  readonly committed: (id: string) => unknown
}

/** What the fold reads of its partition. */
export interface FoldContext {
  readonly members: ReadonlyMap<string, FoldMember>
  readonly addressing: Addressing
  readonly partition: number
  /** Keys set aside before this turn. */
  readonly parked: ReadonlyMap<string, ParkedKey>
  /** Typed failures found while loading, with the directive for each. */
  readonly failures: ReadonlyMap<Letter, { readonly tag: string; readonly cause: string }>
  /** Letters whose data PostgreSQL refused: treated as defects. */
  readonly defects: ReadonlyMap<Letter, string>
}
