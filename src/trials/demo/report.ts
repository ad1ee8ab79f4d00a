import { formatMinorUnits } from "../../domain/currency.ts"
import type { Counts, Latency } from "./figures.ts"
import type { DemoReport } from "./run.ts"

const WIDTH = 100
const LABEL_CHARACTERS = 30
const NUMBER_CHARACTERS = 9

type Paint = (colour: "bold" | "dim" | "green" | "red", text: string) => string

const codes = { bold: 1, dim: 2, green: 32, red: 31 } as const

const painter = (colours: boolean): Paint => (colour, text) =>
  colours ? `\u001b[${codes[colour]}m${text}\u001b[0m` : text

const number = (value: number): string => value.toLocaleString("en")

const cut = (text: string, width: number): string =>
  text.length <= width ? text : `${text.slice(0, width - 1)}…`

const row = (label: string, value: number | string, note = ""): string => {
  const shown = typeof value === "number" ? number(value) : value
  const line = `  ${cut(label, LABEL_CHARACTERS).padEnd(LABEL_CHARACTERS)} ${
    shown.padStart(NUMBER_CHARACTERS)
  }`
  if (note === "") return line
  const [first = "", ...more] = wrapped(note, " ".repeat(line.length + 3))
  return [`${line}   ${first.trimStart()}`, ...more].join("\n")
}

/** Words of a line longer than the screen go to the next. */
const wrapped = (text: string, indent: string): ReadonlyArray<string> => {
  const lines: Array<string> = []
  let line = ""
  for (const word of text.split(" ")) {
    if (line !== "" && indent.length + line.length + 1 + word.length > WIDTH) {
      lines.push(indent + line)
      line = ""
    }
    line = line === "" ? cut(word, WIDTH - indent.length) : `${line} ${word}`
  }
  return [...lines, indent + line]
}

const money = (sums: Readonly<Record<string, string>>): string =>
  Object.entries(sums)
    .map(([currency, sum]) => `${currency} ${grouped(formatMinorUnits(BigInt(sum), currency))}`)
    .join(", ")

const grouped = (decimal: string): string => decimal.replace(/\B(?=(\d{3})+(?!\d))(?<!\.\d*)/g, ",")

const listed = (counts: Counts): string =>
  Object.entries(counts).map(([name, count]) => `${name} ${number(count)}`).join(", ")

const mark = (paint: Paint, holds: boolean): string =>
  holds ? paint("green", "✓") : paint("red", "✗")

export const reportText = (report: DemoReport, colours: boolean): string => {
  const paint = painter(colours)
  const title = (text: string) => ["", paint("bold", text)]
  const { ways } = report
  return [
    "",
    paint("bold", `${number(report.payments)} payments of ${report.merchants} merchants`) +
    `: ${ways["http"] ?? 0} over HTTP, ${ways["nats"] ?? 0} over NATS ` +
    `(seed ${report.seed}, ${report.seconds.toFixed(1)} s)`,
    ...title("Payments"),
    ...outcomes(report),
    ...title("Risk"),
    ...risk(report),
    ...title("Webhooks and notifications"),
    ...messages(report, paint),
    ...title("Reconciliation"),
    ...reconciliation(report, paint),
    ...title("Wallets"),
    ...wallets(report, paint),
    ...title("Payouts"),
    ...payouts(report, paint),
    ...title("Gateways"),
    ...gateways(report, paint),
    ...title("From command to outcome, milliseconds"),
    ...latencies(report.latency_millis),
    ...title("Promises"),
    ...promises(report, paint),
    "",
    report.ok
      ? paint("green", "Everything promised was kept.")
      : paint("red", "Not everything promised was kept."),
    ""
  ].join("\n")
}

const outcomes = (report: DemoReport): ReadonlyArray<string> => [
  ...Object.entries(report.statuses).map(([status, count]) =>
    row(status, count, `${((100 * count) / report.payments).toFixed(1)} %`)
  ),
  row("money captured", "", money(report.captured)),
  row("money refunded", "", money(report.refunded)),
  row("split among recipients", report.split, money(report.to_recipients)),
  row(
    "disputes",
    Object.values(report.disputes).reduce((sum, count) => sum + count, 0),
    `${listed(report.disputes)}; ${money(report.disputed)}`
  ),
  row(
    "commands",
    Object.values(report.commands).reduce((sum, count) => sum + count, 0),
    listed(report.commands)
  ),
  row(
    "refused commands",
    Object.values(report.refusals).reduce((sum, count) => sum + count, 0),
    listed(report.refusals)
  ),
  row("sent twice on purpose", report.repeats),
  row("sent again, not taken at first", report.sent_again)
]

const risk = (report: DemoReport): ReadonlyArray<string> => [
  ...Object.entries(report.decisions).map(([decision, { count, highest, lowest }]) =>
    row(decision, count, lowest === highest ? `score ${lowest}` : `scores ${lowest} to ${highest}`)
  ),
  row("reasons", "", listed(report.reasons))
]

const messages = (
  { kept, notifications, webhooks }: DemoReport,
  paint: Paint
): ReadonlyArray<string> => [
  row("events merchants asked for", webhooks.due, `at ${webhooks.endpoints} endpoints`),
  row(
    "webhooks sent",
    webhooks.sent,
    `in ${number(webhooks.requests)} requests, ${webhooks.turned_away} turned away at first`
  ),
  row("delivered", webhooks.delivered),
  `${row("signatures verified", webhooks.verified)}   ${mark(paint, kept.webhooks)}`,
  row("signatures refused", webhooks.refused_signatures),
  row(
    "messages to customers",
    notifications.written,
    `of ${number(notifications.due)}: ${listed(notifications.by_template)}`
  )
]

const kindsOf = (names: ReadonlyArray<string>): string => {
  const kinds = new Map<string, number>()
  for (const name of names) {
    const kind = name.split(" ")[0]!
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
  }
  return [...kinds].map(([kind, count]) => `${kind} ${count}`).join(", ")
}

const reconciliation = (
  { kept, reconciliation }: DemoReport,
  paint: Paint
): ReadonlyArray<string> => [
  row("lines in the gateway's file", reconciliation.lines),
  row("matched", reconciliation.matched),
  row("breaks planted", reconciliation.planted.length, kindsOf(reconciliation.planted)),
  row("breaks found", reconciliation.found.length, kindsOf(reconciliation.found)),
  row("planted, but not found", reconciliation.overlooked.length),
  `${row("found, but not planted", reconciliation.invented.length)}   ${mark(paint, kept.breaks)}`,
  ...[...reconciliation.overlooked, ...reconciliation.invented].flatMap((name) =>
    wrapped(name, "    ").map((line) => paint("red", line))
  )
]

const wallets = ({ kept, moved }: DemoReport, paint: Paint): ReadonlyArray<string> => [
  row("sent to another merchant", moved.sent),
  row("came back", moved.returned, "nobody has that merchant"),
  `${row("converted", moved.converted)}   ${mark(paint, kept.wallets)}`,
  ...moved.against.flatMap((line) => wrapped(line, "    ").map((one) => paint("red", one)))
]

const payouts = ({ kept, payouts }: DemoReport, paint: Paint): ReadonlyArray<string> => [
  row("balances with money", payouts.asked, "of merchants and of their recipients"),
  `${row("paid", payouts.paid, money(payouts.sums))}   ${mark(paint, kept.payouts)}`,
  row("refused by the bank", payouts.failed, "available again"),
  ...payouts.against.flatMap((line) => wrapped(line, "    ").map((one) => paint("red", one)))
]

const gateways = ({ gateways, kept }: DemoReport, paint: Paint): ReadonlyArray<string> => [
  row("one gateway out of service", gateways.outage.payments, "payments meant for it"),
  `${row("charged at the next one", gateways.outage.captured_elsewhere)}   ${
    mark(paint, kept.gateways)
  }`,
  ...gateways.outage.route.flatMap((line) => wrapped(line, "    ")),
  row("a payment by Pix", "", `${gateways.pix.status}, by this code:`),
  ...(gateways.pix.br_code.match(/.{1,90}/g) ?? []).map((part) => `    ${part}`),
  ...gateways.pix.picture.split("\n").map((line) => `    ${line}`)
]

const wayNames = { http: "HTTP waited", nats: "NATS reply" } as const

const latencies = (lines: ReadonlyArray<Latency>): ReadonlyArray<string> => {
  const cells = (values: ReadonlyArray<string>) => values.map((one) => one.padStart(11)).join("")
  return [
    row("", "payments") + cells(["p50", "p90", "p99", "max"]),
    ...lines.map(({ count, max, p50, p90, p99, promptOnly, way }) =>
      row(`${wayNames[way]}${promptOnly ? "" : " (+ slow tokens)"}`, count) +
      cells([p50, p90, p99, max].map((millis) => millis.toFixed(1)))
    )
  ]
}

const promises = (report: DemoReport, paint: Paint): ReadonlyArray<string> => [
  ...report.promises.flatMap(({ against, evidence, holds, name, promise }) => [
    `  ${mark(paint, holds)} ${paint("bold", name)}  ${promise}`,
    ...evidence.flatMap((line) => wrapped(line, "        ").map((one) => paint("dim", one))),
    ...against.flatMap((line) => wrapped(line, "        ").map((one) => paint("red", one)))
  ]),
  ...(report.kept.payments
    ? []
    : [paint("red", `  ${report.planned} payments were sent and ${report.payments} are known`)])
]
