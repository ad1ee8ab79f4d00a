import { Effect } from "effect"
import type { BusClient } from "../../bus/connection.ts"
import { bucketTakes, type Taking, taking } from "../../bus/probe.ts"
import { orGood, type Signal, SIGNAL_MILLIS } from "./signal.ts"

/** A subject that this identity may publish on, and the stream behind it. */
export interface Probe {
  readonly stream: string
  readonly subject: string
}

/** Whether streams take a write now, as far as this identity may give them one. Nothing is stored. */
export const writeSignals = (nc: BusClient, probes: ReadonlyArray<Probe>) =>
  Effect.forEach(
    probes,
    ({ stream, subject }) =>
      Effect.map(taking(nc, subject, SIGNAL_MILLIS), (seen) => signalOf(stream, seen)),
    { concurrency: "unbounded" }
  ).pipe(Effect.map((each) =>
    orGood(
      "writes",
      each.filter((one) => one !== undefined),
      `${probes.length} streams take writes`
    )
  ))

/** Whether a bucket stores something now: the only question that a server without a disk does not answer. */
export const bucketSignals = (nc: BusClient, buckets: ReadonlyArray<string>) =>
  Effect.forEach(
    buckets,
    (bucket) =>
      Effect.map(bucketTakes(nc, bucket, SIGNAL_MILLIS), (seen) => signalOf(`KV_${bucket}`, seen)),
    { concurrency: "unbounded" }
  ).pipe(Effect.map((each) => each.filter((one) => one !== undefined)))

const signalOf = (stream: string, seen: Taking): Signal | undefined => {
  switch (seen.state) {
    case "takes":
      return undefined
    case "denied":
      return { signal: "writes", state: "unknown", found: `this user may not write to ${stream}` }
    case "closed":
      return {
        signal: "writes",
        state: "poor",
        found: `${stream} takes no commands now: its gate is closed`
      }
    case "fails":
      return { signal: "writes", state: "bad", found: `${stream} takes no writes: ${seen.why}` }
  }
}
