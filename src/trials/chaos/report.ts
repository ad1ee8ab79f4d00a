import { unjudged } from "./judge.ts"
import type { ChaosReport, PauseFigures } from "./run.ts"

const LABEL_CHARACTERS = 32

const number = (value: number): string => value.toLocaleString("en")

const row = (label: string, value: string | number): string =>
  `  ${label.padEnd(LABEL_CHARACTERS)} ${typeof value === "number" ? number(value) : value}`

const pauses = ({ count, longest_ms, median_ms }: PauseFigures): string =>
  count === 0
    ? "none"
    : `${number(count)} partitions, median ${number(median_ms)} ms, longest ${
      number(longest_ms)
    } ms`

const markOf = (violations: ReadonlyArray<string>, measured: true | undefined): string =>
  measured === true ? "·" : violations.length === 0 ? "✓" : "✗"

/** The table at the end. */
export const reportText = (report: ChaosReport): string => {
  const byFamily = Map.groupBy(
    Object.entries(report.longest_pause_ms),
    ([slot]) => slot.slice(0, slot.lastIndexOf("."))
  )
  return [
    "",
    `Chaos: seed ${report.seed}, ${report.workers} workers, three nats-servers, ` +
    `${Math.round(report.seconds)} s`,
    "",
    "Load",
    row("commands acknowledged", report.commands),
    row("of them payments", report.payments),
    row("sent again, unacknowledged", report.repeats),
    "",
    "Faults",
    ...Object.entries(report.faults).map(([kind, count]) => row(kind, count)),
    row("together", report.faults_total),
    row("worker processes", report.worker_processes),
    row("connections cut", report.connections_cut),
    "",
    "Fences that worked",
    ...Object.entries(report.fences).map(([place, count]) => row(place, count)),
    "",
    `Pauses (a lease lasts ${number(report.lease_ms)} ms)`,
    row("fail-over of a killed or frozen worker", pauses(report.fail_over)),
    row("every change of owner", pauses(report.moves)),
    ...[...byFamily].map(([family, slots]) =>
      row(`longest, ${family} 0 …`, slots.map(([, millis]) => number(millis)).join(" ") + " ms")
    ),
    "",
    "Promises",
    ...report.promises.flatMap(({ examined, measured, name, promise, violations }) => [
      `  ${markOf(violations, measured)} ${name.padEnd(7)}${promise} (${examined})`,
      ...violations.map((one) => `      ${one}`)
    ]),
    "",
    `  ✓ held  ✗ did not hold  · measured, not judged; not put to the test here: ${
      unjudged.join(", ")
    }`,
    ""
  ].join("\n")
}
