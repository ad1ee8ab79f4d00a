import * as fs from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import { isAlive } from "../../src/stack/child.ts"
import { clear, closedFolder, serverPids, StartProcess } from "../support/startProcess.ts"

test.each([["SIGTERM", "bench"], ["SIGINT", "hostile"]] as const)(
  "%s ends %s with its servers and leaves nothing on the disk",
  async (signal, name) => {
    const cwd = closedFolder()
    const dataDir = join(cwd, "data")
    const run = new StartProcess({
      cwd,
      environment: { LASTRO_DATA_DIR: dataDir },
      command: [name]
    })
    try {
      const pids = await serversOf(dataDir)
      // As where npx and deno task pass on what the terminal sent already.
      run.signal(signal)
      await new Promise((resolve) => setTimeout(resolve, 20))
      run.signal(signal)
      expect(await run.end()).toBe(130)
      expect(pids.filter(isAlive)).toEqual([])
      expect(fs.readdirSync(dataDir)).toEqual([])
    } finally {
      clear(cwd, dataDir)
    }
  },
  120_000
)

/** Both servers of the command's own folder, once they run. */
const serversOf = async (dataDir: string): Promise<ReadonlyArray<number>> => {
  for (;;) {
    const folders = fs.existsSync(dataDir) ? fs.readdirSync(dataDir) : []
    const pids = folders.flatMap((folder) => serverPids(join(dataDir, folder)))
    if (pids.length === 2 && pids.every((pid) => pid > 0 && isAlive(pid))) return pids
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
