import { afterAll, beforeAll, expect, test } from "vitest"
import { longest, pausesOf } from "../../src/cli/chaos/pauses.ts"
import { Ownership } from "../../src/cli/chaos/ownership.ts"
import { type ChaosRecord, readRecord } from "../../src/cli/chaos/record.ts"
import type { WorkerProcess } from "../../src/cli/chaos/workers.ts"
import { ownerOf } from "../../src/runtime/rendezvous.ts"
import type { ClusterStack } from "../../src/stack/cluster.ts"
import { mailboxes, PARTITIONS } from "../../streams/mailboxes.ts"
import { startClusterHouse, type TestHouse } from "../support/chaosHouse.ts"
import { promisesHold } from "../support/chaosTests.ts"
import { eventually } from "../support/lastro.ts"

const LEASE_MILLIS = 6_000
const PAYMENTS_PER_SECOND = 60
/** Two busy cores let nobody keep time: what is measured is told, what is asserted leaves room for them. */
const NOISE_MILLIS = 20_000

const slots = mailboxes.filter(({ kind }) => kind === "keyed").flatMap(({ family }) =>
  Array.from({ length: PARTITIONS }, (_, partition) => `${family}.${partition}`)
)

/** A change of the membership and who owned what before and after it. */
interface Change {
  readonly atMillis: number
  readonly before: ReadonlyArray<string>
  readonly after: ReadonlyArray<string>
  /** Epochs by slot. */
  readonly from: ReadonlyMap<string, number>
  readonly to: ReadonlyMap<string, number>
}

let house: TestHouse<ClusterStack>
let record: ChaosRecord
let ownership: Ownership
let unquiet: string
let planned: string
const changes: Record<"joining" | "leaving" | "dying" | "frozen" | "thawed", Change> = {} as never

const rest = (millis: number) => new Promise((resolve) => setTimeout(resolve, millis))

const epochs = () =>
  new Map([...ownership.owners()].map(([slot, { epoch }]) => [slot, epoch] as const))

/** Waits until everybody owns what rendezvous hashing gives them. */
const settled = (members: ReadonlyArray<WorkerProcess>) =>
  eventually(() => {
    const names = members.map(({ name }) => name)
    const owners = ownership.owners()
    const right = slots.every((slot) => owners.get(slot)?.owner === ownerOf(names, slot))
    return Promise.resolve(right || undefined)
  }, 60_000)

const change = async (
  before: ReadonlyArray<WorkerProcess>,
  after: () => ReadonlyArray<WorkerProcess>
): Promise<Change> => {
  const from = epochs()
  const atMillis = Date.now()
  const members = after()
  await settled(members)
  // Long enough to show in the turns what the new owners do.
  await rest(1_500)
  const names = (workers: ReadonlyArray<WorkerProcess>) => workers.map(({ name }) => name)
  return { atMillis, before: names(before), after: names(members), from, to: epochs() }
}

beforeAll(async () => {
  house = await startClusterHouse(LEASE_MILLIS)
  ownership = new Ownership(house.stack.databaseUrl)
  house.load.start(PAYMENTS_PER_SECOND)
  const first = house.work()
  await settled([first])
  await rest(2_000)
  const second = house.work()
  const third = house.work()
  const fourth = house.work()
  changes.joining = await change([first], () => [first, second, third, fourth])
  changes.leaving = await change([first, second, third, fourth], () => {
    second.signal("SIGTERM")
    return [first, third, fourth]
  })
  planned = await second.ended
  changes.dying = await change([first, third, fourth], () => {
    third.signal("SIGKILL")
    return [first, fourth]
  })
  changes.frozen = await change([first, fourth], () => {
    fourth.signal("SIGSTOP")
    return [first]
  })
  changes.thawed = await change([first], () => {
    fourth.signal("SIGCONT")
    return [first, fourth]
  })
  await house.load.stop()
  unquiet = await house.quiet(90_000)
  record = await readRecord(house.admin, house.stack.databaseUrl)
}, 240_000)
afterAll(async () => {
  await ownership?.stop()
  await house?.stop()
})

/** The longest pause of a partition that moved after a change. */
const pauseAfter = ({ atMillis, from, to }: Change): number => {
  const moved = pausesOf(record).filter(({ epoch, moved, slot }) =>
    moved && to.get(slot) === epoch && from.get(slot) !== epoch
  )
  expect(moved.length).toBeGreaterThan(0)
  expect(moved.every((move) => move.atMillis >= atMillis)).toBe(true)
  return longest(moved)
}

test("G9: joining workers take their share and nothing moves between the others", () => {
  const { after, before, from, to } = changes.joining
  const stayed = slots.filter((slot) => before.includes(ownerOf(after, slot)!))
  expect(stayed.length).toBeGreaterThan(0)
  for (const slot of stayed) expect(to.get(slot), slot).toBe(from.get(slot))
  for (const slot of slots) {
    if (!stayed.includes(slot)) expect(to.get(slot)).not.toBe(from.get(slot))
  }
})

test.for(["leaving", "dying", "frozen"] as const)(
  "G9: only the share of a worker that is %s moves",
  (name) => {
    const { after, before, from, to } = changes[name]
    for (const slot of slots) {
      const moves = ownerOf(before, slot) !== ownerOf(after, slot)
      expect(to.get(slot) !== from.get(slot), slot).toBe(moves)
    }
  }
)

test("G8: a planned move waits for no lease to end", () => {
  const pause = pauseAfter(changes.leaving)
  console.log(`longest pause of a planned move: ${pause} ms`)
  expect(planned).toBe("exit 0")
  expect(pause).toBeLessThan(LEASE_MILLIS)
})

test("G8: a dead or frozen worker's partitions go on when its leases have ended", () => {
  for (const name of ["dying", "frozen"] as const) {
    const pause = pauseAfter(changes[name])
    console.log(`longest pause of a fail-over (${name}): ${pause} ms`)
    expect(pause).toBeLessThan(LEASE_MILLIS + NOISE_MILLIS)
  }
})

test("G4: after a thaw the former owner commits under a new lease only", () => {
  const { from, to } = changes.thawed
  for (
    const [slot, mine] of Map.groupBy(record.turns, (turn) => `${turn.family}.${turn.partition}`)
  ) {
    expect(mine.map(({ epoch }) => epoch), slot).toEqual(
      mine.map(({ epoch }) => epoch).sort((one, other) => one - other)
    )
  }
  expect(slots.filter((slot) => to.get(slot) !== from.get(slot)).length).toBeGreaterThan(0)
})

test("all that was begun came to rest", () => {
  expect(unquiet).toBe("")
})

promisesHold(() => ({ house, record }))
