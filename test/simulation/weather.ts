import type { Chance } from "./chance.ts"
import { COMMIT_PATH, isCommitPath } from "./commitPath.ts"
import type { Process } from "./kernel.ts"
import { LEASE_MILLIS, type Worker, type World } from "./world.ts"

/** The nth time that any process reaches it, from 0. */
export interface Point {
  readonly label: string
  readonly nth: number
}

/** What goes wrong in one simulation. The seed chooses: some have a little of all, some much of one. */
export interface Weather {
  readonly workers: number
  /** Shares of what is sent. */
  readonly slow: number
  readonly stalled: number
  readonly lostAsked: number
  readonly lostAnswered: number
  /** Of all loads: their keys are parked and wake later. */
  readonly failedLoads: number
  /** How often, until the weather clears. */
  readonly kills: number
  readonly freezes: number
  readonly disconnects: number
  readonly forgets: number
  /** Points of the commit path at which a process dies, or stops for longer than its lease. */
  readonly killAtPoints: ReadonlyArray<Point>
  readonly freezeAtPoints: ReadonlyArray<Point>
}

export const CALM: Weather = {
  workers: 1,
  slow: 0,
  stalled: 0,
  lostAsked: 0,
  lostAnswered: 0,
  failedLoads: 0,
  kills: 0,
  freezes: 0,
  disconnects: 0,
  forgets: 0,
  killAtPoints: [],
  freezeAtPoints: []
}

/** It clears after so long; then everything has to settle. */
export const STORM_MILLIS = 3_000
/** Longer than a request waits for its answer: as while a leader is elected. */
const STALL_MILLIS = 7_000

export const weatherOf = ({ kernel: { chance } }: World): Weather => ({
  workers: 2 + chance.below(2),
  slow: chance.happens(0.5) ? chance.between(0, 0.3) : 0,
  stalled: chance.happens(0.3) ? chance.between(0, 0.01) : 0,
  lostAsked: chance.happens(0.3) ? chance.between(0, 0.02) : 0,
  lostAnswered: chance.happens(0.4) ? chance.between(0, 0.03) : 0,
  failedLoads: chance.happens(0.2) ? chance.between(0, 0.3) : 0,
  kills: chance.happens(0.4) ? 1 + chance.below(2) : 0,
  freezes: chance.happens(0.4) ? 1 + chance.below(2) : 0,
  disconnects: chance.happens(0.3) ? 1 + chance.below(2) : 0,
  forgets: chance.happens(0.2) ? 1 : 0,
  killAtPoints: chance.happens(0.4) ? somePoints(chance) : [],
  freezeAtPoints: chance.happens(0.5) ? somePoints(chance) : []
})

/** Each label as often as any other, however often it is reached. */
const somePoints = (chance: Chance): ReadonlyArray<Point> =>
  Array.from({ length: 1 + chance.below(3) }, () => ({
    label: chance.oneOf(COMMIT_PATH),
    nth: chance.below(8)
  }))

/** Lets the weather loose on a world until it clears. */
export const brew = (world: World, weather: Weather): void => {
  const { kernel } = world
  const { chance } = kernel
  const clearsAt = kernel.now() + STORM_MILLIS
  const storms = () => kernel.now() < clearsAt
  const wait = () => {
    if (!storms()) return chance.between(0.05, 1)
    if (chance.happens(weather.stalled)) return chance.between(0, STALL_MILLIS)
    return chance.happens(weather.slow) ? chance.between(1, 400) : chance.between(0.05, 2)
  }
  const times = new Map<string, number>()
  const reached = (label: string, process: Process) => {
    if (!isCommitPath(label) || !storms()) return
    const nth = times.get(label) ?? 0
    times.set(label, nth + 1)
    const isHere = (point: Point) => point.label === label && point.nth === nth
    if (weather.killAtPoints.some(isHere)) replace(world, process)
    if (weather.freezeAtPoints.some(isHere)) {
      kernel.freeze(process, chance.between(0.5, 3) * LEASE_MILLIS)
    }
  }
  kernel.onEvent = reached
  world.loadFails = () => storms() && chance.happens(weather.failedLoads)
  world.wire = {
    toServer: () => storms() && chance.happens(weather.lostAsked) ? undefined : wait(),
    toProcess: () => storms() && chance.happens(weather.lostAnswered) ? undefined : wait(),
    reached
  }
  const sometimes = (times: number, label: string, what: (worker: Worker) => void) => {
    for (let time = 0; time < times; time++) {
      kernel.after(chance.between(0, STORM_MILLIS), label, () => {
        const alive = world.workers.filter(({ process }) => process.alive)
        if (alive.length > 0) what(chance.oneOf(alive))
      })
    }
  }
  sometimes(weather.kills, "kill", ({ process }) => replace(world, process))
  sometimes(
    weather.freezes,
    "freeze",
    ({ process }) => kernel.freeze(process, chance.between(0, 3 * LEASE_MILLIS))
  )
  sometimes(weather.disconnects, "disconnect", ({ client }) => {
    client.disconnect()
    kernel.after(chance.between(10, 3_000), "reconnect", client.reconnect)
  })
  sometimes(weather.forgets, "forget", world.broker.forget)
}

/** A killed worker's successor comes after a while. */
const replace = (world: World, process: Process): void => {
  const worker = world.workers.find((one) => one.process === process)
  if (worker === undefined || !process.alive) return
  world.kill(worker)
  world.kernel.after(world.kernel.chance.between(0, 2_000), "successor", () => void world.start())
}
