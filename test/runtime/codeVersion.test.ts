import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, expect, test } from "vitest"
import { CODE_VERSION, versionOf } from "../../src/runtime/codeVersion.ts"

const root = fs.mkdtempSync(join(tmpdir(), "code-"))
afterAll(() => fs.rmSync(root, { recursive: true }))

const write = (path: string, text: string) => {
  fs.mkdirSync(join(root, path, ".."), { recursive: true })
  fs.writeFileSync(join(root, path), text)
}
const version = () => versionOf(root, ["actors", "streams"])

test("the version of the code is that of the sources that decide, byte for byte", () => {
  write("actors/payments/decide.ts", "1")
  write("streams/events.ts", "2")
  const first = version()
  write("actors/README.md", "no code")
  write("src/edge/app.ts", "decides nothing")
  expect(version()).toBe(first)
  write("actors/payments/decide.ts", "3")
  const second = version()
  fs.renameSync(join(root, "actors/payments/decide.ts"), join(root, "actors/payments/decides.ts"))
  expect(new Set([first, second, version()]).size).toBe(3)
})

test("this code's own is told in twelve characters", () => {
  expect(CODE_VERSION).toMatch(/^[0-9a-f]{12}$/)
  expect(versionOf(".")).toBe(CODE_VERSION)
})
