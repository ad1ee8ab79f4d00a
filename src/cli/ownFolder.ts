import * as fs from "node:fs"
import { basename, dirname, join } from "node:path"

/**
 * Removes the folder of servers that were started for one command only. PostgreSQL's files may lie
 * elsewhere, where its user can reach them (`data-location`).
 */
export const removeFolder = (folder: string): void => {
  const place = join(folder, "postgres", "data-location")
  if (fs.existsSync(place)) {
    const parent = dirname(fs.readFileSync(place, "utf8"))
    if (basename(parent).startsWith("lastro-data-")) {
      fs.rmSync(parent, { recursive: true, force: true })
    }
  }
  fs.rmSync(folder, { recursive: true, force: true })
}
