import { decidedOnce } from "../../src/proof/replay/decidedOnce.ts"
import type { Draft } from "../../src/runtime/draft.ts"
import { type Letter, lettersOf } from "../../src/runtime/letter.ts"
import type { AnyKeyed } from "../../src/runtime/registry.ts"
import { sourceOf } from "../../streams/mailboxes.ts"
import { headerOf } from "./model/message.ts"
import type { Stored } from "./model/stream.ts"
import { MESSAGE_BYTES_MAX, streamOf, type World } from "./world.ts"

/** What a partition's mailbox in this world comes to, decided in one go. */
export const onceDecided = (world: World, actor: AnyKeyed, partition: number): Draft => {
  const { family } = actor
  const { house } = world
  const letters = world.broker.stream(streamOf(family)).all(`${family}.${partition}.>`)
    .flatMap((stored): ReadonlyArray<Letter> => lettersOf(asDelivery(stored)))
  const addressing = {
    family,
    partition,
    source: sourceOf(family, partition),
    streamOf,
    partitions: house.partitions,
    routesOf: house.routesOf,
    messageBytesMax: MESSAGE_BYTES_MAX
  }
  return decidedOnce(actor, addressing, letters)
}

const asDelivery = ({ atMillis, data, headers, seq, subject }: Stored) => ({
  subject,
  seq,
  atMillis,
  data,
  header: (name: string) => headerOf(headers, name),
  headers: () => Object.fromEntries(headers)
})
