import * as fs from "node:fs"
import { join } from "node:path"
import { afterAll, expect, test } from "vitest"
import { outsideOf } from "../../src/stack/dataPlace.ts"
import { lockFolder } from "../../src/stack/lock.ts"
import { PostgresServer } from "../../src/stack/postgresServer.ts"
import { commandLine } from "../support/commandLine.ts"
import { query } from "../support/query.ts"
import { clear, closedFolder } from "../support/startProcess.ts"

const home = closedFolder()
const dataDir = join(home, ".lastro")
const postgres = join(dataDir, "postgres")
const lastro = commandLine(() => ({ LASTRO_DATA_DIR: dataDir }))
afterAll(() => clear(home, dataDir))

/** PostgreSQL as `start` has it, and what it said. */
const begun = async () => {
  const said: Array<string> = []
  const server = await PostgresServer.start(postgres, {
    progress: (line) => said.push(line),
    fsync: false
  })
  return { server, said: said.join("\n") }
}
const admin = (server: PostgresServer) => server.url.replace(/lastro$/, "postgres")

const isRoot = process.getuid?.() === 0

test.skipIf(!isRoot)(
  "as root in a closed folder data lies outside: it is said, found again, begun anew where the folder is gone, and discarded",
  async () => {
    const first = await begun()
    const outside = outsideOf(postgres)!
    expect(first.said).toContain(`its files lie in ${outside} (lastro discard removes both)`)
    await query(admin(first.server), "create table kept ()")
    await first.server.stop()

    const again = await begun()
    expect(outsideOf(postgres)).toBe(outside)
    expect(await query(admin(again.server), "select * from kept")).toEqual([])
    await again.server.stop()

    fs.rmSync(dataDir, { recursive: true })
    const anew = await begun()
    expect(outsideOf(postgres)).not.toBe(outside)
    expect(anew.said).toContain(
      `data of a former Lastro on this folder is left in ${outside} (lastro discard removes it)`
    )
    await expect(query(admin(anew.server), "select * from kept")).rejects.toThrow(/does not exist/)
    await anew.server.stop()

    const all = [dataDir, outsideOf(postgres)!, outside]
    const asked = await lastro("discard")
    expect(asked.code).toBe(1)
    expect(asked.text).toContain(all.join(", "))
    expect(all.map((folder) => fs.existsSync(folder))).toEqual([true, true, true])
    expect((await lastro("discard", "--yes")).code).toBe(0)
    expect(all.map((folder) => fs.existsSync(folder))).toEqual([false, false, false])
    expect((await lastro("discard")).text).toBe(`Nothing of ${dataDir} is on this machine.`)
  }
)

test("a folder on which a Lastro runs is not discarded", async () => {
  fs.mkdirSync(dataDir, { recursive: true })
  const lock = lockFolder(dataDir)
  const asked = await lastro("discard")
  expect([asked.code, asked.text]).toEqual([1, `lastro discard --yes removes ${dataDir}`])
  const refused = await lastro("discard", "--yes")
  expect(refused.code).toBe(1)
  expect(refused.text).toContain("Lastro is already running")
  expect(fs.existsSync(dataDir)).toBe(true)
  lock.release()
})

test("a folder that holds anything else is left as it is: LASTRO_DATA_DIR may name a wrong one", async () => {
  const letters = join(dataDir, "letters")
  fs.mkdirSync(letters, { recursive: true })
  fs.writeFileSync(join(dataDir, "acme.key"), "sk")
  for (const args of [["discard"], ["discard", "--yes"]]) {
    const refused = await lastro(...args)
    expect(refused.code).toBe(1)
    expect(refused.text).toContain(`${dataDir} holds what is not of a Lastro (letters)`)
  }
  expect(fs.existsSync(letters)).toBe(true)
  fs.rmdirSync(letters)
  expect((await lastro("discard", "--yes")).code).toBe(0)
  expect(fs.existsSync(dataDir)).toBe(false)
})
