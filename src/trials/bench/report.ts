import type { Latency, Throughput } from "./load.ts"
import type { NaiveLimit } from "./naiveLimit.ts"
import type { RawLimit } from "./rawLimit.ts"

export interface Report {
  readonly merchants: number
  readonly throughput: Throughput
  readonly pacedPerSecond: number
  readonly latency: Latency
  readonly edge: Latency
  readonly rowsPerPayment: number
  readonly messagesPerPayment: number
  readonly raw: RawLimit
  readonly rawAll: ReadonlyArray<RawLimit>
  readonly naive: NaiveLimit
}

const EXPECTED_RATIO = 0.35
const EXPECTED_NAIVE_RATIO = 10
const EXPECTED_P99_MILLIS = 100

const verdict = (held: boolean, text: string) => `${held ? "as expected" : "MISSED"} (${text})`
const whole = (value: number) => Math.round(value).toLocaleString("en-US")

export const printReport = (report: Report, json: boolean): void => {
  const { edge, latency, naive, raw, throughput } = report
  const ratio = throughput.perSecond / raw.paymentsPerSecond
  const naiveRatio = throughput.perSecond / naive.paymentsPerSecond
  const rows: ReadonlyArray<readonly [string, string]> = [
    [
      "payments/s, end to end",
      `${whole(throughput.perSecond)}   (${whole(throughput.payments)} in ` +
      `${throughput.seconds.toFixed(0)} s, ${report.merchants} merchants)`
    ],
    [
      "raw limit, same rows",
      `${whole(raw.paymentsPerSecond)}   (${raw.way}, ${raw.connections} connections, ` +
      `${raw.batchPayments} payments a batch, ${whole(raw.rows)} rows)`
    ],
    ["raw_ratio", `${ratio.toFixed(3)}   ${verdict(ratio >= EXPECTED_RATIO, "at least 0.35")}`],
    [
      "one message, one transaction",
      `${whole(naive.paymentsPerSecond)}   (best of 1, 8 and 32 connections: ${naive.connections})`
    ],
    [
      "naive_ratio",
      `${naiveRatio.toFixed(1)}   ${verdict(naiveRatio >= EXPECTED_NAIVE_RATIO, "at least 10")}`
    ],
    [
      `captured after, at ${whole(report.pacedPerSecond)}/s`,
      `p50 ${latency.p50} ms, p99 ${latency.p99} ms   ` +
      verdict(latency.p99 < EXPECTED_P99_MILLIS, "p99 under 100 ms")
    ],
    [
      "edge, waited answer, same load",
      `p50 ${edge.p50.toFixed(0)} ms, p99 ${edge.p99.toFixed(0)} ms   (${edge.samples} requests)`
    ],
    [
      "per payment",
      `${report.rowsPerPayment.toFixed(1)} rows written, ` +
      `${report.messagesPerPayment.toFixed(1)} messages stored`
    ]
  ]
  const width = Math.max(...rows.map(([name]) => name.length))
  console.log("")
  for (const [name, value] of rows) console.log(`  ${name.padEnd(width)}   ${value}`)
  if (!json) return
  console.log(JSON.stringify({
    payments_per_second: throughput.perSecond,
    payments: throughput.payments,
    seconds: throughput.seconds,
    raw_payments_per_second: raw.paymentsPerSecond,
    raw_ratio: ratio,
    raw_rows: raw.rows,
    naive_payments_per_second: naive.paymentsPerSecond,
    naive_ratio: naiveRatio,
    p50_ms: latency.p50,
    p99_ms: latency.p99,
    paced_per_second: report.pacedPerSecond,
    edge_p50_ms: edge.p50,
    edge_p99_ms: edge.p99,
    rows_per_payment: report.rowsPerPayment,
    messages_per_payment: report.messagesPerPayment
  }))
}
