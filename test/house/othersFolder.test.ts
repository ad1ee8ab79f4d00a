import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, expect, test } from "vitest"
import { commandLine } from "../support/commandLine.ts"

const folder = fs.mkdtempSync(join(tmpdir(), "others-folder-"))
afterAll(() => fs.rmSync(folder, { recursive: true }))
const SOMEBODY = 65_533
let dataDir = folder
const lastro = commandLine(() => ({ LASTRO_DATA_DIR: dataDir, LASTRO_PORT: "0" }))

test.skipIf(process.getuid?.() !== 0)(
  "a data folder of another user is told as such, and nothing in it is changed",
  async () => {
    const log = join(folder, "lastro.log")
    fs.writeFileSync(log, "theirs\n")
    fs.chownSync(log, SOMEBODY, SOMEBODY)
    expect(await lastro("start")).toMatchObject({
      code: 1,
      text: `lastro: the data folder ${folder} is that of the user ${SOMEBODY}, and this is 0: ` +
        "start as the user whose folder it is, or choose another with LASTRO_DATA_DIR."
    })
    expect(fs.readdirSync(folder)).toEqual(["lastro.log"])
    expect(fs.readFileSync(log, "utf8")).toBe("theirs\n")
  }
)

test("a place where no folder can be made is told in a sentence", async () => {
  const place = join(folder, "file")
  fs.writeFileSync(place, "")
  dataDir = join(place, "lastro")
  const { code, text } = await lastro("start")
  expect(code).toBe(1)
  expect(text).toMatch(/^lastro: the data folder .* cannot be written \(\w+\): start as /)
})
