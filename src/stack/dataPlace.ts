import { createHash, randomBytes } from "node:crypto"
import * as fs from "node:fs"
import { basename, dirname, join, resolve } from "node:path"
import type { Progress } from "./stack.ts"

/** Where another user has to run things, they lie where everybody may enter. */
export const PUBLIC_FOLDER = "/var/tmp"
const OUTSIDE = "lastro-data-"
/** In PostgreSQL's folder: where its files are. */
const LOCATION = "data-location"
/** Beside files that lie outside: whose they are. */
const OWNER = "belongs-to"

/**
 * Where PostgreSQL's files of a data folder lie: in it, or, where its user cannot enter that, outside,
 * under a name of their own. Each knows the other, so that one without its counterpart is told.
 */
export const placeData = (
  folder: string,
  user: { readonly uid: number; readonly gid: number } | undefined,
  progress: Progress
): string => {
  const own = resolve(folder, "data")
  const data = locationOf(folder) ??
    (user === undefined || isOpen(folder)
      ? own
      : join(PUBLIC_FOLDER, `${OUTSIDE}${randomBytes(8).toString("hex")}`, "data"))
  fs.mkdirSync(dirname(data), { recursive: true, mode: 0o755 })
  fs.mkdirSync(data, { recursive: true, mode: 0o700 })
  if (user !== undefined) fs.chownSync(data, user.uid, user.gid)
  if (data !== own) {
    fs.writeFileSync(join(dirname(data), OWNER), resolve(folder), { mode: 0o600 })
    progress(
      `PostgreSQL's user cannot enter ${resolve(folder)}: its files lie in ${dirname(data)} ` +
        "(lastro discard removes both)"
    )
  }
  fs.writeFileSync(join(folder, LOCATION), data)
  for (const left of leftBehind(folder)) {
    progress(
      `data of a former Lastro on this folder is left in ${left} (lastro discard removes it)`
    )
  }
  return data
}

const locationOf = (folder: string): string | undefined => {
  const file = join(folder, LOCATION)
  return fs.existsSync(file) ? fs.readFileSync(file, "utf8") : undefined
}

/** The folder outside in which a data folder's PostgreSQL has its files, where it has one. */
export const outsideOf = (folder: string): string | undefined => {
  const outside = dirname(locationOf(folder) ?? "")
  return basename(outside).startsWith(OUTSIDE) ? outside : undefined
}

/** Folders outside whose data folder was removed, or begun anew, under this path. */
export const leftBehind = (folder: string): ReadonlyArray<string> => {
  const mine = resolve(folder)
  const present = outsideOf(folder)
  // Earlier versions named them by the path alone, and kept no note in them.
  const former = createHash("sha256").update(join(mine, "data")).digest("hex").slice(0, 16)
  return fs.readdirSync(PUBLIC_FOLDER).filter((name) => name.startsWith(OUTSIDE))
    .map((name) => join(PUBLIC_FOLDER, name))
    .filter((outside) => {
      if (outside === present) return false
      const note = join(outside, OWNER)
      return fs.existsSync(note) ? isNoteOf(note, mine) : basename(outside) === OUTSIDE + former
    })
}

/** Somebody else's note cannot be read, and is not ours. */
const isNoteOf = (note: string, folder: string): boolean => {
  try {
    return fs.readFileSync(note, "utf8") === folder
  } catch {
    return false
  }
}

/** True where every folder on the way lets anybody pass. */
const isOpen = (folder: string): boolean => {
  for (let path = resolve(folder);; path = dirname(path)) {
    if ((fs.statSync(path).mode & 0o001) === 0) return false
    if (path === dirname(path)) return true
  }
}
