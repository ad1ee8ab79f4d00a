import * as fs from "node:fs"
import { join } from "node:path"
import { isAlive, startTime } from "./child.ts"
import { StackError } from "./stack.ts"

/** How soon it is seen that the folder is gone. */
const LOOK_MILLIS = 500

/** A data folder that is this process's own until it is released. */
interface Lock {
  readonly release: () => void
  /** Resolves, with what to say, when the folder was removed or given to another Lastro meanwhile. */
  readonly lost: Promise<StackError>
}

const fileIn = (dataDir: string): string => join(dataDir, "lock")

const readIf = (file: string): string | undefined => {
  try {
    return fs.readFileSync(file, "utf8")
  } catch {
    return undefined
  }
}

/** Refuses where a Lastro runs on the folder. */
export const refuseRunning = (dataDir: string): void => {
  const [pidText, started] = (readIf(fileIn(dataDir)) ?? "").split(" ")
  const pid = Number(pidText)
  if (pid > 0 && isAlive(pid) && (started === "" || startTime(pid) === started)) {
    throw new StackError(
      `Lastro is already running on ${dataDir} (process ${pid}): stop it, or start another copy ` +
        "with LASTRO_DATA_DIR and LASTRO_PORT set to others."
    )
  }
}

/** One running Lastro per data folder. A lock whose process is gone is taken over. */
export const lockFolder = (dataDir: string): Lock => {
  const file = fileIn(dataDir)
  const mine = `${process.pid} ${startTime(process.pid) ?? ""}`
  for (let tries = 0; tries < 5; tries++) {
    try {
      fs.writeFileSync(file, mine, { flag: "wx", mode: 0o600 })
      return hold(dataDir, mine)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error
    }
    refuseRunning(dataDir)
    fs.rmSync(file, { force: true })
  }
  throw new StackError(`${file} cannot be taken: is another start under way?`)
}

/** Without its lock another start would take the folder for free, and write what this process writes. */
const hold = (dataDir: string, mine: string): Lock => {
  const file = fileIn(dataDir)
  const { promise: lost, resolve } = Promise.withResolvers<StackError>()
  const looking = setInterval(() => {
    if (readIf(file) === mine) return
    clearInterval(looking)
    resolve(
      new StackError(
        `${dataDir} was removed while Lastro ran on it, and what it held with it: Lastro ends. ` +
          "Start it again for an empty one; lastro discard removes what may be left outside."
      )
    )
  }, LOOK_MILLIS)
  looking.unref()
  return {
    lost,
    release: () => {
      clearInterval(looking)
      if (readIf(file) === mine) fs.rmSync(file)
    }
  }
}
