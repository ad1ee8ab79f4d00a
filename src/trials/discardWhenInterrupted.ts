import { Child } from "../stack/child.ts"
import { removeFolder } from "../house/ownFolder.ts"
import { untilStopped } from "../house/untilStopped.ts"

/**
 * Ctrl-C or SIGTERM while something is measured: its servers are ended and their folder goes with
 * them, whatever was under way.
 */
export const discardWhenInterrupted = (dataDir: string): void => {
  void untilStopped().then(Child.killAll).then(() => {
    removeFolder(dataDir)
    process.exit(130)
  })
}
