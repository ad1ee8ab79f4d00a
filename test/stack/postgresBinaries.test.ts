import { spawn } from "node:child_process"
import { once } from "node:events"
import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, expect, test } from "vitest"
import { unusedBinaries } from "../../src/stack/postgresBinaries.ts"

const base = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), "lastro-bin-")))
afterAll(() => fs.rmSync(base, { recursive: true }))

const placed = (name: string, source?: string): string => {
  const folder = join(base, name)
  fs.mkdirSync(join(folder, "bin"), { recursive: true })
  if (source !== undefined) fs.writeFileSync(join(folder, "placed-from"), source)
  return folder
}

test("binaries of an installation that is gone are not kept, and all are named where that is asked", () => {
  const gone = placed("postgres-18.3.0-0123abcd", join(base, "nowhere"))
  const here = placed("postgres-18.4.0-0123abcd", base)
  const earlier = placed("postgres-18.4.0-4567cdef")
  placed("nats-server")
  expect(unusedBinaries(base, false)).toEqual([gone])
  expect(unusedBinaries(base, true).toSorted()).toEqual([gone, here, earlier])
  expect(unusedBinaries(join(base, "nowhere"), true)).toEqual([])
})

test.skipIf(!fs.existsSync("/bin/sleep"))("those that a process runs from stay", async () => {
  const folder = placed("postgres-18.5.0-89abcdef", join(base, "nowhere"))
  const program = join(folder, "bin", "sleep")
  fs.copyFileSync("/bin/sleep", program)
  fs.chmodSync(program, 0o755)
  const running = spawn(program, ["60"])
  await once(running, "spawn")
  const kept = !unusedBinaries(base, false).includes(folder)
  running.kill("SIGKILL")
  await once(running, "exit")
  expect(kept).toBe(true)
  expect(unusedBinaries(base, false)).toContain(folder)
})
