import { afterAll, beforeAll, expect, test } from "vitest"
import { longest, pausesOf } from "../../src/trials/chaos/pauses.ts"
import { Ownership, slots, type Tenure } from "../../src/trials/chaos/ownership.ts"
import { query } from "../../src/trials/query.ts"
import { type ChaosRecord, readRecord } from "../../src/trials/chaos/record.ts"
import type { WorkerProcess } from "../../src/trials/chaos/workers.ts"
import { ownerOf } from "../../src/runtime/rendezvous.ts"
import type { ClusterStack } from "../../src/stack/cluster.ts"
import { startClusterHouse, type TestHouse } from "../support/chaosHouse.ts"
import { promisesHold } from "../support/chaosTests.ts"
import { eventually } from "../support/lastro.ts"

/** So long that a busy machine lets nobody's lease run out while processes start beside it. */
const LEASE_MILLIS = 15_000
const PAYMENTS_PER_SECOND = 30
/** Two busy cores let nobody keep time: what is measured is told, what is asserted leaves room for them. */
const NOISE_MILLIS = 60_000
const SETTLED_MILLIS_MAX = 120_000

/** A change of the membership, and what came of it. */
interface Change {
  readonly atMillis: number
  readonly before: ReadonlyArray<string>
  readonly after: ReadonlyArray<string>
  /** By slot, when all of it was over. */
  readonly owners: ReadonlyMap<string, Tenure>
  /** Whoever began to own a slot meanwhile. */
  readonly begun: ReadonlyArray<Tenure>
}

let house: TestHouse<ClusterStack>
let record: ChaosRecord
let ownership: Ownership
let unquiet: string
let planned: string
const changes: Record<"joining" | "leaving" | "dying" | "frozen" | "thawed", Change> = {} as never

/** Waits until everybody owns what rendezvous hashing gives them, and payments go on everywhere. */
const settled = async (members: ReadonlyArray<WorkerProcess>) => {
  const names = members.map(({ name }) => name)
  await eventually(
    () => Promise.resolve(ownership.isSettled(names) || undefined),
    SETTLED_MILLIS_MAX
  )
  await eventually(async () => {
    const behind = await query(
      house.stack.databaseUrl,
      `select 1 from cursors c where family = 'payments' and not exists (
         select 1 from turns t where t.family = c.family and t.partition = c.partition
           and t.epoch_revision = c.epoch_revision)`
    )
    return behind.length === 0 || undefined
  }, SETTLED_MILLIS_MAX)
}

const change = async (
  before: ReadonlyArray<WorkerProcess>,
  after: () => ReadonlyArray<WorkerProcess>
): Promise<Change> => {
  const known = ownership.tenures.length
  const atMillis = Date.now()
  const members = after()
  await settled(members)
  const names = (workers: ReadonlyArray<WorkerProcess>) => workers.map(({ name }) => name)
  return {
    atMillis,
    before: names(before),
    after: names(members),
    owners: new Map(ownership.owners()),
    begun: ownership.tenures.slice(known)
  }
}

beforeAll(async () => {
  house = await startClusterHouse({ leaseMillis: LEASE_MILLIS })
  ownership = new Ownership(house.stack.databaseUrl)
  house.load.start(PAYMENTS_PER_SECOND)
  const first = house.work()
  await settled([first])
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
  unquiet = await house.quiet(180_000)
  record = await readRecord(house.admin, house.stack.databaseUrl)
}, 600_000)
afterAll(async () => {
  await ownership?.stop()
  await house?.stop()
})

/** Whether a change of the membership gives a slot to somebody else. */
const moves = ({ after, before }: Change, slot: string): boolean =>
  ownerOf(before, slot) !== ownerOf(after, slot)

/** The longest pause of a partition that moved after a change. */
const pauseAfter = (change: Change): number => {
  const moved = pausesOf(record).filter(({ epoch, moved, slot }) =>
    moved && moves(change, slot) && change.owners.get(slot)!.epoch === epoch
  )
  expect(moved.length).toBeGreaterThan(0)
  expect(moved.every((move) => move.atMillis >= change.atMillis)).toBe(true)
  return longest(moved)
}

test.for(["joining", "leaving", "dying", "frozen", "thawed"] as const)(
  "G9: where workers are %s, their share moves, and nothing between the others",
  (name) => {
    const change = changes[name]
    const { after, before, begun, owners } = change
    const moving = slots.filter((slot) => moves(change, slot))
    expect(moving.length).toBeGreaterThan(0)
    expect(moving.length).toBeLessThan(slots.length)
    for (const slot of slots) expect(owners.get(slot)!.owner, slot).toBe(ownerOf(after, slot))
    for (const { owner, slot } of begun) {
      expect([ownerOf(before, slot), ownerOf(after, slot)], slot).toContain(owner)
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
  const { begun } = changes.thawed
  for (
    const [slot, mine] of Map.groupBy(record.turns, (turn) => `${turn.family}.${turn.partition}`)
  ) {
    expect(mine.map(({ epoch }) => epoch), slot).toEqual(
      mine.map(({ epoch }) => epoch).sort((one, other) => one - other)
    )
  }
  expect(begun.length).toBeGreaterThan(0)
})

test("all that was begun came to rest", () => {
  expect(unquiet).toBe("")
})

promisesHold(() => ({ house, record }))
