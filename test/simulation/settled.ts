import { partitionFilter } from "../../src/bus/ingress.ts"
import { decodeOutbox } from "../../src/runtime/turnRow.ts"
import { idOf } from "../../src/runtime/bundle.ts"
import { headerOf } from "./model/message.ts"
import { mailboxesIn, type World } from "./world.ts"

/** Whether everything that was sent is handled, relayed and awaited no more. */
export const isSettled = (world: World): boolean => isHandled(world) && world.house.isQuiet(world)

/** Whether every mailbox is read to its end, and what came of it is where it belongs. */
export const isHandled = (world: World): boolean => {
  const { broker, house, store } = world
  for (const { families, mailbox, stream: name } of mailboxesIn(house)) {
    const stream = broker.readable(name)
    for (let partition = 0; partition < house.partitions; partition++) {
      const cursor = store.cursors.get(`${mailbox}.${partition}`)
      if ((cursor?.seq ?? 0) < stream.lastOn(partitionFilter(partition))) return false
      if (!isRelayed(world, mailbox, partition)) return false
      const parked = families.flatMap((family) => store.asideOf(family, partition))
      for (const { quarantined } of parked) if (!quarantined) return false
    }
  }
  return true
}

/** The last committed turn's outbox has arrived. */
const isRelayed = ({ broker, store }: World, mailbox: string, partition: number): boolean => {
  const { bundles } = decodeOutbox(
    store.turns.get(`${mailbox}.${partition}`)?.at(-1)?.outbox ?? null,
    mailbox,
    () => ""
  )
  return bundles.every((bundle) => {
    const { ordinal, seq } = idOf(bundle)
    const emission = `${mailbox}/${partition}/${seq}/${ordinal}`
    const { target, subject } = bundle
    return broker.stream(target).all(subject).some(({ headers }) =>
      headerOf(headers, "Lastro-Emission") === emission
    )
  })
}
