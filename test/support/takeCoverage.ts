import { randomUUID } from "node:crypto"
import * as fs from "node:fs"
import { Session } from "node:inspector/promises"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { afterAll } from "vitest"

const FOLDER = process.env["DENO_COVERAGE_DIR"]!

interface Script {
  readonly url: string
}

const begin = async () => {
  const session = new Session()
  session.connect()
  await session.post("Profiler.enable")
  await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true })
  return { session, name: randomUUID() }
}

// A worker is ended by a signal, on which Deno would write nothing; what was counted so far is written after each file.
const begun =
  ((globalThis as { lastroCoverage?: ReturnType<typeof begin> }).lastroCoverage ??= begin())
await begun

afterAll(async () => {
  const { name, session } = await begun
  const { result } = await session.post("Profiler.takePreciseCoverage") as {
    result: ReadonlyArray<Script>
  }
  const ours = ["src", "actors", "streams"].map((folder) => `${pathToFileURL(folder).href}/`)
  for (const [nth, script] of result.entries()) {
    if (!ours.some((folder) => script.url.startsWith(folder))) continue
    fs.writeFileSync(join(FOLDER, `${name}-${nth}.json`), JSON.stringify(script))
  }
})
