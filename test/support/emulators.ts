import { type ChildProcess, execFile, spawn } from "node:child_process"
import * as fs from "node:fs"
import { join, resolve } from "node:path"
import { promisify } from "node:util"
import { AddressTaken, freePort, onFreePorts } from "../../src/stack/ports.ts"
import { eventually } from "./lastro.ts"

const run = promisify(execFile)

/**
 * Servers that we did not write, from npm, with the Node they need. They are fetched once into a
 * folder of their own: a few hundred packages have no business among our dependencies.
 */
const TOOLS = resolve(process.env["LASTRO_TEST_TOOLS"] ?? ".lastro-test/tools")
const NODE = "node@24.8.0"
const FETCH_MILLIS = 240_000

/** Undefined, with the reason on the screen, where the packages cannot be fetched. */
export const fetchTool = async (name: string, version: string): Promise<string | undefined> => {
  const folder = join(TOOLS, `${name.replaceAll(/\W/g, "-")}-${version}`)
  const done = join(folder, "fetched")
  if (fs.existsSync(done)) return folder
  fs.mkdirSync(folder, { recursive: true })
  fs.writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true }))
  try {
    await run("npm", [
      "install",
      "--no-audit",
      "--no-fund",
      "--silent",
      `${name}@${version}`,
      NODE
    ], { cwd: folder, timeout: FETCH_MILLIS })
    fs.writeFileSync(done, "")
    return folder
  } catch (error) {
    console.warn(`skipped: ${name} could not be fetched from npm (${(error as Error).message})`)
    return undefined
  }
}

export interface Tool {
  readonly url: string
  readonly stop: () => Promise<void>
}

/** Starts a fetched tool's program and waits until it answers. */
export const startTool = (
  folder: string,
  script: string,
  args: (port: number) => ReadonlyArray<string>
): Promise<Tool> =>
  onFreePorts(async () => {
    const port = await freePort()
    return await toolOn(port, folder, script, args(port))
  })

const toolOn = async (
  port: number,
  folder: string,
  script: string,
  args: ReadonlyArray<string>
): Promise<Tool> => {
  const child = spawn(
    join(folder, "node_modules/.bin/node"),
    [join(folder, "node_modules", script), ...args],
    { stdio: ["ignore", "pipe", "pipe"], cwd: folder }
  )
  const said: Array<string> = []
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (data) => said.push(String(data)))
  }
  const url = `http://127.0.0.1:${port}`
  try {
    await eventually(async () => {
      if (child.exitCode !== null) throw new Error(said.join(""))
      return (await fetch(url).then((answer) => answer.body?.cancel().then(() => true))) ?? true
    }, 60_000)
  } catch (error) {
    child.kill("SIGKILL")
    if (said.join("").includes("EADDRINUSE")) throw new AddressTaken(`port ${port} is taken`)
    throw new Error(`${script} does not answer: ${said.join("")} ${error}`)
  }
  return { url, stop: () => stopped(child) }
}

const stopped = (child: ChildProcess): Promise<void> =>
  new Promise((done) => {
    if (child.exitCode !== null) return done()
    child.once("exit", () => done())
    child.kill("SIGTERM")
    setTimeout(() => child.kill("SIGKILL"), 3_000).unref()
  })
