import { Effect } from "effect"
import { scratch, streamCondition } from "../../bus/probe.ts"
import { partitionOf } from "../../domain/partition.ts"
import type { Finding } from "./diagnosis.ts"
import { latency } from "./latency.ts"
import type { Patient } from "./patient.ts"

/** Enough that two functions of eight values cannot agree on all of them by chance. */
const KEYS = ["acme", "a", "merchant_1", "x-y-z", "0"].concat(
  Array.from({ length: 27 }, (_, index) => `m${index * index}`)
)

/** The server's partition of a key must be ours, with the transform that the mailbox has now. */
export const examinePartitions = Effect.fnUntraced(function* (patient: Patient) {
  const { mailboxes, nc, partitions, replicas } = patient
  const asked = yield* Effect.option(streamCondition(nc, mailboxes[0]!.stream))
  const transform = asked._tag === "None"
    ? undefined
    : asked.value.config["subject_transform"] as { src: string; dest: string } | undefined
  if (transform === undefined) return [unknown("the mailbox takes no commands now")]
  const tried = yield* Effect.result(Effect.scoped(scratch(nc, transform, replicas, KEYS)))
  if (tried._tag === "Failure") return [unknown(tried.failure.message)]
  const { appendMillis, partitions: theirs } = tried.success
  const apart = [...theirs].filter(([key, partition]) => partition !== partitionOf(key, partitions))
  const finding: Finding = {
    area: "streams",
    check: "partition function",
    verdict: apart.length > 0 ? "bad" : "good",
    found: apart.length > 0
      ? apart.slice(0, 3).map(([key, partition]) =>
        `the server puts ${key} into ${partition}, we into ${partitionOf(key, partitions)}`
      ).join("; ")
      : `the server and we agree on ${theirs.size} of ${theirs.size} keys`,
    ...(apart.length > 0 && { advice: "stop: one key's messages would go to two partitions" }),
    undermines: ["G2", "G3"]
  }
  return [finding, latency("nats", "append", appendMillis)]
})

const unknown = (why: string): Finding => ({
  area: "streams",
  check: "partition function",
  verdict: "unknown",
  found: why,
  undermines: ["G2", "G3"]
})
