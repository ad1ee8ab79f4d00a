import { Child } from "../stack/child.ts"
import { removeFolder } from "./ownFolder.ts"

/**
 * Ctrl-C or SIGTERM while something is measured: its servers are ended and their folder goes with
 * them, whatever was under way.
 */
export const discardWhenInterrupted = (dataDir: string): void => {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      void Child.killAll().then(() => {
        removeFolder(dataDir)
        process.exit(130)
      })
    })
  }
}
