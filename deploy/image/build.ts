import { execFile } from "node:child_process"
import { createHash } from "node:crypto"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs, promisify } from "node:util"
import { fillRoot, lastroPackage } from "./rootFolder.ts"

const USAGE = `Usage: deno task image [--tag NAME:TAG]

Builds the image of Lastro (deploy/image/Dockerfile) with Docker, from what is installed here and without a
network, and prints its identifier. The same checkout gives the same bits: every time in it is that of
SOURCE_DATE_EPOCH (seconds; default: of the last commit).

  --tag NAME:TAG   default lastro:<version of package.json>
`

const run = promisify(execFile)

/** Of a tool that is there or not: its output, or one sentence. */
const call = async (tool: string, args: ReadonlyArray<string>): Promise<string> => {
  try {
    const env = { ...process.env, DOCKER_BUILDKIT: "0" }
    return (await run(tool, [...args], { env, maxBuffer: 1e8 })).stdout.trim()
  } catch (error) {
    const said = String((error as { stderr?: string }).stderr ?? "").trim().split("\n").at(-1)
    throw new Error(`${tool} ${args[0]} failed: ${said || (error as Error).message}`)
  }
}

/** A tar whose bytes depend on names and contents only; all may read what is in it. */
const pack = (folder: string, file: string, epoch: string): Promise<string> =>
  call("tar", [
    `--directory=${folder}`,
    `--file=${file}`,
    "--create",
    "--sort=name",
    `--mtime=@${epoch}`,
    "--owner=0",
    "--group=0",
    "--numeric-owner",
    "--mode=u=rwX,go=rX",
    "--format=gnu",
    "."
  ])

/** Docker notes when and where it built; with the time of the sources instead, the identifier is theirs alone. */
const withoutBuilder = (config: string, created: string): string => {
  const { architecture, config: runs, history, os, rootfs } = JSON.parse(config)
  const steps = history.map((step: object) => ({ ...step, created }))
  const { Image: _, Hostname: __, ...settings } = runs
  return JSON.stringify({ architecture, config: settings, created, history: steps, os, rootfs })
}

const normalise = async (built: string, tag: string, folder: string, epoch: string) => {
  const saved = join(folder, "saved")
  fs.mkdirSync(saved)
  await call("docker", ["save", "--output", `${saved}.tar`, built])
  await call("tar", ["--extract", `--directory=${saved}`, `--file=${saved}.tar`])
  const manifestFile = join(saved, "manifest.json")
  const [manifest] = JSON.parse(fs.readFileSync(manifestFile, "utf8"))
  const created = new Date(Number(epoch) * 1000).toISOString()
  const config = withoutBuilder(fs.readFileSync(join(saved, manifest.Config), "utf8"), created)
  const name = `${createHash("sha256").update(config).digest("hex")}.json`
  fs.writeFileSync(join(saved, name), config)
  fs.writeFileSync(
    manifestFile,
    JSON.stringify([{ Config: name, RepoTags: [tag], Layers: manifest.Layers }])
  )
  await call("tar", ["--create", `--directory=${saved}`, `--file=${saved}.tar`, "."])
  await call("docker", ["load", "--quiet", "--input", `${saved}.tar`])
}

const build = async (tag: string): Promise<string> => {
  const folder = fs.mkdtempSync(join(tmpdir(), "lastro-image-"))
  try {
    const epoch = process.env["SOURCE_DATE_EPOCH"] ??
      await call("git", ["-C", import.meta.dirname!, "log", "-1", "--format=%ct"])
    const [root, context] = [join(folder, "root"), join(folder, "context")]
    fs.mkdirSync(context)
    await fillRoot(root)
    await pack(root, join(context, "root.tar"), epoch)
    fs.copyFileSync(join(import.meta.dirname!, "Dockerfile"), join(context, "Dockerfile"))
    const { version } = lastroPackage()
    const arg = `VERSION=${version}`
    const built = await call("docker", ["build", "--quiet", "--build-arg", arg, context])
    await normalise(built, tag, folder, epoch)
    if (await call("docker", ["image", "inspect", "--format={{.Id}}", tag]) !== built) {
      await call("docker", ["image", "rm", built]).catch(() => {})
    }
    return await call("docker", ["image", "inspect", "--format={{.Id}} {{.Size}}", tag])
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

const { values } = parseArgs({ options: { tag: { type: "string" }, help: { type: "boolean" } } })
if (values.help) {
  console.log(USAGE)
} else {
  const tag = values.tag ?? `lastro:${lastroPackage().version}`
  try {
    const [id, bytes] = (await build(tag)).split(" ")
    console.log(`${tag} ${id} ${Math.ceil(Number(bytes) / 1e6)} MB`)
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  }
}
