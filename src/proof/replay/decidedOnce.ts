import { type Draft, emptyDraft } from "../../runtime/draft.ts"
import { fold } from "../../runtime/fold.ts"
import type { Letter } from "../../runtime/letter.ts"
import type { Opened } from "../../runtime/opened.ts"
import { opener } from "../../runtime/opener.ts"
import type { Addressing } from "../../runtime/outbox.ts"
import type { AnyKeyed } from "../../runtime/registry.ts"

/** More than ever wait behind one key where everything is decided in one go. */
const WOKEN_MAX = 10_000

/** What a partition's mailbox comes to, decided in one go and in memory: what everybody should come to. */
export const decidedOnce = (
  actor: AnyKeyed,
  addressing: Addressing,
  letters: ReadonlyArray<Letter>
): Draft => {
  const open = opener(actor, addressing.partitions)
  const draft = emptyDraft(0, "")
  fold(
    {
      actor,
      addressing,
      partition: addressing.partition,
      committed: () => undefined,
      parked: new Map(),
      config: { version: 0, value: actor.config.initial },
      failures: new Map(),
      defects: new Map()
    },
    letters.map((letter): Opened => {
      const opened = open(letter)
      return opened._tag === "Woken" ? { ...opened, max: WOKEN_MAX } : opened
    }),
    draft
  )
  return draft
}
