import * as fs from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { Child } from "../../src/stack/child.ts"
import { testFolder } from "../support/lastro.ts"

const folder = testFolder("child")
beforeAll(() => void fs.mkdirSync(folder, { recursive: true }))
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))

const started = (command: string, args: ReadonlyArray<string> = []) =>
  Child.start({
    name: "server",
    command,
    args,
    cwd: folder,
    logFile: join(folder, "log"),
    pidFile: join(folder, "pid")
  })

/** Far beyond the time a test may take: nobody waits it out. */
const FOR_EVER = 3_600_000

test("a server that cannot be started is told at once, with the reason", async () => {
  const child = started(join(folder, "absent"))
  await expect(child.ready(() => Promise.resolve(false), FOR_EVER))
    .rejects.toThrow(/server did not start \(.*absent.*\)/)
  expect(child.running).toBe(false)
  await child.stop("SIGTERM")
})

test("a server that ends before it is ready is told at once, with its last words", async () => {
  const child = started("/bin/sh", ["-c", "echo no port is free; exit 3"])
  await expect(child.ready(() => Promise.resolve(false), FOR_EVER))
    .rejects.toThrow(/server did not start \(.*no port is free\)/)
})
