import { Effect } from "effect"
import { appendMillis, mappedPartitions, unreadCommands } from "../../bus/probe.ts"
import { partitionOf } from "../../domain/partition.ts"
import type { Finding } from "./diagnosis.ts"
import { latency } from "./latency.ts"
import type { Patient } from "./patient.ts"

/** Enough that two functions of eight values cannot agree on all of them by chance. */
const KEYS = ["acme", "a", "merchant_1", "x-y-z", "0"].concat(
  Array.from({ length: 27 }, (_, index) => `m${index * index}`)
)

type Partitioned = Pick<
  Patient,
  "nc" | "replicas" | "servers" | "mapping" | "partitions" | "mailboxes"
>

/** Every server's partition of a key must be ours, and nothing may lie where no partition reads. */
export const examinePartitions = Effect.fnUntraced(function* (patient: Partitioned) {
  const { nc, replicas, servers } = patient
  const functions = yield* Effect.forEach(
    servers,
    (server) => partitionFunction(patient, server),
    { concurrency: "unbounded" }
  )
  const appended = yield* Effect.option(Effect.scoped(appendMillis(nc, replicas, KEYS.length)))
  return [
    ...functions,
    yield* unmapped(patient),
    ...(appended._tag === "Some" ? [latency("nats", "append", appended.value)] : [])
  ]
})

const partitionFunction = Effect.fnUntraced(function* (
  { mapping, partitions }: Partitioned,
  { nc, url }: Patient["servers"][number]
): Effect.fn.Return<Finding> {
  const theirs = nc === undefined
    ? undefined
    : yield* mappedPartitions(nc, KEYS).pipe(Effect.orElseSucceed(() => undefined))
  const apart = [...theirs ?? []]
    .filter(([key, partition]) => partition !== partitionOf(key, partitions))
  const agrees = theirs?.size === KEYS.length && apart.length === 0
  return {
    area: "nats",
    check: `partition function of ${url}`,
    verdict: theirs === undefined ? "unknown" : agrees ? "good" : "bad",
    found: theirs === undefined
      ? "the server does not answer"
      : apart.length > 0
      ? apart.slice(0, 3).map(([key, partition]) =>
        `the server puts ${key} into ${partition}, we into ${partitionOf(key, partitions)}`
      ).join("; ")
      : agrees
      ? `the server and we agree on ${theirs.size} of ${KEYS.length} keys`
      : `it maps ${theirs.size} of ${KEYS.length} producers' subjects: their commands are not taken`,
    ...(theirs !== undefined && !agrees && {
      advice: `set in its configuration, where LASTRO_PARTITIONS=${partitions} is right: ` +
        `mappings: { "${mapping.src}": "${mapping.dest}" }`
    }),
    undermines: theirs !== undefined && apart.length === 0 ? [] : ["G2", "G3"]
  }
})

/** Subjects named in full; others are counted. */
const NAMED_MAX = 3

const named = (subjects: ReadonlyArray<string>): string =>
  subjects.slice(0, NAMED_MAX).join(", ") +
  (subjects.length > NAMED_MAX ? ` and ${subjects.length - NAMED_MAX} more` : "")

/** An older version let each server of a stream do the mapping, and some did not. */
const unmapped = Effect.fnUntraced(function* (
  { mailboxes, nc, partitions }: Partitioned
): Effect.fn.Return<Finding> {
  const found = yield* Effect.forEach(mailboxes, ({ stream }) =>
    Effect.map(
      Effect.option(unreadCommands(nc, stream, partitions)),
      (asked) => ({ stream, asked: asked._tag === "Some" ? asked.value : undefined })
    ))
  const lost = found.filter(({ asked }) => (asked?.count ?? 0) > 0)
  return {
    area: "streams",
    check: "commands outside of partitions",
    verdict: found.some(({ asked }) => asked === undefined)
      ? "unknown"
      : lost.length > 0
      ? "bad"
      : "good",
    found: lost.length === 0
      ? "none"
      : lost.map(({ asked, stream }) =>
        `${stream} holds ${asked!.count} under ${named(asked!.subjects)}` +
        (asked!.leader === undefined ? "" : ` in the copy of ${asked!.leader}`)
      ).join("; "),
    ...(lost.length > 0 && {
      advice: "read them and have them sent again: a command that did take effect changes nothing"
    }),
    undermines: ["G2", "G3"]
  }
})
