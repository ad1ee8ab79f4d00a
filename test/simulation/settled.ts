import { decodeOutbox } from "../../src/runtime/turnRow.ts"
import { idOf } from "../../src/runtime/bundle.ts"
import { headerOf } from "./model/message.ts"
import { streamOf, type World } from "./world.ts"

/** Whether everything that was sent is handled, relayed and awaited no more. */
export const isSettled = (world: World): boolean => isHandled(world) && world.house.isQuiet(world)

/** Whether every mailbox is read to its end, and what came of it is where it belongs. */
export const isHandled = (world: World): boolean => {
  const { broker, house, store } = world
  for (const { family } of house.keyed) {
    const stream = broker.readable(streamOf(family))
    for (let partition = 0; partition < house.partitions; partition++) {
      const cursor = store.cursors.get(`${family}.${partition}`)
      if ((cursor?.seq ?? 0) < stream.lastOn(`${family}.${partition}.>`)) return false
      if (!isRelayed(world, family, partition)) return false
      const parked = store.parkedKeys.get(`${family}.${partition}`)?.values() ?? []
      for (const { quarantined } of parked) if (!quarantined) return false
    }
  }
  return true
}

/** The last committed turn's outbox has arrived. */
const isRelayed = ({ broker, store }: World, family: string, partition: number): boolean => {
  const { bundles } = decodeOutbox(
    store.turns.get(`${family}.${partition}`)?.at(-1)?.outbox ?? null
  )
  return bundles.every((bundle) => {
    const { ordinal, seq } = idOf(bundle)
    const emission = `${family}/${partition}/${seq}/${ordinal}`
    const { target, subject } = bundle
    return broker.stream(target).all(subject).some(({ headers }) =>
      headerOf(headers, "Lastro-Emission") === emission
    )
  })
}
