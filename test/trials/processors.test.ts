import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, expect, test } from "vitest"
import { processorsOf, residentMebibytes } from "../../src/trials/bench/processors.ts"

const proc = fs.mkdtempSync(join(tmpdir(), "lastro-proc-"))
afterEach(() => fs.rmSync(proc, { recursive: true, force: true }))

/** As the kernel writes it: the times are fields 14 to 17, in hundredths of a second. */
const write = (folder: string, name: string, parent: number, times: ReadonlyArray<number>) => {
  fs.mkdirSync(join(proc, folder), { recursive: true })
  const fields = ["S", parent, 1, 1, 0, -1, 0, 0, 0, 0, 0, ...times, 20, 0, 1, 0, 99]
  const id = folder.split("/").at(-1)
  fs.writeFileSync(join(proc, folder, "stat"), `${id} (${name}) ${fields.join(" ")}\n`)
}

test("processor time is told by who used it, that of ended backends too", () => {
  write("100", "deno", 1, [70, 30, 5, 5])
  write("100/task/100", "deno", 1, [40, 10, 0, 0])
  write("100/task/101", "V8 DefaultWorke", 1, [6, 1, 0, 0])
  write("100/task/102", "V8 DefaultWorke", 1, [3, 0, 0, 0])
  write("100/task/103", "worker-1", 1, [9, 1, 0, 0])
  write("200", "nats-server", 100, [11, 9, 0, 0])
  write("300", "postgres", 100, [1, 1, 4, 2])
  write("301", "postgres", 300, [20, 5, 0, 0])
  // A name may hold anything.
  write("302", "postgres) S 1 (", 300, [3, 0, 0, 0])
  write("400", "deno", 1, [12, 3, 0, 0])
  write("500", "somebody", 1, [999, 999, 0, 0])
  fs.writeFileSync(join(proc, "uptime"), "1 1")
  expect(processorsOf(100, proc, 400)).toEqual({
    worker: 500,
    collector: 100,
    // What is left of the process (threads that have ended count in it only), and the load's own.
    loadGateway: 400 + 150,
    nats: 200,
    postgres: 20 + 60 + 250 + 30
  })
  expect(processorsOf(101, proc, 400)).toBeUndefined()
})

test("of this process both are told where there is a /proc", () => {
  if (!fs.existsSync("/proc/self/stat")) return
  const used = processorsOf(process.pid)!
  expect(used.worker).toBeGreaterThan(0)
  expect(used.collector).toBeGreaterThanOrEqual(0)
  const { rss } = process.memoryUsage()
  expect(residentMebibytes(process.pid) / (rss / 1024 ** 2)).toBeCloseTo(1, 0)
})
