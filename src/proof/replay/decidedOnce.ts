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
  actors: ReadonlyArray<AnyKeyed>,
  addressing: Addressing,
  letters: ReadonlyArray<Letter>
): Draft => {
  const members = new Map(actors.map((actor) => [actor.family, {
    actor,
    open: opener(actor, addressing.partitions),
    committed: () => undefined,
    known: () => true,
    config: { version: 0, value: actor.config.initial }
  }]))
  const draft = emptyDraft(0, "")
  fold(
    {
      members,
      addressing,
      partition: addressing.partition,
      parked: new Map(),
      failures: new Map(),
      defects: new Map()
    },
    letters.map((letter): Opened => {
      const opened = members.get(letter.family)!.open(letter)
      return opened._tag === "Woken" ? { ...opened, max: WOKEN_MAX } : opened
    }),
    draft
  )
  return draft
}
