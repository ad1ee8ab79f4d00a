import * as fs from "node:fs"
import { afterEach, expect, test, vi } from "vitest"
import { bench } from "../../src/cli/bench.ts"
import { testFolder } from "../support/lastro.ts"

afterEach(() => vi.restoreAllMocks())

test("bench ledger writes every load in every way, and its last line is JSON", async () => {
  const folder = testFolder("bench-ledger")
  const lines: Array<string> = []
  vi.spyOn(console, "log").mockImplementation((line: string) => {
    lines.push(line)
  })
  try {
    // How fast is for a quiet machine to tell (ledgerReport.test.ts says what is fast enough); that all rows
    // are there and balance, the run itself checks.
    const code = await bench.run(["ledger", "--seconds", "0.1", "--json"], {
      LASTRO_DATA_DIR: folder
    })
    const figures = JSON.parse(lines.at(-1)!)
    expect(code).toBe(lines.join("\n").includes("MISSED") ? 1 : 0)
    expect(figures.loads.map(({ load }: { load: string }) => load)).toEqual([
      "uniform",
      "one hot account",
      "Zipf 1.0",
      "Zipf 2.0",
      "order: fee + two sellers"
    ])
    for (const load of figures.loads) {
      expect(load.postings).toBeGreaterThan(0)
      for (const way of ["postings_per_second", "raw_postings_per_second"]) {
        expect(load[way]).toBeGreaterThan(0)
      }
    }
    expect(figures.ledger_raw_ratio).toBeGreaterThan(0)
    for (const { load } of figures.loads) {
      expect(lines.join("\n")).toContain(`\n  ${load}`)
    }
    expect(fs.readdirSync(folder)).toEqual([])
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
})
