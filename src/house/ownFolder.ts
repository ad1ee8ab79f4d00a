import * as fs from "node:fs"
import { join } from "node:path"
import { leftBehind, outsideOf } from "../stack/dataPlace.ts"

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

/** Removes the folder of servers that run no more, with what lies outside of it. */
export const removeFolder = (folder: string): void => {
  for (const one of foldersOf(folder)) fs.rmSync(one, { recursive: true, force: true })
}
