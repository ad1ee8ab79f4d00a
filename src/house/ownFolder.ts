import * as fs from "node:fs"
import { join } from "node:path"
import { leftBehind, outsideOf } from "../stack/dataPlace.ts"
import { StackError } from "../stack/stack.ts"

/** What `start` writes first: whose it is, is whose folder it is. */
export const LOG = "lastro.log"

/**
 * The data folder, made where it is not there. Servers run as whoever starts them: on another user's
 * files they end, and what they write before is lost to their owner.
 */
export const openFolder = (folder: string): void => {
  const other = "start as the user whose folder it is, or choose another with LASTRO_DATA_DIR."
  try {
    fs.mkdirSync(folder, { recursive: true })
    fs.accessSync(folder, fs.constants.W_OK)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new StackError(`the data folder ${folder} cannot be written (${code}): ${other}`)
  }
  const owner = fs.statSync(join(folder, LOG), { throwIfNoEntry: false })?.uid
  const user = process.getuid?.()
  if (owner !== undefined && user !== undefined && owner !== user) {
    throw new StackError(
      `the data folder ${folder} is that of the user ${owner}, and this is ${user}: ${other}`
    )
  }
}

/** Folders that hold a Lastro's data: its own, and those outside where PostgreSQL's user can reach them. */
export const foldersOf = (folder: string): ReadonlyArray<string> => {
  const postgres = join(folder, "postgres")
  const outside = outsideOf(postgres)
  return [
    ...fs.existsSync(folder) ? [folder] : [],
    ...outside !== undefined && fs.existsSync(outside) ? [outside] : [],
    ...leftBehind(postgres)
  ]
}

/** What a Lastro writes into its data folder: servers, keys, its log, and the books of simulators. */
const OWN = /^(nats|postgres|lock|lastro\.log|containers\.json|.+\.(key|pub|db|db-shm|db-wal))$/

/** What lies in a data folder and is somebody else's. */
export const foreignIn = (folder: string): ReadonlyArray<string> =>
  fs.existsSync(folder) ? fs.readdirSync(folder).filter((name) => !OWN.test(name)) : []

/** Removes the folder of servers that run no more, with what lies outside of it. */
export const removeFolder = (folder: string): void => {
  for (const one of foldersOf(folder)) fs.rmSync(one, { recursive: true, force: true })
}
