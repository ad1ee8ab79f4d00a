import { execFile } from "node:child_process"
import { createHash } from "node:crypto"
import * as fs from "node:fs/promises"
import { homedir, tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { type Progress, StackError } from "./stack.ts"

const run = promisify(execFile)

/** Atomic batches, schedules and cheap synchronous writes: older servers have not got them. */
const NATS_VERSION_MIN = [2, 14] as const
const RELEASE = "v2.14.0"
const RELEASES = "https://github.com/nats-io/nats-server/releases/download"
const DOWNLOAD_TIMEOUT_MILLIS = 20_000

export const isRecentEnough = (version: string): boolean => {
  const [major = 0, minor = 0] = version.replace(/^v/, "").split(".").map(Number)
  return major > NATS_VERSION_MIN[0] ||
    (major === NATS_VERSION_MIN[0] && minor >= NATS_VERSION_MIN[1])
}

export const cacheFolder = (): string =>
  process.env["LASTRO_CACHE_DIR"] ??
    join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "lastro")

/** A nats-server ≥ 2.14: from PATH, from an earlier fetch, from its releases, or from Debian's archive. */
export const natsServerBinary = async (progress: Progress): Promise<string> => {
  const named = process.env["LASTRO_NATS_SERVER"]
  for (const candidate of [named, "nats-server", join(cacheFolder(), "nats-server")]) {
    if (candidate !== undefined && await works(candidate)) return candidate
  }
  await fs.mkdir(cacheFolder(), { recursive: true })
  const failures: Array<string> = []
  for (
    const [source, fetch] of [["its releases", fromReleases], [
      "Debian's archive",
      fromDebian
    ]] as const
  ) {
    progress(`fetching nats-server from ${source} …`)
    const folder = await fs.mkdtemp(join(tmpdir(), "lastro-fetch-"))
    try {
      const target = join(cacheFolder(), "nats-server")
      await install(await fetch(folder, progress), target)
      if (await works(target)) return target
      failures.push(`${source}: what came does not run`)
    } catch (error) {
      failures.push(`${source}: ${firstLine(error)}`)
    } finally {
      await fs.rm(folder, { recursive: true, force: true })
    }
  }
  throw new StackError(
    `nats-server 2.14 or later could not be found or fetched (${failures.join("; ")}): ` +
      "install it from nats.io and put it on PATH, or name it in LASTRO_NATS_SERVER."
  )
}

const works = async (binary: string): Promise<boolean> => {
  try {
    const { stdout } = await run(binary, ["--version"])
    return isRecentEnough(/v(\d+\.\d+\.\d+)/.exec(stdout)?.[1] ?? "0.0.0")
  } catch {
    return false
  }
}

/** Moved into place at once: a fetch that was cut off leaves no half a binary. */
const install = async (found: string, target: string): Promise<void> => {
  const partial = `${target}.${process.pid}`
  await fs.copyFile(found, partial)
  await fs.chmod(partial, 0o755)
  await fs.rename(partial, target)
}

const fromReleases = async (folder: string): Promise<string> => {
  const platform = process.platform === "darwin" ? "darwin" : "linux"
  const machine = process.arch === "arm64" ? "arm64" : "amd64"
  const name = `nats-server-${RELEASE}-${platform}-${machine}.tar.gz`
  const archive = await download(`${RELEASES}/${RELEASE}/${name}`)
  const sums = (await download(`${RELEASES}/${RELEASE}/SHA256SUMS`)).toString("utf8")
  const expected = sums.split("\n").find((line) => line.endsWith(name))?.split(/\s+/)[0]
  if (createHash("sha256").update(archive).digest("hex") !== expected) {
    throw new Error("the archive does not match its SHA256SUMS")
  }
  await fs.writeFile(join(folder, name), archive)
  await run("tar", ["-xzf", join(folder, name), "-C", folder, "--strip-components=1"])
  return join(folder, "nats-server")
}

const download = async (url: string): Promise<Buffer> => {
  const response = await fetch(url, { signal: AbortSignal.timeout(DOWNLOAD_TIMEOUT_MILLIS) })
  if (!response.ok) throw new Error(`${response.status} for ${url}`)
  return Buffer.from(await response.arrayBuffer())
}

/** `apt-get` with state and sources of its own: nothing is installed, the machine's lists stay as they are. */
const fromDebian = async (folder: string, progress: Progress): Promise<string> => {
  const mirror = await debianMirror()
  // apt drops its rights to a user of its own, who must be able to enter.
  await fs.chmod(folder, 0o755)
  for (const sub of ["lists/partial", "cache/archives/partial", "parts"]) {
    await fs.mkdir(join(folder, sub), { recursive: true })
  }
  await fs.writeFile(join(folder, "status"), "")
  const signed = "/usr/share/keyrings/debian-archive-keyring.gpg"
  await fs.writeFile(
    join(folder, "sources.list"),
    `deb [signed-by=${signed}] ${mirror} sid main\n`
  )
  const options = [
    ["Dir::Etc::SourceList", join(folder, "sources.list")],
    ["Dir::Etc::SourceParts", join(folder, "parts")],
    ["Dir::State::Lists", join(folder, "lists")],
    ["Dir::State::status", join(folder, "status")],
    ["Dir::Cache", join(folder, "cache")],
    ["APT::Sandbox::User", "root"],
    ["Acquire::Languages", "none"]
  ].flatMap(([name, value]) => ["-o", `${name}=${value}`])
  progress("reading Debian's package list …")
  await run("apt-get", [...options, "-q", "update"], { cwd: folder })
  progress("downloading the nats-server package …")
  await run("apt-get", [...options, "-q", "download", "nats-server"], { cwd: folder })
  const deb = (await fs.readdir(folder)).find((name) => name.endsWith(".deb"))
  if (deb === undefined) throw new Error("apt-get downloaded no package")
  await run("dpkg", ["-x", join(folder, deb), join(folder, "out")])
  for (const path of ["usr/bin/nats-server", "usr/sbin/nats-server"]) {
    const binary = join(folder, "out", path)
    if (await fs.stat(binary).then(() => true, () => false)) return binary
  }
  throw new Error("the package holds no nats-server")
}

/** The mirror this machine already uses; the address stays on the machine. */
const debianMirror = async (): Promise<string> => {
  const folder = "/etc/apt/sources.list.d"
  const names = await fs.readdir(folder).catch(() => [] as Array<string>)
  const files = ["/etc/apt/sources.list", ...names.map((name) => join(folder, name))]
  for (const file of files.filter((name) => /\.(list|sources)$/.test(name))) {
    const text = await fs.readFile(file, "utf8").catch(() => "")
    const found = /^(?:URIs:\s*|deb\s+(?:\[[^\]]*\]\s+)?)(\S+\/debian)\/?(?:\s|$)/m.exec(text)
    if (found !== null) return found[1]!
  }
  throw new Error("this machine has no Debian archive configured")
}

export const firstLine = (error: unknown): string =>
  String((error as { stderr?: string }).stderr || (error as Error).message || error)
    .trim().split("\n")[0]!.slice(0, 200)
