import { parseArgs } from "node:util"
import * as fs from "node:fs"
import { join } from "node:path"
import { refuseRunning } from "../stack/lock.ts"
import { binariesFolder, unusedBinaries } from "../stack/postgresBinaries.ts"
import { StackError } from "../stack/stack.ts"
import type { CliCommand } from "../house/command.ts"
import { dataDirOf } from "../house/lastro.ts"
import { foldersOf, foreignIn, removeFolder } from "../house/ownFolder.ts"
import { EXIT_FAILED } from "../house/operator.ts"

const NAMES_SHOWN_MAX = 5

const usage = `Usage: lastro discard [--yes] [--binaries]

Removes everything that the Lastro of a data folder keeps on this machine: the folder itself, and
PostgreSQL's files where they lie outside of it (as root, where its user cannot enter the folder), also
those of a folder that was removed by hand. Names them first, and removes nothing without --yes. A
folder that holds anything else is left as it is. With --binaries PostgreSQL's binaries go, too, that
starts of this user placed and that nothing runs from; the next start places them again.

  LASTRO_DATA_DIR    the data folder (default .lastro)`

export const discard: CliCommand = {
  summary: "Remove a data folder, with what lies outside of it",
  usage,
  run: (args, environment) => {
    const { values: { binaries, yes } } = parseArgs({
      args: [...args],
      options: { binaries: { type: "boolean" }, yes: { type: "boolean" } }
    })
    const dataDir = dataDirOf(environment)
    const placed = binaries === true ? unusedBinaries(binariesFolder(), true) : []
    const folders = [...foldersOf(dataDir), ...placed]
    if (folders.length === 0) {
      console.log(`Nothing of ${dataDir} is on this machine.`)
      return Promise.resolve(0)
    }
    const foreign = foreignIn(dataDir)
    if (foreign.length > 0) {
      throw new StackError(
        `${dataDir} holds what is not of a Lastro (${
          foreign.slice(0, NAMES_SHOWN_MAX).join(", ")
        }): ` +
          "nothing is removed. Check LASTRO_DATA_DIR, or move that elsewhere."
      )
    }
    if (fs.existsSync(join(dataDir, "containers.json"))) {
      const { volumes } = JSON.parse(fs.readFileSync(join(dataDir, "containers.json"), "utf8"))
      throw new StackError(
        `the data of ${dataDir} lies in volumes of Docker: docker volume rm ` +
          `${Object.values(volumes).join(" ")}, then remove the folder.`
      )
    }
    if (yes !== true) {
      console.log(`lastro discard --yes removes ${folders.join(", ")}`)
      return Promise.resolve(EXIT_FAILED)
    }
    // Refused while a Lastro runs on it.
    refuseRunning(dataDir)
    removeFolder(dataDir)
    for (const one of placed) fs.rmSync(one, { recursive: true, force: true })
    console.log(`Removed: ${folders.join(", ")}`)
    return Promise.resolve(0)
  }
}
