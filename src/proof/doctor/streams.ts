import { Effect } from "effect"
import { partitionFilter } from "../../bus/ingress.ts"
import { partitionConsumer } from "../../bus/mailboxReader.ts"
import { type ConsumerCondition, consumersOf, streamCondition } from "../../bus/probe.ts"
import type { StreamCondition } from "../../bus/probe.ts"
import { comparableSpec } from "../../bus/topology.ts"
import { SCANS } from "../../bus/scan.ts"
import { sharedConsumer } from "../../bus/sharedReader.ts"
import { PARTITIONS_SETTING, settingsApart, streamApart } from "../../bus/drift.ts"
import { cursorConditions } from "../../store/condition.ts"
import type { Finding, Promised } from "./diagnosis.ts"
import type { Patient } from "./patient.ts"

const ORDERED: ReadonlyArray<Promised> = ["G2", "G3", "G5"]
/** Settings whose drift changes how much is kept and for how long, and nothing else. */
const ROOM = new Set(["max_age", "max_bytes", "metadata", "num_replicas", "max_msg_size"])
const DAY_MILLIS = 86_400_000

type Streams = ReadonlyMap<string, StreamCondition>

/** Streams, their consumers and their room, against what is declared. */
export const examineStreams = Effect.fnUntraced(function* (
  patient: Patient,
  databaseAnswers = true
) {
  const streams = new Map<string, StreamCondition>()
  const findings: Array<Finding> = []
  for (const { name } of patient.declared) {
    const asked = yield* Effect.result(streamCondition(patient.nc, name))
    if (asked._tag === "Success") streams.set(name, asked.success)
    else findings.push(missing(name, asked.failure.message))
  }
  findings.push(...drift(patient, streams), ...copies(streams))
  findings.push(...room(patient, streams))
  if (databaseAnswers) findings.push(...yield* cursors(patient, streams))
  for (const mailbox of patient.mailboxes) {
    const found = yield* consumersOf(patient.nc, mailbox.stream).pipe(
      Effect.orElseSucceed(() => undefined)
    )
    findings.push(consumers(patient, mailbox, found))
  }
  return findings
})

const missing = (name: string, why: string): Finding => ({
  area: "streams",
  check: name,
  verdict: "bad",
  found: `it does not answer: ${why}`,
  advice: "start Lastro, which creates what is missing",
  undermines: ["G1", ...ORDERED]
})

const drift = ({ declared, partitions }: Patient, streams: Streams): ReadonlyArray<Finding> => {
  const apart = declared.flatMap((spec) => {
    const found = streams.get(spec.name)
    if (found === undefined) return []
    const { declared } = comparableSpec(spec, found.config)
    return streamApart({ ...declared }, found.config).map((one) => ({
      stream: spec.name,
      ...one
    }))
  })
  if (apart.length === 0) {
    return [{
      area: "streams",
      check: "topology",
      verdict: "good",
      found: `${streams.size} streams are as declared, mailboxes with ${partitions} partitions`,
      undermines: []
    }]
  }
  return apart.map(({ declared, found, setting, stream }): Finding => ({
    area: "streams",
    check: `${stream} ${setting}`,
    verdict: ROOM.has(setting) ? "poor" : "bad",
    found: `is ${JSON.stringify(found) ?? "not set"}, declared ${JSON.stringify(declared)}`,
    advice: setting === PARTITIONS_SETTING
      ? `start every process, this one too, with LASTRO_PARTITIONS=${found}`
      : "decide which is right: a stream that was changed is never changed back silently",
    undermines: setting === "retention" || setting === "discard" || setting === "storage"
      ? ["G1", "G2"]
      : ORDERED
  }))
}

const copies = (streams: Streams): ReadonlyArray<Finding> =>
  [...streams].flatMap(([name, { cluster }]): Array<Finding> => {
    if (cluster === undefined) return []
    const late = (cluster.replicas ?? []).filter(({ current, offline }) => !current || offline)
    if (cluster.leader !== undefined && late.length === 0) return []
    return [{
      area: "streams",
      check: `${name} copies`,
      verdict: cluster.leader === undefined ? "bad" : "poor",
      found: cluster.leader === undefined
        ? "it has no leader and takes nothing"
        : `${late.map((one) => one.name).join(", ")} not up to date`,
      advice: "look after that server: another loss stops the stream",
      undermines: ["G1"]
    }]
  })

/** A mailbox is full by age, not by backlog: does its room cover its age at the present rate? */
const room = ({ mailboxes }: Patient, streams: Streams): ReadonlyArray<Finding> =>
  mailboxes.flatMap(({ stream }): Array<Finding> => {
    const found = streams.get(stream)
    if (found === undefined) return []
    const { config: { max_age, max_bytes }, state } = found
    const spanMillis = Math.max(1, Date.parse(found.ts) - Date.parse(state.first_ts))
    const ageMillis = Number(max_age ?? 0) / 1_000_000
    const holdsMillis = state.bytes === 0 ? Infinity : (max_bytes / state.bytes) * spanMillis
    const used = max_bytes > 0 ? state.bytes / max_bytes : 0
    const enough = max_bytes <= 0 || holdsMillis >= ageMillis
    const inDays = (millis: number) =>
      millis === Infinity || millis > 3_650 * DAY_MILLIS
        ? "years"
        : `${(millis / DAY_MILLIS).toFixed(1)} days`
    return [{
      area: "streams",
      check: `${stream} room`,
      verdict: used > 0.7 ? "bad" : enough ? "good" : "poor",
      found: `${mebibytes(state.bytes)} of ${mebibytes(max_bytes)}; at the mean rate since its ` +
        `oldest message it holds ${inDays(holdsMillis)} and has to hold ${inDays(ageMillis)}`,
      ...(!enough && {
        advice: "give it more max_bytes or less max_age, before it closes its gate to new commands"
      }),
      undermines: ["G11"]
    }]
  })

export const mebibytes = (bytes: number): string => `${(bytes / 1024 ** 2).toFixed(1)} MiB`

/** Every cursor stands inside the stream it was moved on, and at its last turn. */
const cursors = Effect.fnUntraced(
  function* ({ db, mailboxes, partitions }: Patient, streams: Streams) {
    const found = yield* Effect.promise(() => cursorConditions(db))
    const wrong = found.flatMap((cursor) => {
      const name = mailboxes.find(({ mailbox }) => mailbox === cursor.family)?.stream
      const stream = streams.get(name ?? "")
      if (stream === undefined) return []
      const place = `${cursor.family}-${cursor.partition}`
      if (cursor.streamCreated !== stream.created || cursor.seq > stream.state.last_seq) {
        return [`${place}: ${name} was recreated or restored below the cursor (${cursor.seq})`]
      }
      return cursor.atItsTurn ? [] : [`${place}: the cursor is not where its last turn ended`]
    })
    const beyond = found.filter(({ partition }) => partition >= partitions).length
    const quarantined = found.reduce((sum, one) => sum + one.quarantined, 0)
    return [{
      area: "workers",
      check: "cursors",
      verdict: wrong.length > 0 ? "bad" : "good",
      found: wrong.length > 0
        ? wrong.join("; ")
        : `${found.length} stand in their streams, at their last turn` +
          (beyond > 0 ? `; ${beyond} were left by a release of another number of partitions` : ""),
      ...(wrong.length > 0 && { advice: "stop the workers and find out what was restored" }),
      undermines: ["G2", "G3", "G15"]
    }, {
      area: "workers",
      check: "keys set aside",
      verdict: quarantined > 0 ? "poor" : "good",
      found: `${found.reduce((sum, one) => sum + one.parked, 0)} parked, of them ` +
        `${quarantined} quarantined until a person lets them go`,
      undermines: []
    }] satisfies ReadonlyArray<Finding>
  }
)

const consumers = (
  { partitions }: Patient,
  { kind, mailbox, stream }: Patient["mailboxes"][number],
  found: ReadonlyArray<ConsumerCondition> | undefined
): Finding => {
  const expected = kind === "outbound"
    ? [sharedConsumer(mailbox, `${mailbox}.>`)]
    : Array.from({ length: partitions }, (_, partition) => {
      const { opt_start_seq: _start, ...rest } = partitionConsumer({
        consumer: `${mailbox}-${partition}`,
        filter: partitionFilter(partition),
        startSeq: 1
      })
      return rest
    })
  const byName = new Map(found?.map((one) => [one.name, one]))
  const absent = expected.filter(({ name }) => !byName.has(name)).map(({ name }) => name)
  const apart = expected.flatMap((declared) => {
    const config = byName.get(declared.name)?.config
    return config === undefined
      ? []
      : settingsApart(declared, config).map(({ found, setting }) =>
        `${declared.name} has ${setting} ${JSON.stringify(found)}`
      )
  })
  const names = new Set(expected.map(({ name }) => name))
  const others =
    found?.filter(({ name }) => !names.has(name) && !name.startsWith(SCANS)).map(({ name }) =>
      name
    ) ?? []
  const told = [
    ...(absent.length > 0 ? [`nobody reads ${absent.join(", ")}`] : []),
    ...apart,
    ...(others.length > 0 ? [`others read it: ${others.slice(0, 5).join(", ")}`] : [])
  ]
  return {
    area: "streams",
    check: `${stream} consumers`,
    verdict: found === undefined
      ? "unknown"
      : absent.length + apart.length > 0
      ? "bad"
      : others.length > 0
      ? "poor"
      : "good",
    found: found === undefined
      ? "they cannot be listed"
      : told.length > 0
      ? told.join("; ")
      : `${expected.length} as declared`,
    ...(absent.length > 0 && { advice: "start a worker" }),
    undermines: apart.length > 0 ? ["G2", "G3", "G8"] : ["G8"]
  }
}
