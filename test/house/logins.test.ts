import * as fs from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { prepare } from "../../src/house/prepare.ts"
import { type EmbeddedStack, startEmbedded } from "../../src/stack/embedded.ts"
import { createApiKey } from "../../src/store/apiKeys.ts"
import { connect } from "../../src/store/database.ts"
import { dropDatabase } from "../../src/store/provision.ts"
import { eventually, freshDatabaseUrl, testFolder } from "../support/lastro.ts"
import { node24, StartProcess } from "../support/startProcess.ts"
import { operatorScopes } from "../../src/domain/scope.ts"

const dataDir = testFolder("logins")
const databaseUrl = freshDatabaseUrl()
const files = join(dataDir, "nats")
let stack: EmbeddedStack
let operator: string
let servers: Record<string, string>
const spawned: Array<StartProcess> = []

/** The four passwords that docs/roles.md names. */
const ROLES = ["admin", "worker", "gate", "edge"]

beforeAll(async () => {
  stack = await startEmbedded({ dataDir, databaseUrl })
  await prepare(stack, () => {})
  const db = connect(databaseUrl, 1)
  operator = await createApiKey(db, { name: "operator", merchant: "", scopes: operatorScopes })
  await db.destroy()
  const passwords = JSON.parse(fs.readFileSync(join(files, "passwords.json"), "utf8"))
  const four = join(dataDir, "four.json")
  fs.writeFileSync(
    four,
    JSON.stringify(Object.fromEntries(ROLES.map((one) => [one, passwords[one]])))
  )
  servers = {
    LASTRO_NATS_URL: stack.natsUrls.join(","),
    LASTRO_NATS_MONITOR_URL: stack.natsMonitorUrl,
    LASTRO_NATS_PASSWORDS_FILE: four,
    DATABASE_URL: databaseUrl,
    LASTRO_PORT: "0"
  }
})
afterAll(async () => {
  for (const { child, pid } of spawned) {
    if (child.exitCode === null && child.signalCode === null) process.kill(pid, "SIGKILL")
  }
  await Promise.all(spawned.map((one) => one.end()))
  await stack.stop()
  await dropDatabase(databaseUrl)
  fs.rmSync(dataDir, { recursive: true, force: true })
})

/** What an administrator does: another configuration, read in by the running server. */
const reload = (configuration: string) => {
  fs.writeFileSync(join(files, "nats.conf"), configuration)
  process.kill(Number(fs.readFileSync(join(files, "pid"), "utf8").split(" ")[0]), "SIGHUP")
}

const node = "deno" in process.versions ? await node24() : undefined
const runtimes = [{ name: "this runtime", node: undefined }, { name: "Node 24", node }]

let right = ""
beforeAll(() => {
  right = fs.readFileSync(join(files, "nats.conf"), "utf8")
})

describe.each(runtimes)("on $name", ({ name, node }) => {
  const skipped = name !== "this runtime" && node === undefined
  const run = (command: ReadonlyArray<string>, environment: Record<string, string> = {}) => {
    const started = new StartProcess({
      cwd: dataDir,
      command,
      environment: { ...servers, ...environment },
      ...(node !== undefined && { node })
    })
    spawned.push(started)
    return started
  }

  test.skipIf(skipped)("a command that is not let in ends with a sentence", async () => {
    const refused = run(["topology", "plan"], { LASTRO_NATS_ADMIN_PASSWORD: "wrong" })
    expect([await refused.end(), refused.errors.trim().split("\n")]).toEqual([1, [
      `lastro: NATS (${
        stack.natsUrls[0]
      }) does not take the user admin: it is unknown there, or its ` +
      "password is another one. LASTRO_NATS_ADMIN_USER and LASTRO_NATS_ADMIN_PASSWORD, or " +
      "LASTRO_NATS_PASSWORDS_FILE, say who this is."
    ]])
  })

  test.skipIf(skipped)(
    "a password changed on the servers turns health red until it is right again",
    async () => {
      reload(right)
      const edge = await run(["edge"]).ready("The edge answers")
      const url = /(http:[^\s)]+)/.exec(edge.output)![1]!
      const ready = async () => {
        const answer = await fetch(`${url}/readyz`)
        const json = await answer.json() as {
          detail?: string
          signals: ReadonlyArray<{ signal: string }>
        }
        // No worker runs here, which is another signal's business.
        const refused = json.signals.some(({ signal }) => signal === "logins")
        return { status: refused ? answer.status : 200, json }
      }
      expect((await ready()).status).toBe(200)
      reload(right.replace(/(user: "edge", password: ")/, "$1changed"))
      const red = await eventually(async () => {
        const seen = await ready()
        return seen.status === 503 && seen.json.detail?.includes("user edge") ? seen : undefined
      })
      expect(red.json.detail).toContain(
        `NATS (${
          stack.natsUrls[0]
        }) does not take the user edge: it is unknown there, or its password is another one`
      )
      expect(edge.errors).toContain("it is tried again until it is taken")
      reload(right)
      await eventually(async () => (await ready()).status === 200 || undefined)
      expect(edge.child.exitCode).toBeNull()

      // The doctor also logs in as users of which nobody gave the edge a password.
      const asked = await fetch(`${url}/v1/operations/doctor`, {
        headers: { authorization: `Bearer ${operator}` }
      })
      const { findings } = await asked.json() as {
        findings: Array<{ area: string; check: string; verdict: string; found: string }>
      }
      const identities = findings.filter(({ area }) => area === "identities")
      expect(identities.map(({ check, verdict }) => `${check}: ${verdict}`)).toEqual([
        "observer: unknown",
        "producer: unknown",
        "edge: good",
        "worker: good"
      ])
      expect(identities[0]!.found).toContain("does not take the user observer")
      expect((await ready()).status).toBe(200)
      edge.signal("SIGTERM")
      expect(await edge.end()).toBe(0)
    },
    90_000
  )
})
