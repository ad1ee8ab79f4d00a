import { type ChildProcess, spawn } from "node:child_process"
import * as fs from "node:fs"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { afterAll, beforeAll, expect, test } from "vitest"
import { examineStack } from "../../src/house/examination.ts"
import { prepare } from "../../src/house/prepare.ts"
import { eventually, testFolder } from "../support/lastro.ts"
import { type SharedStack, sharedStack } from "../support/sharedServers.ts"
import { mainFile, ownRuntime } from "../support/startProcess.ts"

const dataDir = testFolder("clocks")
let stack: SharedStack
const workers: Array<ChildProcess> = []

beforeAll(async () => {
  stack = await sharedStack()
  await prepare(stack, () => {})
})
afterAll(async () => {
  await Promise.all(workers.map((worker) =>
    new Promise((resolve) => {
      worker.once("exit", resolve)
      if (worker.exitCode !== null || !worker.kill("SIGKILL")) resolve(undefined)
    })
  ))
  await stack.stop()
  fs.rmSync(dataDir, { recursive: true, force: true })
})

/** A worker on a machine whose clock is so far off. */
const startWorker = (shiftMillis: number) => {
  const script = join(dataDir, `worker${shiftMillis}.ts`)
  fs.writeFileSync(
    script,
    `const Real = Date
globalThis.Date = class extends Real {
  constructor(...given: Array<never>) {
    super(...(given.length === 0 ? [Real.now() + ${shiftMillis}] : given) as [number])
  }
  static override now() { return Real.now() + ${shiftMillis} }
} as DateConstructor
await import(${JSON.stringify(pathToFileURL(mainFile).href)})
`
  )
  const [command, ...args] = ownRuntime
  const worker = spawn(command!, [...args, script, "worker", "--actors", "delivery"], {
    stdio: "ignore",
    env: {
      ...process.env,
      LASTRO_NATS_URL: stack.natsUrls.join(","),
      LASTRO_NATS_MONITOR_URL: stack.natsMonitorUrl,
      LASTRO_NATS_PASSWORDS_FILE: stack.passwordsFile,
      DATABASE_URL: stack.databaseUrl,
      LASTRO_PORT: "0"
    }
  })
  workers.push(worker)
  return `worker-${worker.pid}-`
}

const clocks = async () => {
  const { findings } = await examineStack(stack)
  return findings.find(({ area, check }) => area === "clocks" && check === "workers")!
}

test("a worker whose clock is far ahead, or far behind, is found and named", async () => {
  const right = startWorker(0)
  await eventually(async () => (await clocks()).found.startsWith("1 workers within") || undefined)
  expect((await clocks()).verdict).toBe("good")
  const [ahead, behind] = [startWorker(90_000), startWorker(-90_000)]
  const { found, undermines, verdict } = await eventually(async () => {
    const seen = await clocks()
    return seen.found.includes(ahead) && seen.found.includes(behind) ? seen : undefined
  })
  expect([verdict, undermines]).toEqual(["bad", ["M2"]])
  expect(found).toMatch(new RegExp(`${ahead}\\w+ is (8[89]|9[01])\\d{3} ms ahead of NATS`))
  expect(found).toMatch(new RegExp(`${behind}\\w+ is (8[89]|9[012])\\d{3} ms behind NATS`))
  expect(found).not.toContain(right)
}, 90_000)
