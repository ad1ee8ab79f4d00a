import process from "node:process"
import { Child } from "../stack/child.ts"
import { stopOrphans } from "../stack/orphans.ts"
import { removeFolder } from "../house/ownFolder.ts"
import { untilStopped } from "../house/untilStopped.ts"

const EXIT_INTERRUPTED = 130

/**
 * Ctrl-C or SIGTERM while something is measured: its servers are ended, also those of a Lastro that was
 * started for it, and their folders go with them, whatever was under way.
 */
export const discardWhenInterrupted = (...dataDirs: ReadonlyArray<string>): void => {
  void untilStopped().then(async () => {
    // At the very end, since whatever loses its server now may end this process before it is asked to.
    process.once("exit", () => {
      for (const dataDir of dataDirs) removeFolder(dataDir)
      process.exitCode = EXIT_INTERRUPTED
    })
    await Child.killAll()
    await Promise.all(dataDirs.map(stopOrphans))
    process.exit(EXIT_INTERRUPTED)
  })
}
