import * as fs from "node:fs"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { examineStack } from "../../src/house/examination.ts"
import { partitionOf } from "../../src/domain/partition.ts"
import { PARTITIONS } from "../../streams/mailboxes.ts"
import { commandLine } from "../support/commandLine.ts"
import { eventually, type OwnLastro, startOwnLastro, testFolder } from "../support/lastro.ts"

let one: OwnLastro
const folder = testFolder("users")
const passwordsFile = join(folder, "passwords.json")
const run = commandLine(() => ({ LASTRO_DATA_DIR: join(folder, "none") }))
beforeAll(async () => {
  one = await startOwnLastro()
})
afterAll(async () => {
  await one.stop()
  fs.rmSync(folder, { recursive: true, force: true })
})

const natsFolder = () => join(one.lastro.dataDir, "nats")
const own = (partition: number) => `payments.${partition}.ingress.create.acme`

test("a merchant's user is printed for this number of partitions, and its password is kept", async () => {
  const printed = await run("users", "--merchant", "acme", "--passwords", passwordsFile)
  expect(printed.code).toBe(0)
  const password = JSON.parse(fs.readFileSync(passwordsFile, "utf8"))["merchant-acme"]
  expect(printed.text.split("\n")[1]).toMatch(
    new RegExp(`^\\{ user: "merchant-acme", password: "${password}", permissions: `)
  )
  expect(printed.text).toContain(`"${own(partitionOf("acme", PARTITIONS))}"`)
  expect(printed.text).toMatch(/^# 8 partitions/)
  expect(fs.statSync(passwordsFile).mode & 0o777).toBe(0o600)
  expect(await run("users", "--merchant", "acme", "--passwords", passwordsFile)).toEqual({
    ...printed,
    json: expect.anything()
  })
  const no = await run("users", "--merchant", "no merchant", "--passwords", passwordsFile)
  expect([no.code, no.text]).toEqual([64, expect.stringMatching(/is no merchant's identifier/)])
  expect((await run("users")).text).toMatch(/say where passwords are to be kept: --passwords FILE/)
})

test("what is printed for all users is what our own servers run with", async () => {
  await one.stack.merchantCredentials("acme")
  const { text } = await run("users", "--passwords", join(natsFolder(), "passwords.json"))
  const [about, ...block] = text.split("\n")
  expect(about).toMatch(/^# 8 partitions/)
  expect(fs.readFileSync(join(natsFolder(), "nats.conf"), "utf8")).toContain(block.join("\n"))
  expect(block.join("\n")).toContain('user: "merchant-acme"')
})

test("doctor finds a merchant's user that was made for another number of partitions", async () => {
  const credentials = await one.stack.merchantCredentials("acme")
  const examined = async () =>
    (await examineStack({ ...one.stack, merchantUsers: [credentials] })).findings
      .find(({ check }) => check === "merchant-acme")
  expect(await examined()).toMatchObject({ verdict: "good" })
  const file = join(natsFolder(), "nats.conf")
  const right = fs.readFileSync(file, "utf8")
  const mine = partitionOf("acme", PARTITIONS)
  fs.writeFileSync(file, right.replaceAll(own(mine), own((mine + 1) % PARTITIONS)))
  process.kill(one.stack.pids().nats, "SIGHUP")
  expect(
    await eventually(async () => {
      const about = await examined()
      return about?.verdict === "bad" ? about : undefined
    })
  ).toMatchObject({
    found: `it may not publish on ${own(mine)}`,
    advice: expect.stringMatching(/^lastro users --merchant acme prints its permissions/)
  })
  fs.writeFileSync(file, right)
  process.kill(one.stack.pids().nats, "SIGHUP")
})

test("a merchant's user that the servers do not know is told, and puts no promise in doubt", async () => {
  const unknown = { user: "merchant-globex", password: "x" }
  const { findings } = await examineStack({ ...one.stack, merchantUsers: [unknown] })
  expect(findings.find(({ check }) => check === "merchant-globex")).toMatchObject({
    verdict: "unknown",
    undermines: [],
    advice: expect.stringMatching(/lastro users --merchant globex prints its permissions/)
  })
})
