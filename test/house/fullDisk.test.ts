import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { eventually } from "../support/lastro.ts"
import { clear, closedFolder, StartProcess } from "../support/startProcess.ts"

const DISK_MEBIBYTES = 300
/** Longer than it takes until nobody may go on without having renewed a lease. */
const FULL_MILLIS = 12_000

const home = closedFolder()
const disk = join(home, "disk")
const dataDir = join(disk, "data")
let lastro: StartProcess | undefined

/** A small disk of its own; undefined where this user may mount none. */
const mounted = (): boolean => {
  fs.chmodSync(home, 0o755)
  fs.mkdirSync(disk)
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${DISK_MEBIBYTES}m`, "tmpfs", disk])
    return true
  } catch {
    return false
  }
}

let hasDisk = false
beforeAll(async () => {
  hasDisk = mounted()
  if (!hasDisk) return
  lastro = await new StartProcess({
    cwd: home,
    environment: { LASTRO_PORT: "0", LASTRO_DATA_DIR: dataDir }
  }).ready()
})
afterAll(async () => {
  if (lastro !== undefined) {
    if (lastro.child.exitCode === null) lastro.signal("SIGTERM")
    await lastro.end()
  }
  if (hasDisk) execFileSync("umount", ["-l", disk])
  clear(home, dataDir)
})

const authorized = () => ({ authorization: `Bearer ${lastro!.key}` })

/** Hands payments over until it is told to stop; answers those that were accepted. */
const handing = (stop: AbortSignal) => {
  const accepted: Array<string> = []
  const hand = async (index: number) => {
    const answer = await fetch(`${lastro!.url}/v1/payments`, {
      method: "POST",
      headers: {
        ...authorized(),
        "content-type": "application/json",
        "idempotency-key": `full-${index}`
      },
      body: JSON.stringify({
        amount: 1_000 + index,
        currency: "BRL",
        payment_method: { type: "card", token: "tok_approved" }
      })
    })
    const { id } = await answer.json() as { id: string }
    if (answer.status === 202) accepted.push(id)
  }
  const all = (async () => {
    const handed: Array<Promise<void>> = []
    for (let index = 0; !stop.aborted; index++) {
      handed.push(hand(index).catch(() => {}))
      await new Promise((resolve) => setTimeout(resolve, 80))
    }
    await Promise.all(handed)
    return accepted
  })()
  return { accepted, all }
}

const statusOf = async (id: string): Promise<string> => {
  const answer = await fetch(`${lastro!.url}/v1/payments/${id}`, { headers: authorized() })
  return ((await answer.json()) as { status: string }).status
}

const ready = async () => {
  const answer = await fetch(`${lastro!.url}/readyz`)
  const { signals } = await answer.json() as {
    signals: ReadonlyArray<{ signal: string; state: string }>
  }
  const bad = signals.filter(({ state }) => state === "bad").map(({ signal }) => signal)
  return { status: answer.status, bad: new Set(bad) }
}

test(
  "a disk that was full turns health red, and with room again all that was accepted is done by itself",
  async ({ skip }) => {
    if (!hasDisk) return skip("no disk of its own can be mounted here")
    const stop = new AbortController()
    const { accepted, all } = handing(stop.signal)
    await eventually(() => Promise.resolve(accepted.length > 20 || undefined))
    const filler = join(disk, "filler")
    try {
      execFileSync("dd", ["if=/dev/zero", `of=${filler}`, "bs=1M"], { stdio: "ignore" })
    } catch {
      // It ends when nothing more can be written.
    }
    await new Promise((resolve) => setTimeout(resolve, FULL_MILLIS))
    const full = await ready()
    expect(full.status).toBe(503)
    expect([...full.bad]).toEqual(expect.arrayContaining(["disks", "writes", "leases"]))
    fs.rmSync(filler)
    await eventually(async () => (await ready()).status === 200 || undefined, 60_000)
    stop.abort()
    const ids = await all
    await eventually(async () => {
      const open = (await Promise.all(ids.map(statusOf))).filter((status) => status !== "captured")
      if (open.length > 0) throw new Error(`${open.length} of ${ids.length} are ${open[0]}`)
      return true
    }, 60_000)
    expect(lastro!.child.exitCode).toBeNull()
  },
  180_000
)
