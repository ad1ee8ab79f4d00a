import { migrations } from "../../migrations/index.ts"
import type { Plan, Step } from "../bus/topology.ts"
import { checkStack, databaseRefused } from "../stack/checks.ts"
import { givenStack } from "../stack/given.ts"
import { type NatsRole, type Stack, StackError } from "../stack/stack.ts"
import { pendingMigrations } from "../store/migrate.ts"
import type { Environment } from "./environment.ts"
import { agreed, planAs } from "./topology/declared.ts"

export const serversUsage =
  `  LASTRO_NATS_URL                   nats://host:4222, several with commas
  LASTRO_NATS_MONITOR_URL           their monitoring endpoints, with commas (default port 8222)
  LASTRO_NATS_<ROLE>_USER, LASTRO_NATS_<ROLE>_PASSWORD
                                    who this process is (ADMIN, WORKER, GATE, EDGE)
  LASTRO_NATS_PASSWORDS_FILE        instead of those: a JSON file with a password for each user
  DATABASE_URL                      postgres://user:password@host:5432/database
  LASTRO_PARTITIONS                 how many each mailbox has, the same for every process
                                    (docs/streams.md; default 4)`

/** Servers that run already. Only `start` brings its own. */
export const neededStack = (command: string, environment: Environment): Stack => {
  const stack = givenStack(environment)
  if (stack === undefined) {
    throw new StackError(
      `lastro ${command} works on servers that run already: set LASTRO_NATS_URL and DATABASE_URL ` +
        "(lastro start brings its own servers)."
    )
  }
  return stack
}

/**
 * A stack on which a role may begin: servers that keep the promises, tables and streams as this
 * version needs them. A role changes neither: several of them start at once, with few rights.
 */
export const readyStack = async (
  command: string,
  environment: Environment,
  role: NatsRole
): Promise<Stack> => {
  const stack = neededStack(command, environment)
  await checkStack(stack)
  const plan = agreed(await planAs(stack, role))
  const pending = await pendingMigrations(stack.databaseUrl, migrations).catch((error) => {
    throw databaseRefused(stack.databaseUrl, error)
  })
  if (pending.length > 0) {
    throw new StackError(
      `the database lacks ${pending.join(", ")}: run lastro migrate before this version starts.`
    )
  }
  refuse(plan)
  return stack
}

/** Limits and copies are a person's to change; with anything else different, promises would not hold. */
const FREE = new Set(["max_age", "max_bytes", "num_replicas", "metadata"])

const refuse = ({ steps }: Plan): void => {
  const streams = steps.filter(({ kind }) => kind !== "consumer")
  const missing = streams.filter(({ action }) => action === "create")
  if (missing.length > 0) {
    throw new StackError(
      `JetStream lacks ${missing.map(({ name }) => name).join(", ")}: run lastro topology apply.`
    )
  }
  const drifted = streams.flatMap(driftOf)
  if (drifted.length > 0) {
    throw new StackError(
      `streams are not as this version declares them (${drifted.join("; ")}): ` +
        "run lastro topology plan to see all, and lastro topology apply to mend it."
    )
  }
}

const driftOf = (step: Step): ReadonlyArray<string> =>
  step.action === "create"
    ? []
    : step.differences.filter(({ setting }) => !FREE.has(setting)).map(({ found, setting }) =>
      `${step.name}: ${setting} is ${JSON.stringify(found) ?? "absent"}`
    )
