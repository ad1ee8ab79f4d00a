import * as fs from "node:fs"
import { join } from "node:path"
import { isAlive, startTime } from "./child.ts"
import { StackError } from "./stack.ts"

/** One running Lastro per data folder. A lock whose process is gone is taken over. */
export const lockFolder = (dataDir: string): () => void => {
  const file = join(dataDir, "lock")
  const mine = `${process.pid} ${startTime(process.pid) ?? ""}`
  for (let tries = 0; tries < 5; tries++) {
    try {
      fs.writeFileSync(file, mine, { flag: "wx", mode: 0o600 })
      return () => {
        if (fs.existsSync(file) && fs.readFileSync(file, "utf8") === mine) fs.rmSync(file)
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error
    }
    const [pidText, started] = fs.readFileSync(file, "utf8").split(" ")
    const pid = Number(pidText)
    if (pid > 0 && isAlive(pid) && (started === "" || startTime(pid) === started)) {
      throw new StackError(
        `Lastro is already running on ${dataDir} (process ${pid}): stop it, or start another copy ` +
          "with LASTRO_DATA_DIR and LASTRO_PORT set to others."
      )
    }
    fs.rmSync(file, { force: true })
  }
  throw new StackError(`${file} cannot be taken: is another start under way?`)
}
