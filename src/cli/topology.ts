import { Effect } from "effect"
import { PARTITIONS } from "../../streams/mailboxes.ts"
import { applyPlan, type Plan, planTopology, replicasOf, type Step } from "../bus/topology.ts"
import { attachStack } from "../stack/attached.ts"
import type { Stack } from "../stack/stack.ts"
import type { CliCommand } from "../house/command.ts"
import { dataDirOf } from "../house/lastro.ts"
import { UsageError } from "../house/usage.ts"
import { agreed, connectedAs, declaredTopology, planAs } from "../house/topology/declared.ts"
import { grouped } from "../house/topology/layout.ts"
import { assertRoom, roomNote } from "../house/topology/room.ts"

const usage = `Usage: lastro topology plan [--json]
       lastro topology apply [--json]

Compares the streams, KV buckets and shared consumers of the servers with what this version declares.
"plan" changes nothing. "apply" creates what is missing and changes what can be changed in place. It
never deletes: what would delete messages, move keys between partitions, or cannot be changed at all is
told and left for a person. Where families share other mailboxes than in this version, both refuse.

  LASTRO_DATA_DIR                   the Lastro that runs here (default .lastro)
  LASTRO_NATS_URL, DATABASE_URL     or these servers
  LASTRO_PARTITIONS                 how many each mailbox has (docs/streams.md; default 4)
  LASTRO_STREAMS_GIB                what streams may reserve of each server's disk (default 265)
  LASTRO_NATS_ADMIN_USER/_PASSWORD  who may change streams (or LASTRO_NATS_PASSWORDS_FILE)

Exits with 0 where everything is as declared, with 2 where something is to do or was left.`

const EXIT_TO_DO = 2

export const topologyCommand: CliCommand = {
  summary: "Streams, buckets and consumers: compare, create, change",
  usage,
  run: async (args, environment) => {
    const [action, ...rest] = args.filter((word) => word !== "--json")
    if ((action !== "plan" && action !== "apply") || rest.length > 0) {
      throw new UsageError("say plan or apply; --help says more.")
    }
    const stack = attachStack(dataDirOf(environment), environment)
    const { done, left } = action === "plan"
      ? { done: [], left: grouped(await planAs(stack, "admin")) }
      : await apply(stack)
    if (args.includes("--json")) console.log(JSON.stringify(reportOf(done, left)))
    else {
      print(done, left)
      const note = await roomNote(stack, left, declaredTopology(1))
      if (note !== undefined) console.log(`note     ${note}`)
    }
    return left.steps.length === 0 ? 0 : EXIT_TO_DO
  }
}

/** What was done, and what a look afterwards still finds. */
const apply = (stack: Stack) =>
  connectedAs(
    stack,
    "admin",
    (nc) =>
      Effect.gen(function* () {
        const declared = declaredTopology(replicasOf(nc))
        const plan = agreed(yield* planTopology(nc, declared, Date.now()))
        yield* Effect.promise(() => assertRoom(stack, plan, declared, replicasOf(nc)))
        yield* applyPlan(nc, declared, plan)
        const left = yield* planTopology(nc, declared, Date.now())
        return { done: plan.steps.filter(({ action }) => action !== "tell"), left }
      })
  )

const reportOf = (done: ReadonlyArray<Step>, { closedGates, steps }: Plan) => ({
  done,
  to_do: steps,
  closed_gates: closedGates
})

const print = (done: ReadonlyArray<Step>, { closedGates, steps }: Plan): void => {
  for (const step of done) console.log(step.action === "create" ? made(step) : lines(step, "done"))
  for (const step of steps) {
    console.log(step.action === "create" ? `create   ${step.kind} ${step.name}` : lines(step, ""))
  }
  for (const name of closedGates) {
    console.log(
      `note     ${name} takes no commands now: admission closed its gate, it will open it.`
    )
  }
  if (steps.length === 0) {
    console.log(`Everything is as declared, with ${PARTITIONS} partitions in each mailbox.`)
  }
}

const made = ({ kind, name }: Step): string => `created  ${kind} ${name}`

const lines = (step: Exclude<Step, { action: "create" }>, state: "done" | ""): string => {
  const verb = step.action === "tell" ? "drift  " : state === "done" ? "changed" : "change "
  return [
    `${verb}  ${step.kind} ${step.name}`,
    ...step.differences.map(({ blocked, declared, found, setting }) =>
      `           ${setting}: ${JSON.stringify(found) ?? "absent"} → ${JSON.stringify(declared)}` +
      (blocked === undefined ? "" : `   (left as it is: ${blocked})`)
    )
  ].join("\n")
}
