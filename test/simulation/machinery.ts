import type { Cancelable, Kernel, Process } from "./kernel.ts"

const real = {
  now: Date.now,
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  setInterval: globalThis.setInterval,
  clearInterval: globalThis.clearInterval,
  setImmediate: globalThis.setImmediate,
  clearImmediate: globalThis.clearImmediate
}

/** What code gets for a timer or a task of its event loop. */
class Handle {
  event: Cancelable | undefined

  readonly ref = () => this
  readonly unref = () => this
}

/**
 * The clock and the timers that a simulation puts in place of the engine's. Whoever calls them while no
 * simulated process runs (the test runner) gets the engine's.
 */
export class Machinery {
  private readonly kernel: Kernel

  constructor(kernel: Kernel) {
    this.kernel = kernel
  }

  /** Resolves once every promise that can go on has done so. */
  readonly promisesRan = (): Promise<void> =>
    new Promise((resolve) => {
      real.setImmediate(resolve)
    })

  readonly install = (): void => {
    const { kernel } = this
    type Callback = (...args: Array<unknown>) => void
    const clear = (handle: unknown, otherwise: (handle: never) => void) => {
      if (handle instanceof Handle) handle.event?.cancel()
      else otherwise(handle as never)
    }
    Object.assign(globalThis, {
      setTimeout: (run: Callback, millis = 0, ...args: Array<unknown>) => {
        const process = kernel.current()
        if (process === undefined) return real.setTimeout(run, millis, ...args)
        const handle = new Handle()
        handle.event = kernel.after(Math.max(1, millis), "timer", () => run(...args), process)
        return handle
      },
      setInterval: (run: Callback, millis = 0, ...args: Array<unknown>) => {
        const process = kernel.current()
        if (process === undefined) return real.setInterval(run, millis, ...args)
        const handle = new Handle()
        this.repeat(handle, process, Math.max(1, millis), () => run(...args))
        return handle
      },
      setImmediate: (run: Callback, ...args: Array<unknown>) => {
        const process = kernel.current()
        if (process === undefined) return real.setImmediate(run, ...args)
        const handle = new Handle()
        handle.event = kernel.task(process, () => run(...args))
        return handle
      },
      clearTimeout: (handle: unknown) => clear(handle, real.clearTimeout),
      clearInterval: (handle: unknown) => clear(handle, real.clearInterval),
      clearImmediate: (handle: unknown) => clear(handle, real.clearImmediate)
    })
    Date.now = () => Math.floor(kernel.now())
  }

  readonly restore = (): void => {
    const { now, ...timers } = real
    Object.assign(globalThis, timers)
    Date.now = now
  }

  private repeat(handle: Handle, process: Process, millis: number, run: () => void): void {
    handle.event = this.kernel.after(millis, "timer", () => {
      this.repeat(handle, process, millis, run)
      run()
    }, process)
  }
}
