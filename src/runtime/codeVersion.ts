import { createHash } from "node:crypto"
import * as fs from "node:fs"
import { fileURLToPath } from "node:url"

/** The code that decides, and so what a replay depends on: tables, servers and pages do not. */
const DECIDING = ["actors", "streams", "src/domain", "src/ledger", "src/runtime"]
/** Characters of the version: told in turn rows and by replays. */
const VERSION_CHARACTERS = 12

/** A version of sources: another byte, another name or another file, another version. */
export const versionOf = (root: string, folders: ReadonlyArray<string> = DECIDING): string => {
  const hash = createHash("sha256")
  const paths = folders.flatMap((folder) =>
    fs.readdirSync(`${root}/${folder}`, { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".ts"))
      .map((path) => `${folder}/${path}`)
  ).sort()
  for (const path of paths) {
    const text = fs.readFileSync(`${root}/${path}`)
    hash.update(`${path}\0${text.length}\0`).update(text)
  }
  return hash.digest("hex").slice(0, VERSION_CHARACTERS)
}

/** Of the sources this process runs, as they were when it started. Written into every turn row. */
export const CODE_VERSION = versionOf(fileURLToPath(new URL("../..", import.meta.url)))
