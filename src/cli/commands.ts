import { resolve } from "node:path"
import { BusUnavailable } from "../bus/connection.ts"
import { nearestOf } from "../domain/nearest.ts"
import { NoPartitionCount } from "../domain/partition.ts"
import { PortTaken } from "../edge/listen.ts"
import { keptPartitions } from "../stack/keptPartitions.ts"
import { StackError } from "../stack/stack.ts"
import { DatabaseUnavailable } from "../store/database.ts"
import type { CliCommand } from "../house/command.ts"
import type { Environment } from "../house/environment.ts"
import { settingsOf } from "../house/settings.ts"
import { UsageError } from "../house/usage.ts"

/** Loaded when called: `start` needs nothing of the bench. */
const commands: Readonly<Record<string, () => Promise<CliCommand>>> = {
  start: async () => (await import("./start.ts")).start,
  up: async () => (await import("./up.ts")).up,
  edge: async () => (await import("./edge.ts")).edge,
  worker: async () => (await import("./worker.ts")).worker,
  hostile: async () => (await import("./hostile.ts")).hostile,
  simulator: async () => (await import("./simulator.ts")).simulator,
  migrate: async () => (await import("./migrate.ts")).migrate,
  routing: async () => (await import("./routing.ts")).routing,
  topology: async () => (await import("./topology.ts")).topologyCommand,
  users: async () => (await import("./users.ts")).users,
  access: async () => (await import("./access.ts")).access,
  status: async () => (await import("./status.ts")).status,
  keys: async () => (await import("./keys.ts")).keys,
  pause: async () => (await import("./pause.ts")).pause,
  resume: async () => (await import("./pause.ts")).resume,
  "dead-letters": async () => (await import("./deadLetters.ts")).deadLetters,
  discard: async () => (await import("./discard.ts")).discard,
  doctor: async () => (await import("./doctor.ts")).doctor,
  replay: async () => (await import("./replay.ts")).replay,
  checkpoint: async () => (await import("./checkpoint.ts")).checkpoint,
  audit: async () => (await import("./audit.ts")).audit,
  demo: async () => (await import("./demo.ts")).demo,
  chaos: async () => (await import("./chaos.ts")).chaos,
  bench: async () => (await import("./bench.ts")).bench
}

/** 2 says that a person is needed (status, keys, dead-letters). */
const EXIT_USAGE = 64
const EXIT_FAILED = 1

const help = async (): Promise<number> => {
  console.log("Lastro: an actor-based stream processor for payments.\n")
  const longest = Math.max(...Object.keys(commands).map(({ length }) => length))
  for (const [name, load] of Object.entries(commands)) {
    console.log(`  lastro ${name.padEnd(longest)}  ${(await load()).summary}`)
  }
  console.log("\nlastro <command> --help says more.")
  return 0
}

/** They start servers in a folder of their own. */
const APART = new Set(["demo", "chaos", "bench", "hostile"])

/**
 * The number of partitions is fixed from a data folder's first start on, and found in it where nobody
 * names one. Before a command is loaded: whatever reckons with the number reads it then.
 */
const adoptPartitions = (name: string, environment: Environment): void => {
  const named = (environment["LASTRO_PARTITIONS"] ?? "") !== ""
  if (named || environment["LASTRO_NATS_URL"] !== undefined || APART.has(name)) return
  const kept = keptPartitions(resolve(environment["LASTRO_DATA_DIR"] ?? ".lastro"))
  if (kept !== undefined) process.env["LASTRO_PARTITIONS"] = kept
}

let serving = false

/** Whether the command that runs here is one that serves. */
export const isServing = (): boolean => serving

export const runCommand = async (
  args: ReadonlyArray<string>,
  given: Environment
): Promise<number> => {
  const [name = "help", ...rest] = args
  const load = commands[name]
  try {
    if (name === "help" || name === "--help") return await help()
    if (load === undefined) {
      const meant = nearestOf(name, Object.keys(commands))
      console.error(
        `lastro has no command ${name}${meant === undefined ? "." : `: did you mean ${meant}?`} ` +
          "Try: deno task lastro help"
      )
      return EXIT_USAGE
    }
    const { environment, faults, warnings } = settingsOf(given)
    for (const sentence of [...warnings, ...faults]) console.error(`lastro ${name}: ${sentence}`)
    if (faults.length > 0 && !rest.includes("--help")) return EXIT_USAGE
    adoptPartitions(name, environment)
    const command = await load()
    if (rest.includes("--help")) {
      console.log(`${command.summary}\n\n${command.usage}`)
      return 0
    }
    serving = command.serves === true
    return await command.run(rest, environment)
  } catch (error) {
    // What the machine lacks is said in one sentence; everything else is a bug and shows its stack.
    const misused = error instanceof UsageError || error instanceof NoPartitionCount ||
      isMisuse(error)
    if (misused) {
      console.error(`lastro ${name}: ${(error as Error).message}`)
      return EXIT_USAGE
    }
    const plain = error instanceof StackError || error instanceof PortTaken
    const outage = error instanceof BusUnavailable || error instanceof DatabaseUnavailable ||
      isAway(error)
    console.error(
      plain
        ? `lastro: ${error.message}`
        : outage
        ? `lastro: ${
          (error as Error).message
        }: begin again when the servers answer (lastro doctor looks at them).`
        : error
    )
    return EXIT_FAILED
  }
}

/** A server that takes no connection, or ends those it has: a person's business, and no bug. */
const AWAY = /^(ECONNREFUSED|ECONNRESET|ETIMEDOUT|57P0[1-3]|08...)$/
const isAway = (error: unknown): boolean =>
  AWAY.test(String((error as { code?: unknown } | undefined)?.code))

/** Told by `parseArgs`: an option nobody knows, or one without its value. */
const isMisuse = (error: unknown): boolean =>
  String((error as { code?: unknown } | undefined)?.code).startsWith("ERR_PARSE_ARGS")
