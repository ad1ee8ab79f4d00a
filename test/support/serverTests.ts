import * as fs from "node:fs"
import { dirname, relative, resolve } from "node:path"

/** What a file runs when it is read: type-only imports run nothing. */
const RUN_IMPORT =
  /^(?:import|export)\s+(?!type\b)[^"]*?from\s+"(\.[^"]+)"|\bimport\("(\.[^"]+)"\)/gm

/**
 * Whether a test needs servers: it, or what it uses of `test/`, starts what `src/stack` has, another
 * process, or the PostgreSQL that all suites share. Read off the imports, so that no list can be out of date.
 */
export const needsServers = (
  file: string,
  root = resolve("."),
  seen = new Set<string>()
): boolean => {
  if (seen.has(file)) return false
  seen.add(file)
  const text = fs.readFileSync(file, "utf8")
  if (/\binject\(|\bspawn\(/.test(text)) return true
  return [...text.matchAll(RUN_IMPORT)].some(([, imported, dynamic]) => {
    const target = resolve(dirname(file), (imported ?? dynamic)!)
    const place = relative(root, target)
    return place.startsWith("src/stack/") ||
      (place.startsWith("test/") && needsServers(target, root, seen))
  })
}

const testsBelow = (folder: string): Array<string> =>
  fs.readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".test.ts")).map((path) => `${folder}/${path}`)

/** Every test file, those that need no server apart. */
export const testFiles = (): { readonly pure: Array<string>; readonly servers: Array<string> } => {
  const { false: pure = [], true: servers = [] } = Object.groupBy(
    testsBelow("test"),
    (path) => `${needsServers(resolve(path))}` as "true" | "false"
  )
  return { pure, servers }
}
