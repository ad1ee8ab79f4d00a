import { parseArgs } from "node:util"
import { attachStack } from "../stack/attached.ts"
import { connect } from "../store/database.ts"
import { checkpoints, takeCheckpoint } from "../store/shadow.ts"
import type { CliCommand } from "../house/command.ts"
import { dataDirOf } from "../house/lastro.ts"
import { checkpointTables } from "../house/replayed.ts"

const usage = `Usage: deno task lastro checkpoint [--list] [--json]

Copies every state and cursor as they stand at one moment into a schema of its own (checkpoint_<time>),
from which lastro replay can begin when the mailboxes no longer reach back to their beginning. It may
run while Lastro works. The three newest are kept. --list shows them and takes none.`

export const checkpoint: CliCommand = {
  summary: "Keep the states of this moment, for replays to begin at",
  usage,
  run: async (args, environment) => {
    const { values: { json, list } } = parseArgs({
      args: [...args],
      options: { json: { type: "boolean" }, list: { type: "boolean" } }
    })
    const { databaseUrl } = attachStack(dataDirOf(environment), environment)
    const db = connect(databaseUrl, 1)
    try {
      const taken = list === true
        ? undefined
        : await takeCheckpoint(db, checkpointTables, new Date())
      const kept = await checkpoints(db)
      if (json === true) console.log(JSON.stringify({ taken: taken ?? null, kept }))
      else if (taken !== undefined) console.log(`Taken: ${taken}`)
      else console.log(kept.length === 0 ? "There is none yet." : kept.join("\n"))
      return 0
    } finally {
      await db.destroy()
    }
  }
}
