import type { ParkedKey } from "./draft.ts"
import type { Letter } from "./letter.ts"
import type { Opened } from "./opened.ts"
import type { Addressing } from "./outbox.ts"
import type { AnyKeyed } from "./registry.ts"

/** A family of the mailbox, as the fold needs it. */
interface FoldMember {
  readonly actor: AnyKeyed
  readonly config: { readonly version: number; readonly value: unknown }
  readonly open: (letter: Letter) => Opened
  /** Whether a key was loaded, by `merchant/key`, and the committed state that it has. */
  readonly known: (id: string) => boolean
  readonly committed: (id: string) => unknown
}

/** What the fold reads of its partition. */
export interface FoldContext {
  readonly members: ReadonlyMap<string, FoldMember>
  readonly addressing: Addressing
  readonly partition: number
  /** Keys set aside before this turn. */
  readonly parked: ReadonlyMap<string, ParkedKey>
  /** Keys that failed to load. */
  readonly failures: ReadonlyMap<string, { readonly tag: string; readonly cause: string }>
  /** Letters, by their names, whose data PostgreSQL refused: treated as defects. */
  readonly defects: ReadonlyMap<string, string>
  /** Letters that are decided; all of them by default. */
  readonly stepsMax?: number
}
