import { execFile } from "node:child_process"
import * as fs from "node:fs"
import { dirname, join, resolve } from "node:path"
import { promisify } from "node:util"

const run = promisify(execFile)

const CHECKOUT = resolve(import.meta.dirname!, "../..")
const SOURCES = ["src", "actors", "streams", "migrations", "deploy/image/health.ts"]
/** What a package brings for those who read or compile it. */
const NOT_RUN = /\.(d\.[cm]?ts|[cm]?ts|map|md|flow)$/

interface Package {
  readonly version: string
  readonly dependencies: Readonly<Record<string, string>>
}

export const lastroPackage = (): Package & { readonly [field: string]: unknown } =>
  JSON.parse(fs.readFileSync(join(CHECKOUT, "package.json"), "utf8"))

/**
 * Everything the image holds, below `root`: Deno and the libraries its loader asks for, the sources, and the
 * modules of `dependencies`. What is for development stays out, the servers that `start` brings among it.
 * Modules come from Deno's own cache: no network is asked.
 */
export const fillRoot = async (root: string): Promise<void> => {
  const app = join(root, "app")
  fs.mkdirSync(join(root, "bin"), { recursive: true })
  for (const folder of ["tmp", "etc"]) fs.mkdirSync(join(root, folder))
  fs.writeFileSync(join(root, "etc", "passwd"), "lastro:x:10001:10001::/tmp:/none\n")
  fs.copyFileSync(process.execPath, join(root, "bin", "deno"))
  for (const library of await librariesOf(process.execPath)) {
    fs.mkdirSync(join(root, dirname(library)), { recursive: true })
    fs.copyFileSync(library, join(root, library))
  }
  for (const path of SOURCES) {
    fs.cpSync(join(CHECKOUT, path), join(app, path), { recursive: true })
  }
  await placeModules(app)
}

const placeModules = async (app: string): Promise<void> => {
  const { devDependencies: _, scripts: __, ...production } = lastroPackage()
  fs.writeFileSync(join(app, "package.json"), JSON.stringify(production, undefined, 2) + "\n")
  // Only the lock names versions; Deno shortens it to what the package asks for.
  fs.copyFileSync(join(CHECKOUT, "deno.lock"), join(app, "deno.lock"))
  await run(process.execPath, ["install", "--quiet", "--cached-only", "--node-modules-dir=auto"], {
    cwd: app
  })
  fs.rmSync(join(app, "deno.lock"))
  const modules = join(app, "node_modules")
  for (const entry of fs.readdirSync(modules, { recursive: true, withFileTypes: true })) {
    if (entry.isFile() && NOT_RUN.test(entry.name)) fs.rmSync(join(entry.parentPath, entry.name))
  }
}

/** The loader and the shared libraries that a binary needs, as the loader finds them. */
const librariesOf = async (binary: string): Promise<ReadonlyArray<string>> => {
  const { stdout } = await run("ldd", [binary])
  return [...stdout.matchAll(/(?:^|\s)(\/(?:usr\/)?lib\S*)/gm)].map(([, path]) => path!)
}
