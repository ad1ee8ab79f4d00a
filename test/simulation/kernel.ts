import { Chance } from "./chance.ts"
import { Heap } from "./heap.ts"
import { Machinery } from "./machinery.ts"

/** One simulated operating-system process: what code does belongs to the one that runs it. */
export class Process {
  readonly name: string
  alive = true
  /** Stopped as by SIGSTOP until then: what should happen to it happens afterwards. */
  frozenUntil = 0
  /** Its event-loop tasks run in the order in which they were queued. */
  lastTaskAt = 0

  constructor(name: string) {
    this.name = name
  }
}

export interface Cancelable {
  readonly cancel: () => void
}

/** The time a model lives in: the kernel's, or real time in the contract suites. */
export interface Time {
  readonly now: () => number
  /** Happens to `process`, a dead one excepted; without one, to the world. */
  readonly after: (
    millis: number,
    label: string,
    run: () => void,
    process?: Process
  ) => Cancelable
}

class Event implements Cancelable {
  at: number
  cancelled = false
  readonly order: number
  readonly label: string
  readonly process: Process | undefined
  readonly run: () => void

  constructor(
    at: number,
    order: number,
    label: string,
    run: () => void,
    process: Process | undefined
  ) {
    this.at = at
    this.order = order
    this.label = label
    this.run = run
    this.process = process
  }

  readonly cancel = (): void => {
    this.cancelled = true
  }
}

/** Where simulated time begins: wall clocks look real. */
const BEGIN_MILLIS = Date.UTC(2026, 0, 1)
/** An event-loop task waits so long at most for the others of its machine. */
const TASK_WAITS_MILLIS_MAX = 0.2

/**
 * One event loop for all processes of a simulation. It alone decides what happens next: timers,
 * event-loop tasks and everything the models do are events of one queue, in the order of a simulated
 * time whose gaps come from the seed. Between two events all promises of the process run to their end:
 * so whoever dies at an event dies between two effects on the world.
 */
export class Kernel implements Time {
  readonly chance: Chance
  /** Told of every event of a process just before it happens; may kill or freeze the process. */
  onEvent: (label: string, process: Process) => void = () => {}
  private readonly events = new Heap<Event>((left, right) =>
    left.at < right.at || (left.at === right.at && left.order < right.order)
  )
  private running: Process | undefined
  private time = BEGIN_MILLIS
  private order = 0
  private happened = 0
  private hash = 0x811c9dc5
  private stopped = false

  constructor(seed: number) {
    this.chance = new Chance(seed)
  }

  readonly now = (): number => this.time

  readonly current = (): Process | undefined => this.running

  /** Equal only where the same happened to the same processes at the same times. */
  readonly trace = (): string => `${(this.hash >>> 0).toString(16)}.${this.happened}`

  readonly after = (millis: number, label: string, run: () => void, process?: Process) => {
    const event = new Event(this.time + millis, this.order++, label, run, process)
    this.events.push(event)
    return event
  }

  /** A task of the event loop of whoever runs now. */
  readonly task = (process: Process, run: () => void): Cancelable => {
    const at = Math.max(
      process.lastTaskAt,
      this.time + this.chance.next() * TASK_WAITS_MILLIS_MAX
    )
    process.lastTaskAt = at
    return this.after(at - this.time, "task", run, process)
  }

  readonly freeze = (process: Process, millis: number): void => {
    process.frozenUntil = Math.max(process.frozenUntil, this.time + millis)
  }

  readonly stop = (): void => {
    this.stopped = true
  }

  /** Until stopped; false where the time or the events ran out before. */
  readonly run = async (limitMillis: number): Promise<boolean> => {
    const until = this.time + limitMillis
    const machinery = new Machinery(this)
    machinery.install()
    try {
      while (!this.stopped) {
        const event = this.events.pop()
        if (event === undefined || event.at > until) return false
        if (event.cancelled || event.process?.alive === false || this.isLater(event)) continue
        this.time = event.at
        this.happened++
        this.note(event)
        if (event.process !== undefined) {
          this.onEvent(event.label, event.process)
          if (!event.process.alive || this.isLater(event)) continue
        }
        this.running = event.process
        event.run()
        if (event.process !== undefined) await machinery.promisesRan()
      }
      return true
    } finally {
      this.running = undefined
      machinery.restore()
    }
  }

  /** What should happen to a frozen process keeps its place among what it missed. */
  private isLater(event: Event): boolean {
    const frozenUntil = event.process?.frozenUntil ?? 0
    if (frozenUntil <= event.at) return false
    event.at = frozenUntil
    this.events.push(event)
    return true
  }

  private note({ label, process }: Event): void {
    let hash = Math.imul(this.hash ^ Math.floor(this.time * 1_000), 0x01000193)
    const text = process === undefined ? label : process.name + label
    for (let index = 0; index < text.length; index++) {
      hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
    }
    this.hash = hash
  }
}
