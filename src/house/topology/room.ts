import { STREAMS_GIB } from "../../../streams/topology.ts"
import type { Plan, Topology } from "../../bus/topology.ts"
import { type Room, roomsOf } from "../../stack/room.ts"
import { type Stack, StackError } from "../../stack/stack.ts"

/** What a plan will reserve on every server that gets a copy: what is missing, and what is to grow. */
const reservedBy = ({ steps }: Plan, { streams }: Topology): number =>
  steps.reduce((sum, step) => {
    if (step.kind === "consumer") return sum
    if (step.action === "create") {
      return sum + (streams.find(({ name }) => name === step.name)?.max_bytes ?? 0)
    }
    const { declared, found } = step.differences.find(({ blocked, setting }) =>
      setting === "max_bytes" && blocked === undefined
    ) ?? { declared: 0, found: 0 }
    return sum + Math.max(0, Number(declared) - Number(found))
  }, 0)

/** Copies are spread over all servers: with more servers than copies each gets its share. */
const shareOf = (bytes: number, rooms: ReadonlyArray<Room>, replicas: number): number =>
  (bytes * replicas) / Math.max(replicas, rooms.length)

const gibibytes = (bytes: number): string => `${(bytes / 1024 ** 3).toFixed(1)} GiB`

/** What a plan will reserve, and what the servers have, as a sentence; undefined where it reserves nothing. */
export const roomNote = async (stack: Stack, plan: Plan, declared: Topology) => {
  const bytes = reservedBy(plan, declared)
  if (bytes === 0) return undefined
  const rooms = (await roomsOf(stack)).map(({ freeBytes, mostBytes, server }) =>
    `; ${server} has ${gibibytes(freeBytes)} left of ${gibibytes(mostBytes)}`
  )
  return `each copy of what is to be made reserves ${gibibytes(bytes)} in all${rooms.join("")}`
}

/** Looks at every server before anything is made: a stream that finds no room would be refused halfway. */
export const assertRoom = async (
  stack: Stack,
  plan: Plan,
  declared: Topology,
  replicas: number
): Promise<void> => {
  const bytes = reservedBy(plan, declared)
  if (bytes === 0) return
  const rooms = await roomsOf(stack)
  const share = shareOf(bytes, rooms, replicas)
  const short = rooms.filter(({ freeBytes }) => freeBytes < share)
  if (short.length === 0) return
  throw new StackError(
    `streams reserve ${gibibytes(share)} of each server's disk, and ${
      short.map(({ freeBytes, mostBytes, server }) =>
        `${server} has ${gibibytes(freeBytes)} left of ${gibibytes(mostBytes)}`
      ).join(", ")
    }: nothing was made. ${ROOM_REMEDY}`
  )
}

/** What to do where there is not enough, by our own look or by the servers' word. */
export const ROOM_REMEDY =
  `Give the servers more (max_file_store), or have less reserved: LASTRO_STREAMS_GIB (${STREAMS_GIB} now), ` +
  "the same for every process."
