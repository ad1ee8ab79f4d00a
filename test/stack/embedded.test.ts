import { spawn } from "node:child_process"
import * as fs from "node:fs"
import { join } from "node:path"
import { afterAll, afterEach, expect, test } from "vitest"
import { removeFolder } from "../../src/house/ownFolder.ts"
import { isAlive, startTime, stopStale } from "../../src/stack/child.ts"
import { type EmbeddedStack, startEmbedded } from "../../src/stack/embedded.ts"
import { lockFolder } from "../../src/stack/lock.ts"
import { StackError } from "../../src/stack/stack.ts"
import { dropDatabase } from "../../src/store/provision.ts"
import { freshDatabaseUrl, testFolder } from "../support/lastro.ts"
import { becomes, connectAs } from "../support/machine.ts"

const databaseUrl = freshDatabaseUrl()
const folders: Array<string> = []
const running: Array<EmbeddedStack> = []
const pids: Array<number> = []

const folder = (name: string): string => {
  const made = testFolder(name)
  folders.push(made)
  return made
}

const start = async (dataDir: string): Promise<EmbeddedStack> => {
  const stack = await startEmbedded({ dataDir, databaseUrl })
  running.push(stack)
  return stack
}

afterEach(async () => {
  for (const stack of running.splice(0)) await stack.stop()
  for (const pid of pids.splice(0)) {
    if (isAlive(pid)) process.kill(pid, "SIGKILL")
  }
})
afterAll(async () => {
  await dropDatabase(databaseUrl)
  for (const each of folders) removeFolder(each)
})

/** A process that has nothing to do with us, in a group of its own. */
const bystander = (): number => {
  const { pid } = spawn("sleep", ["600"], { detached: true, stdio: "ignore" })
  pids.push(pid!)
  return pid!
}

/** A pid that was somebody's and is nobody's. */
const gonePid = async (): Promise<number> => {
  const { pid } = spawn("true", { stdio: "ignore" })
  await becomes(() => !isAlive(pid!))
  return pid!
}

test("a data folder in use refuses a second start by name, and the first goes on", async () => {
  const dataDir = folder("locked")
  const first = await start(dataDir)
  const second = startEmbedded({ dataDir, databaseUrl })
  await expect(second).rejects.toThrow(StackError)
  await expect(startEmbedded({ dataDir, databaseUrl })).rejects.toThrow(
    new RegExp(`already running on ${dataDir} \\(process ${process.pid}\\)`)
  )
  const nc = await connectAs(first, first.nats.admin)
  await nc.flush()
  await nc.close()
  expect(isAlive(first.pids().nats)).toBe(true)
})

test("where one server cannot start the other, still on its way, is not left behind", async () => {
  const dataDir = folder("halves")
  await expect(startEmbedded({
    dataDir,
    natsSettings: "sync_interval: never"
  })).rejects.toThrow(/nats-server did not start/)
  // PostgreSQL came up meanwhile and was ended.
  expect(fs.readFileSync(join(dataDir, "postgres", "log"), "utf8")).toMatch(/is shut down/)
  expect(fs.existsSync(join(dataDir, "postgres", "pid"))).toBe(false)
  expect(fs.existsSync(join(dataDir, "lock"))).toBe(false)
})

test("a stopped data folder is free again, and holds what was stored, also under an older version's account", async () => {
  const dataDir = folder("again")
  const first = await startEmbedded({ dataDir, databaseUrl })
  const one = await connectAs(first, first.nats.admin)
  await one.request(
    "$JS.API.STREAM.CREATE.KEPT",
    JSON.stringify({ name: "KEPT", subjects: ["kept"] })
  )
  await one.request("kept", "a")
  await one.close()
  await first.stop()
  expect(fs.existsSync(join(dataDir, "lock"))).toBe(false)
  // As a version left it that had one account for everybody.
  const accounts = join(dataDir, "nats", "data", "jetstream")
  fs.renameSync(join(accounts, "LASTRO"), join(accounts, "$G"))
  expect(isAlive(first.pids().nats)).toBe(false)
  const second = await start(dataDir)
  // The same passwords: what was configured before the restart still works.
  expect(second.nats).toEqual(first.nats)
  const two = await connectAs(second, second.nats.admin)
  const { state } = (await two.request("$JS.API.STREAM.INFO.KEPT")).json<{
    state: { messages: number }
  }>()
  expect(state.messages).toBe(1)
  await two.close()
})

test("a lock whose process is gone is taken over, as is one whose process number was given away", async () => {
  const dataDir = folder("stale-lock")
  fs.writeFileSync(join(dataDir, "lock"), `${await gonePid()} 1`)
  lockFolder(dataDir).release()
  // Alive, but not the process that took the lock: it started at another time.
  fs.writeFileSync(join(dataDir, "lock"), `${bystander()} 1`)
  const lock = lockFolder(dataDir)
  expect(fs.readFileSync(join(dataDir, "lock"), "utf8")).toMatch(new RegExp(`^${process.pid} `))
  lock.release()
  expect(fs.existsSync(join(dataDir, "lock"))).toBe(false)
})

test("a lock taken over by somebody else is not removed by its former holder", () => {
  const dataDir = folder("moved-lock")
  const lock = lockFolder(dataDir)
  const other = bystander()
  fs.writeFileSync(join(dataDir, "lock"), `${other} ${startTime(other)}`)
  lock.release()
  expect(fs.existsSync(join(dataDir, "lock"))).toBe(true)
  expect(() => lockFolder(dataDir)).toThrow(new RegExp(`process ${other}`))
})

test("a server that outlived its Lastro is ended by the next start", async () => {
  const dataDir = folder("orphan")
  const first = await startEmbedded({ dataDir, databaseUrl })
  const orphan = first.pids().nats
  pids.push(orphan)
  // As after a SIGKILL: the lock names a process that is gone, the server runs on.
  fs.writeFileSync(join(dataDir, "lock"), `${await gonePid()} 1`)
  const second = await start(dataDir)
  expect(isAlive(orphan)).toBe(false)
  expect(second.pids().nats).not.toBe(orphan)
  const nc = await connectAs(second, second.nats.admin)
  await nc.close()
})

test("a process that got a former server's number is left alone", async () => {
  const dataDir = folder("recycled")
  const pidFile = join(dataDir, "pid")
  const other = bystander()
  fs.writeFileSync(pidFile, `${other} 1`)
  expect(await stopStale(pidFile)).toBe(false)
  expect(isAlive(other)).toBe(true)
  expect(fs.existsSync(pidFile)).toBe(false)
  // The same number and the same start: that is the one.
  fs.writeFileSync(pidFile, `${other} ${startTime(other)}`)
  expect(await stopStale(pidFile)).toBe(true)
  expect(isAlive(other)).toBe(false)
  expect(await stopStale(pidFile)).toBe(false)
})

test("secrets on disk are readable by their owner only", async () => {
  const dataDir = folder("secrets")
  await start(dataDir)
  for (const file of ["passwords.json", "nats.conf"]) {
    const { mode } = fs.statSync(join(dataDir, "nats", file))
    expect([file, (mode & 0o077).toString(8)]).toEqual([file, "0"])
  }
})

test("a start that fails leaves the folder free and no server behind", async () => {
  const dataDir = folder("failed")
  await expect(
    startEmbedded({ dataDir, databaseUrl, natsSettings: "no_such_setting: 1" })
  ).rejects.toThrow(/nats-server did not start/)
  expect(fs.existsSync(join(dataDir, "lock"))).toBe(false)
  await start(dataDir)
})

test("a merchant's user works at once, and stays after a restart of the server", async () => {
  const dataDir = folder("merchant")
  const stack = await start(dataDir)
  const credentials = await stack.merchantCredentials("acme")
  const before = await connectAs(stack, credentials)
  await before.close()
  await stack.kill("nats", "SIGINT")
  await stack.restart("nats")
  expect(await stack.merchantCredentials("acme")).toEqual(credentials)
  const after = await connectAs(stack, credentials)
  await after.close()
})
