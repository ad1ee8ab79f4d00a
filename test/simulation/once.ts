import { sourceOf } from "../../streams/mailboxes.ts"
import { type Draft, emptyDraft } from "../../src/runtime/draft.ts"
import { fold, type Opened } from "../../src/runtime/fold.ts"
import { opener } from "../../src/runtime/opener.ts"
import { type Letter, lettersOf } from "../../src/runtime/letter.ts"
import type { AnyKeyed } from "../../src/runtime/registry.ts"
import { headerOf } from "./model/message.ts"
import type { Stored } from "./model/stream.ts"
import { MESSAGE_BYTES_MAX, streamOf, type World } from "./world.ts"

/** More than ever wait behind one key here. */
const WOKEN_MAX = 10_000

/** What a partition's mailbox comes to, decided in one go and in memory: what everybody should come to. */
export const decidedOnce = (world: World, actor: AnyKeyed, partition: number): Draft => {
  const { family } = actor
  const { house } = world
  const letters = world.broker.stream(streamOf(family)).all(`${family}.${partition}.>`)
    .flatMap((stored): ReadonlyArray<Letter> => lettersOf(asDelivery(stored)))
  const open = opener(actor, house.partitions)
  const draft = emptyDraft(0, "")
  fold(
    {
      actor,
      partition,
      addressing: {
        family,
        partition,
        source: sourceOf(family, partition),
        streamOf,
        partitions: house.partitions,
        routesOf: house.routesOf,
        messageBytesMax: MESSAGE_BYTES_MAX
      },
      committed: () => undefined,
      parked: new Map(),
      config: { version: 0, value: actor.config.initial },
      failures: new Map(),
      defects: new Map()
    },
    letters.map((letter): Opened => {
      const opened = open(letter)
      return "behind" in opened ? { ...opened, max: WOKEN_MAX } : opened
    }),
    draft
  )
  return draft
}

const asDelivery = ({ atMillis, data, headers, seq, subject }: Stored) => ({
  subject,
  seq,
  atMillis,
  data,
  header: (name: string) => headerOf(headers, name),
  headers: () => Object.fromEntries(headers)
})
