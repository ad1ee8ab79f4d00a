import { parseArgs } from "node:util"
import { PARTITIONS } from "../../streams/mailboxes.ts"
import type { ReplayReport } from "../proof/replay/replay.ts"
import { attachStack } from "../stack/attached.ts"
import { StackError } from "../stack/stack.ts"
import { connect } from "../store/database.ts"
import { checkpoints } from "../store/shadow.ts"
import type { CliCommand } from "../house/command.ts"
import { dataDirOf } from "../house/lastro.ts"
import { familyTables } from "../../actors/register.ts"
import { replayStack } from "../house/replayStack.ts"
import { agreed, planAs } from "../house/topology/declared.ts"
import { UsageError } from "../house/usage.ts"

const EXIT_DIFFERS = 2

const usage =
  `Usage: deno task lastro replay <family> [--from beginning|checkpoint|<name>] [--partition n] [--json]

Decides everything in a family's mailbox once more, into a schema of its own that is dropped at the end,
and compares with what is stored: the digest after every turn, then every row, the balances of accounts
and the trial balance. Nothing is sent and no live table changes; it may run while Lastro works.
Families: ${Object.keys(familyTables).join(", ")}.

  --from        beginning of the mailbox (default), the newest checkpoint, or one by its name
  --partition   only this one

A turn that other code decided, and otherwise, is named: what is compared begins at the first checkpoint
behind it, such as the first worker of new code takes.

Exits with 0 where the replay ends in what is stored, with 2 where not (the first differences are printed).`

export const replay: CliCommand = {
  summary: "Decide a mailbox again and compare with what is stored",
  usage,
  run: async (args, environment) => {
    const { positionals, values } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        from: { type: "string", default: "beginning" },
        partition: { type: "string" },
        json: { type: "boolean", default: false }
      }
    })
    const [family] = positionals
    if (family === undefined || familyTables[family] === undefined || positionals.length > 1) {
      throw new UsageError(
        `say one family of ${Object.keys(familyTables).join(", ")}; --help says more.`
      )
    }
    const partition = partitionOf(values.partition)
    const stack = attachStack(dataDirOf(environment), environment)
    agreed(await planAs(stack, "worker"))
    const report = await replayStack(stack, family, {
      checkpoint: await checkpointOf(stack.databaseUrl, values.from),
      partition
    })
    if (values.json) console.log(JSON.stringify(report))
    else print(report)
    return report.differences.length === 0 ? 0 : EXIT_DIFFERS
  }
}

const partitionOf = (text: string | undefined): number | undefined => {
  if (text === undefined) return undefined
  const partition = Number(text)
  if (!Number.isInteger(partition) || partition < 0 || partition >= PARTITIONS) {
    throw new UsageError(`--partition ${text}: there are 0 to ${PARTITIONS - 1}.`)
  }
  return partition
}

const checkpointOf = async (databaseUrl: string, from: string): Promise<string | undefined> => {
  if (from === "beginning") return undefined
  const db = connect(databaseUrl, 1)
  const known = await checkpoints(db).finally(() => db.destroy())
  const found = from === "checkpoint" ? known[0] : known.find((name) => name === from)
  if (found === undefined) {
    throw new StackError(
      known.length === 0
        ? "there is no checkpoint yet: lastro checkpoint takes one."
        : `there is no checkpoint ${from}; there are ${known.join(", ")}.`
    )
  }
  return found
}

const print = (report: ReplayReport) => {
  const {
    differences,
    families,
    from,
    messages,
    older,
    other_versions,
    partitions,
    tables,
    turns
  } = report
  console.log(
    `${
      families.join(", ")
    }: ${messages} messages in ${turns} turns of ${partitions} partitions decided again ` +
      `from ${from === "beginning" ? "the beginning" : from}.`
  )
  if (older.length > 0) console.log("Before that, other code decided otherwise:")
  for (const turn of older) console.log(`  older: ${turn}`)
  if (other_versions.length > 0) {
    console.log(`Some turns were decided by other versions of the code: ${other_versions}.`)
  }
  if (differences.length === 0) {
    console.log(`The same digest after every turn, the same rows in ${tables.join(", ")}.`)
  }
  for (const difference of differences) console.log(`  differs: ${difference}`)
}
