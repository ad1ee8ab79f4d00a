import { type ChildProcess, execFile, spawn } from "node:child_process"
import * as fs from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { testFolder } from "./lastro.ts"

const run = promisify(execFile)
const ANSWER_MILLIS = 20_000

/** A Docker to build and run with: the one of this machine, or one that is started for these tests. */
export interface Docker {
  readonly host: string | undefined
  readonly call: (...args: ReadonlyArray<string>) => Promise<string>
  readonly end: () => Promise<void>
}

const callerOf = (host: string | undefined) => async (...args: ReadonlyArray<string>) => {
  const env = host === undefined ? process.env : { ...process.env, DOCKER_HOST: host }
  return (await run("docker", [...args], { env, maxBuffer: 1e7 })).stdout.trim()
}

const answers = (call: Docker["call"]): Promise<boolean> =>
  call("version", "--format={{.Server.Version}}").then((version) => version !== "", () => false)

/** Undefined where none answers and none can be started (that takes root and an installed `dockerd`). */
export const docker = async (): Promise<Docker | undefined> => {
  const present = callerOf(undefined)
  if (await answers(present)) return { host: undefined, call: present, end: async () => {} }
  const installed = await run("dockerd", ["--version"]).then(() => true, () => false)
  return installed && process.getuid?.() === 0 ? await startDocker() : undefined
}

/** It touches neither the machine's network nor its Docker's data. */
const startDocker = async (): Promise<Docker | undefined> => {
  const folder = testFolder("docker")
  const host = `unix://${join(folder, "sock")}`
  const daemon: ChildProcess = spawn("dockerd", [
    `--data-root=${join(folder, "root")}`,
    `--exec-root=${join(folder, "exec")}`,
    `--pidfile=${join(folder, "pid")}`,
    `--host=${host}`,
    "--bridge=none",
    "--iptables=false"
  ], { stdio: "ignore" })
  const call = callerOf(host)
  const end = async () => {
    const gone = new Promise((resolve) => daemon.once("close", resolve))
    daemon.kill("SIGTERM")
    if (daemon.exitCode === null) await gone
    // The daemon leaves the place of its containers' network mounted.
    await run("umount", [join(folder, "exec/netns/default")]).catch(() => {})
    fs.rmSync(folder, { recursive: true, force: true })
  }
  for (const until = Date.now() + ANSWER_MILLIS; Date.now() < until;) {
    if (await answers(call)) return { host, call, end }
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  await end()
  return undefined
}
