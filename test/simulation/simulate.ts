import { bytesOf } from "./model/message.ts"
import { isHandled, isSettled } from "./settled.ts"
import { brokenPromises, differences } from "./promises.ts"
import { brew, CALM, STORM_MILLIS, type Weather, weatherOf } from "./weather.ts"
import { type Flaws, type House, mailboxesIn, World } from "./world.ts"

export interface Simulated {
  readonly seed: number
  /** Two runs with the same trace did the same. */
  readonly trace: string
  readonly broken: ReadonlyArray<string>
  readonly world: World
}

export interface Options {
  readonly flaws?: Flaws
  readonly weather?: Weather
  /** Told of every labelled point; may kill. */
  readonly watch?: (world: World) => void
}

const LOOK_EVERY_MILLIS = 200
/** So many runs are also compared with one worker that nothing ever happened to. */
const UNDISTURBED_EVERY = 10

/** One run: commands, workers and whatever the seed lets go wrong; then every promise is checked. */
export const simulate = async (
  house: House,
  seed: number,
  options: Options = {}
): Promise<Simulated> => {
  const world = new World(seed, house, options.flaws)
  const weather = options.weather ?? weatherOf(world)
  brew(world, weather)
  options.watch?.(world)
  for (let worker = 0; worker < weather.workers; worker++) world.start()
  sendCommands(world)
  const settled = await runUntil(world, STORM_MILLIS, isSettled)
  const broken = settled ? [...brokenPromises(world)] : ["it does not settle"]
  if (settled && !world.parked && seed % UNDISTURBED_EVERY === 0) {
    broken.push(...differences(world, await undisturbed(world)))
  }
  return { seed, trace: world.kernel.trace(), broken, world }
}

/** What one worker without any trouble makes of the same mailboxes. */
const undisturbed = async (world: World): Promise<World> => {
  const { house } = world
  const recorded = new Map(
    mailboxesIn(house).map(({ stream }) => [stream, world.broker.stream(stream).all()] as const)
  )
  const calm = new World(0, house, {}, recorded)
  brew(calm, CALM)
  calm.start()
  await runUntil(calm, 0, isHandled)
  return calm
}

const runUntil = (
  world: World,
  afterMillis: number,
  isDone: (world: World) => boolean
): Promise<boolean> => {
  const { kernel } = world
  const look = () => {
    if (isDone(world)) kernel.stop()
    else kernel.after(LOOK_EVERY_MILLIS, "look", look)
  }
  kernel.after(afterMillis, "look", look)
  return kernel.run(afterMillis + world.house.settlesMillis)
}

const sendCommands = (world: World): void => {
  const { broker, house, kernel } = world
  const { chance } = kernel
  const count = 4 + chance.below(house.commandsMax - 4)
  const burstAt = chance.between(0, STORM_MILLIS / 2)
  const inBurst = chance.oneOf([0, 0.5, 0.9])
  for (let nth = 0; nth < count; nth++) {
    const { body, family, merchant, type } = house.command(chance, nth)
    const subject = `lastro.${family}.${type}.${merchant}`
    const data = bytesOf(JSON.stringify(body))
    const at = chance.happens(inBurst) ? burstAt : chance.between(0, STORM_MILLIS * 0.9)
    kernel.after(at, "command", () => broker.receive({ subject, headers: [], data, reply: "" }))
  }
}
