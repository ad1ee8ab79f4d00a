import * as fs from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { isAlive } from "../../src/stack/child.ts"
import { natsServerBinary } from "../../src/stack/natsBinary.ts"
import { eventually } from "../support/lastro.ts"
import { clear, closedFolder, serverPids, StartProcess } from "../support/startProcess.ts"

const home = closedFolder()
const dataDir = join(home, ".lastro")
/** While the file is there, a nats-server that is started ends at once. */
const broken = join(home, "broken")
let lastro: StartProcess

let asked = 0
/** Undefined where the payment was not captured while it was waited for. */
const paid = async (): Promise<string | undefined> => {
  const answer = await fetch(`${lastro.url}/v1/payments`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${lastro.key}`,
      "content-type": "application/json",
      "idempotency-key": `payment-${asked++}`,
      prefer: "wait=5"
    },
    body: JSON.stringify({
      amount: 1_000,
      currency: "BRL",
      payment_method: { type: "card", token: "tok_approved" }
    }),
    signal: AbortSignal.timeout(10_000)
  })
  const { status } = await answer.json() as { status: string | number }
  return status === "captured" ? status : undefined
}

const log = () => fs.readFileSync(join(dataDir, "lastro.log"), "utf8")

beforeAll(async () => {
  const wrapped = join(home, "nats-server")
  const real = await natsServerBinary(() => {})
  fs.writeFileSync(
    wrapped,
    `#!/bin/sh\nif [ -e ${broken} ]; then echo no more; exit 3; fi\nexec ${real} "$@"\n`,
    { mode: 0o755 }
  )
  lastro = await new StartProcess({
    cwd: home,
    environment: { LASTRO_PORT: "0", LASTRO_NATS_SERVER: wrapped }
  }).ready()
})
afterAll(async () => {
  if (lastro.child.exitCode === null) lastro.signal("SIGKILL")
  await lastro.end()
  clear(home, dataDir)
})

test("a server that was killed is started again at once where it was, it is said, and payments go on", async () => {
  expect(await paid()).toBe("captured")
  for (const [nth, name] of ["nats-server", "PostgreSQL"].entries()) {
    const former = serverPids(dataDir)
    process.kill(former[nth]!, "SIGKILL")
    const again = `${name} ended (SIGKILL) and is started again (1 of 5 within 60 s)`
    await eventually(() => Promise.resolve(lastro.output.includes(again) || undefined), 1_000)
    await eventually(() =>
      Promise.resolve(lastro.output.includes(`${name} runs again`) || undefined)
    )
    const present = serverPids(dataDir)
    expect(present.map((pid, index) => pid === former[index])).toEqual([nth !== 0, nth !== 1])
    expect(log()).toContain(again)
    await eventually(() => paid())
  }
  expect(lastro.child.exitCode).toBeNull()
})

test(
  "one that cannot be kept running ends Lastro with a sentence, and leaves no server behind",
  async () => {
    const servers = serverPids(dataDir)
    fs.writeFileSync(broken, "")
    process.kill(servers[0]!, "SIGKILL")
    expect(await lastro.end()).toBe(1)
    expect(lastro.errors.trim().split("\n")).toEqual([
      expect.stringMatching(
        /^lastro: nats-server ended again \(nats-server did not start \(no more\).*\) after 5 restarts within 60 s: see \S+log, mend it and start Lastro again\.$/
      )
    ])
    expect(servers.filter(isAlive)).toEqual([])
    expect(fs.existsSync(join(dataDir, "lock"))).toBe(false)
  },
  60_000
)

test.each([[["access", "list"]], [["status"]], [["doctor"]]])(
  "without servers lastro %j says so in words",
  async (command) => {
    const asked = new StartProcess({
      cwd: home,
      environment: { LASTRO_DATA_DIR: dataDir, LASTRO_PORT: "1" },
      command
    })
    expect(await asked.end()).not.toBe(0)
    expect(asked.output + asked.errors).toMatch(/nothing answers|does not answer|ECONNREFUSED/)
    expect(asked.output + asked.errors).not.toMatch(/^ +at |_tag/m)
  }
)
