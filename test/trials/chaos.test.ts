import { rmSync } from "node:fs"
import { beforeAll, expect, test } from "vitest"
import { drawFault, faultKinds } from "../../src/trials/chaos/faults.ts"
import { reportText } from "../../src/trials/chaos/report.ts"
import { type ChaosReport, runChaos } from "../../src/trials/chaos/run.ts"
import { runCommand } from "../../src/cli/commands.ts"
import { Progress } from "../../src/trials/progress.ts"
import { Random } from "../../src/trials/random.ts"
import { testFolder } from "../support/lastro.ts"

const MILLIS = 15_000
const told: Array<string> = []
let report: ChaosReport

beforeAll(async () => {
  const dataDir = testFolder("chaos-run")
  const progress = new Progress({ write: (text) => told.push(text) })
  const settings = {
    dataDir,
    millis: MILLIS,
    seed: 11,
    workers: 2,
    rate: 30,
    faultEveryMillis: 1_500
  }
  report = await runChaos(settings, progress, () => false)
  rmSync(dataDir, { recursive: true, force: true })
}, 480_000)

test("a short run on three servers breaks several things, and every promise holds", () => {
  expect(report.promises.flatMap(({ violations }) => violations)).toEqual([])
  expect(report.promises.map(({ name }) => name)).toEqual(
    ["rest", "copies", "G1", "G2", "G13", "G3", "G4", "G5", "G8", "G15", "M1", "M2"]
  )
  expect(report.ok).toBe(true)
  expect(report.faults_total).toBeGreaterThanOrEqual(4)
  expect(report.commands).toBeGreaterThan(100)
})

test("the table tells faults, pauses and promises", () => {
  const text = reportText(report)
  for (const kind of Object.keys(report.faults)) expect(text).toContain(kind)
  for (const { promise } of report.promises) expect(text).toContain(`${promise} (`)
  const [measured] = report.promises.filter((one) => one.measured)
  expect(text).toContain(`· ${measured!.name}`)
  const accepted = report.promises.find(({ name }) => name === "G1")!
  const broken = { ...accepted, violations: ["shop-1 create order-7"] }
  expect(reportText({ ...report, promises: [broken] })).toMatch(/✗ G1[^]*shop-1 create order-7/)
})

test("the same seed draws the same faults, and every kind comes", () => {
  const draw = (seed: number) => {
    const random = new Random(seed)
    return Array.from(
      { length: 4_000 },
      () => drawFault(random, { workers: 3, leaseMillis: 4_000 })
    )
  }
  expect(draw(5)).toEqual(draw(5))
  expect(draw(5)).not.toEqual(draw(6))
  expect(new Set(draw(5).map(({ kind }) => kind))).toEqual(new Set(faultKinds))
})

test.for([["--minutes", "soon"], ["--workers", "0"], ["--rate", "1.5"], ["--fast"]])(
  "%s is refused before anything starts",
  async (args) => {
    expect(await runCommand(["chaos", ...args], {})).toBe(64)
  }
)
