import * as fs from "node:fs"
import { afterEach, expect, test, vi } from "vitest"
import { bench } from "../../src/cli/bench.ts"
import { testFolder } from "../support/lastro.ts"

afterEach(() => vi.restoreAllMocks())

const costs = [
  "processor_ms_per_payment",
  "worker_ms_per_payment",
  "collector_ms_per_payment",
  "load_gateway_ms_per_payment",
  "nats_ms_per_payment",
  "postgres_ms_per_payment",
  "wal_bytes_per_payment",
  "rows_per_payment",
  "messages_per_payment",
  "turns_per_payment"
]
const latencies = ["p50_ms", "p99_ms", "edge_p50_ms", "edge_p99_ms"]

test(
  "bench measures a Lastro from outside, and its last line is JSON with every figure",
  async () => {
    const folder = testFolder("bench")
    const lines: Array<string> = []
    vi.spyOn(console, "log").mockImplementation((line: string) => {
      lines.push(line)
    })
    const text =
      "--seconds 0.5 --in-flight 200 --merchants 4 --rates 20,half --rate-seconds 1 --lines 40"
    const options = [...text.split(" "), "--parts", "rates,single,file", "--json"]
    expect(await bench.run(options, { LASTRO_DATA_DIR: folder })).toBe(0)
    const figures = JSON.parse(lines.at(-1)!) as Record<string, number>
    const measured = [
      ...["payments_per_second", "payments", "seconds", ...costs],
      ...["_at_20", "_at_half"].flatMap((rate) =>
        [...latencies, ...costs].map((one) => one + rate)
      ),
      ...["half_per_second", "single_p50_ms", "single_p99_ms"],
      ...["p99_ms_at_tenth", "p99_ms_beside_file", "file_p99_ratio", "file_lines", "file_seconds"]
    ]
    expect(Object.keys(figures).sort()).toEqual(measured.sort())
    expect(Object.entries(figures).filter(([, value]) => !(value > 0))).toEqual([])
    // What a payment cannot do without: its command is stored, and so is what became of it.
    expect(figures["messages_per_payment_at_20"]).toBeGreaterThan(1)
    expect(figures["wal_bytes_per_payment_at_20"]).toBeGreaterThan(1_000)
    expect(figures["half_per_second"]).toBeCloseTo(figures["payments_per_second"]! / 2)
    const { processor_ms_per_payment: all, ...rest } = figures
    expect(costs.slice(1, 6).reduce((sum, name) => sum + rest[name]!, 0)).toBeCloseTo(all!)
    const printed = lines.join("\n")
    expect(measured.filter((name) => !printed.includes(`\n  ${name} `))).toEqual([])
    expect(fs.readdirSync(folder)).toEqual([])
  },
  120_000
)

test("what is no checkout or no part is said in a sentence", async () => {
  vi.spyOn(console, "log").mockImplementation(() => {})
  const folder = testFolder("bench-none")
  const run = (...args: ReadonlyArray<string>) => bench.run(args, { LASTRO_DATA_DIR: folder })
  await expect(run("--before", folder)).rejects.toThrow("is no checkout")
  await expect(run("--parts", "rates,speed")).rejects.toThrow("--parts names speed")
  await expect(run("--rates", "120,double")).rejects.toThrow("--rates is a number")
  await expect(run("--soak", "--payments", "1")).rejects.toThrow("--payments is a whole number")
  expect(fs.existsSync(folder) ? fs.readdirSync(folder) : []).toEqual([])
})
