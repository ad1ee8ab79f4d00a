import { execFile } from "node:child_process"
import * as fs from "node:fs"
import { join } from "node:path"
import { afterAll, describe, expect, test } from "vitest"
import { testFolder } from "../support/lastro.ts"
import { node24, ownRuntime } from "../support/startProcess.ts"

const folder = testFolder("unforeseen")
afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))

const unforeseen = new URL("../../src/house/unforeseen.ts", import.meta.url).href

/** A process with these lines in it, and what becomes of it. */
const runs = (runtime: ReadonlyArray<string>, serves: boolean, lines: ReadonlyArray<string>) => {
  const file = join(folder, `${Math.random()}.ts`)
  fs.writeFileSync(
    file,
    [
      `import { tellUnforeseen } from ${JSON.stringify(unforeseen)}`,
      `tellUnforeseen(() => ${serves}, (line) => console.error(line))`,
      ...lines,
      `setTimeout(() => { console.log("still here"); process.exit(0) }, 300)`
    ].join("\n")
  )
  const [command, ...args] = runtime
  return new Promise<{ code: number; said: string; told: Array<Record<string, string>> }>(
    (resolve) =>
      execFile(command!, [...args, file], (error, said, complained) =>
        resolve({
          code: error === null ? 0 : Number(error.code),
          said: said.trim(),
          told: complained.trim().split("\n").filter((line) => line.startsWith("{"))
            .map((line) => JSON.parse(line))
        }))
  )
}

const thrown = `setTimeout(() => { throw new Error("of a timer") })`
const rejected = `Promise.reject(new Error("of a promise"))`
const emitted =
  `new (await import("node:events")).EventEmitter().emit("error", new Error("of a socket"))`

const node = "deno" in process.versions ? await node24() : undefined

describe.each([
  { name: "this runtime", runtime: ownRuntime },
  ...(node === undefined ? [] : [{ name: "Node 24", runtime: [node] }])
])("on $name", ({ runtime }) => {
  test("a process that serves tells an error that reached nobody, and goes on", async () => {
    const { code, said, told } = await runs(runtime, true, [thrown, rejected])
    expect([code, said]).toEqual([0, "still here"])
    expect(told.map(({ level, cause }) => [level, cause!.split("\n")[0]]).sort()).toEqual([
      ["error", "Error: of a promise"],
      ["error", "Error: of a timer"]
    ])
  })

  test("one whose errors do not stop ends", async () => {
    const { code, said, told } = await runs(runtime, true, [
      `for (let nth = 0; nth < 11; nth++) ${thrown}`
    ])
    expect([code, said, told.length]).toEqual([1, "", 11])
    expect(told.at(-1)).toMatchObject({
      level: "fatal",
      message: "an error that nobody handled: this process ends"
    })
  })

  test("a command that ends by itself ends with the first one, and says its cause", async () => {
    const { code, said, told } = await runs(runtime, false, [emitted])
    expect([code, said]).toEqual([1, ""])
    expect(told[0]!.cause).toContain("of a socket")
  })
})
