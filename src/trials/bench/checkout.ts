import * as fs from "node:fs"
import { join, resolve } from "node:path"
import process from "node:process"
import { fileURLToPath } from "node:url"
import { attachStack } from "../../stack/attached.ts"
import { Child } from "../../stack/child.ts"
import { type Stack, StackError } from "../../stack/stack.ts"
import { stopOrphans } from "../../stack/orphans.ts"
import type { Environment } from "../../house/environment.ts"
import { ownServers } from "../ownServers.ts"

/** The sources this runs from. */
export const THIS_CHECKOUT = resolve(fileURLToPath(new URL("../../../", import.meta.url)))

/** A Lastro that runs as its own `start` runs it, measured from outside: whatever its age, by the same means. */
export interface RunningCheckout {
  readonly pid: number
  readonly stack: Stack
  readonly edge: string
  /** The simulated card gateway. */
  readonly simulator: string
  readonly merchant: string
  readonly merchantKey: string
  readonly operatorKey: string
  readonly stop: () => Promise<void>
}

/** The last words of `start`. */
const READY = "Ctrl-C stops it."
const READY_MILLIS = 90_000
/** Whose key `start` makes. */
const MERCHANT = "acme"

export const startCheckout = async (options: {
  readonly checkout: string
  readonly dataDir: string
  readonly environment: Environment
}): Promise<RunningCheckout> => {
  const { checkout, dataDir } = options
  const args = startArgsOf(checkout)
  fs.mkdirSync(dataDir, { recursive: true })
  const child = Child.start({
    name: "Lastro",
    command: process.execPath,
    args,
    cwd: checkout,
    logFile: join(dataDir, "start.log"),
    pidFile: join(dataDir, "start.pid"),
    env: environmentOf(options.environment, dataDir)
  })
  const stop = async () => {
    await child.stop("SIGTERM")
    await stopOrphans(dataDir)
  }
  try {
    await child.ready(() => Promise.resolve(child.said().includes(READY)), READY_MILLIS)
    const told = (what: RegExp): string => {
      const found = what.exec(child.said())?.[1]
      if (found === undefined) throw new StackError(`${checkout} did not say ${what}.`)
      return found
    }
    return {
      pid: child.pid,
      stack: attachStack(dataDir, {}),
      edge: told(/API\s+(http:\S+)/),
      simulator: told(/simulator (http:[^\s,]+)/),
      merchant: MERCHANT,
      merchantKey: fs.readFileSync(join(dataDir, `${MERCHANT}.key`), "utf8").trim(),
      operatorKey: fs.readFileSync(join(dataDir, "operator.key"), "utf8").trim(),
      stop
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** As the checkout's own task says, with whatever it tells V8. */
const startArgsOf = (checkout: string): ReadonlyArray<string> => {
  const onDeno = process.versions["deno"] !== undefined
  const file = join(checkout, onDeno ? "deno.json" : "package.json")
  if (!fs.existsSync(file)) throw new StackError(`${checkout} is no checkout: it has no ${file}.`)
  const { scripts, tasks } = JSON.parse(fs.readFileSync(file, "utf8"))
  return String((onDeno ? tasks : scripts).start).split(" ").slice(1)
}

const environmentOf = (environment: Environment, dataDir: string): Record<string, string> =>
  Object.fromEntries(
    Object.entries({
      ...ownServers({ ...process.env, ...environment }),
      NO_COLOR: "1",
      LASTRO_DATA_DIR: resolve(dataDir),
      LASTRO_PORT: "0"
    }).filter((entry): entry is [string, string] => entry[1] !== undefined)
  )
