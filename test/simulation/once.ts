import { decidedOnce } from "../../src/proof/replay/decidedOnce.ts"
import type { Draft } from "../../src/runtime/draft.ts"
import { type Letter, lettersOf } from "../../src/runtime/letter.ts"
import { partitionFilter } from "../../src/bus/ingress.ts"
import { sourceOf } from "../../streams/mailboxes.ts"
import { headerOf } from "./model/message.ts"
import type { Stored } from "./model/stream.ts"
import { MESSAGE_BYTES_MAX, type SimulatedMailbox, type World } from "./world.ts"

/** What a partition's mailbox in this world comes to, decided in one go. */
export const onceDecided = (
  world: World,
  { families, mailbox, stream }: SimulatedMailbox,
  partition: number
): Draft => {
  const { house } = world
  const letters = world.broker.stream(stream).all(partitionFilter(partition))
    .flatMap((stored): ReadonlyArray<Letter> => lettersOf(asDelivery(stored)))
  const addressing = {
    mailbox,
    partition,
    source: sourceOf(mailbox, partition),
    streamOf: world.streamOf,
    isLocal: world.isLocal,
    partitions: house.partitions,
    routesOf: house.routesOf,
    messageBytesMax: MESSAGE_BYTES_MAX
  }
  return decidedOnce(
    house.keyed.filter(({ family }) => families.includes(family)),
    addressing,
    letters
  )
}

const asDelivery = ({ atMillis, data, headers, seq, subject }: Stored) => ({
  subject,
  seq,
  atMillis,
  data,
  header: (name: string) => headerOf(headers, name),
  headers: () => Object.fromEntries(headers)
})
