import { type NatsMember, natsMembers } from "../../stack/cluster.ts"
import { CRASH_POINTS, type CrashPoint } from "../../runtime/turnPlace.ts"
import type { Random } from "../random.ts"

/** What is done to whom, and for how long. Everything of it follows from the seed. */
export type Fault =
  | { readonly kind: "worker killed"; readonly worker: number; readonly absentMillis: number }
  | {
    readonly kind: "worker killed at a crash point"
    readonly worker: number
    readonly point: CrashPoint
    readonly pass: number
  }
  | { readonly kind: "worker frozen"; readonly worker: number; readonly millis: number }
  | { readonly kind: "worker replaced"; readonly worker: number }
  | { readonly kind: "nats-server killed"; readonly member: NatsMember; readonly millis: number }
  | { readonly kind: "nats-server frozen"; readonly member: NatsMember; readonly millis: number }
  | { readonly kind: "all nats-servers killed"; readonly millis: number }
  | { readonly kind: "nats-server restarted"; readonly member: NatsMember }
  | { readonly kind: "postgres killed"; readonly millis: number }
  | { readonly kind: "postgres restarted" }
  | { readonly kind: "stream leader stepped down"; readonly pick: number }
  | { readonly kind: "consumer leader stepped down"; readonly pick: number }
  | { readonly kind: "nats connections cut"; readonly worker: number }
  | { readonly kind: "nats connections stalled"; readonly worker: number; readonly millis: number }
  | { readonly kind: "postgres connections cut"; readonly worker: number }
  | {
    readonly kind: "postgres connections stalled"
    readonly worker: number
    readonly millis: number
  }

export type FaultKind = Fault["kind"]

/** How often each kind comes, against the others. Servers take long to come back, so they are rarer. */
const weights: Readonly<Record<FaultKind, number>> = {
  "worker killed": 14,
  "worker killed at a crash point": 14,
  "worker frozen": 10,
  "worker replaced": 6,
  "nats-server killed": 5,
  "nats-server frozen": 3,
  "all nats-servers killed": 1,
  "nats-server restarted": 3,
  "postgres killed": 4,
  "postgres restarted": 3,
  "stream leader stepped down": 12,
  "consumer leader stepped down": 8,
  "nats connections cut": 9,
  "nats connections stalled": 6,
  "postgres connections cut": 9,
  "postgres connections stalled": 4
}

export const faultKinds = Object.keys(weights) as ReadonlyArray<FaultKind>

interface FaultOptions {
  readonly workers: number
  readonly leaseMillis: number
}

/** Turns before a crash point is passed for the last time. */
const PASSES_MAX = 60
const ABSENT_MILLIS_MAX = 3_000
const AWAY_MILLIS_MAX = 4_000

/** The next fault, and the pause before it. */
export const drawFault = (random: Random, { leaseMillis, workers }: FaultOptions): Fault => {
  const worker = random.int(workers)
  const member = natsMembers[random.int(natsMembers.length)]!
  const pick = random.int(1_000)
  const away = random.int(AWAY_MILLIS_MAX)
  // From just below the lease time to well beyond it.
  const aroundLease = Math.round(leaseMillis * (0.5 + random.next() * 1.5))
  const point = CRASH_POINTS[random.int(CRASH_POINTS.length)]!
  const pass = 1 + random.int(PASSES_MAX)
  const kind = random.weighted(faultKinds, (one) => weights[one])
  switch (kind) {
    case "worker killed":
      return { kind, worker, absentMillis: random.int(ABSENT_MILLIS_MAX) }
    case "worker killed at a crash point":
      return { kind, worker, point, pass }
    case "worker frozen":
      return { kind, worker, millis: leaseMillis + away }
    case "nats connections stalled":
    case "postgres connections stalled":
      return { kind, worker, millis: aroundLease }
    case "worker replaced":
    case "nats connections cut":
    case "postgres connections cut":
      return { kind, worker }
    case "nats-server killed":
    case "nats-server frozen":
      return { kind, member, millis: away }
    case "nats-server restarted":
      return { kind, member }
    case "all nats-servers killed":
    case "postgres killed":
      return { kind, millis: away }
    case "postgres restarted":
      return { kind }
    case "stream leader stepped down":
    case "consumer leader stepped down":
      return { kind, pick }
  }
}

/** What a fault needs for itself: two that share one come one after the other. */
export const placeOf = (fault: Fault): string =>
  "worker" in fault
    ? `worker ${fault.worker}`
    : fault.kind.startsWith("postgres")
    ? "postgres"
    : fault.kind.endsWith("stepped down")
    ? "leaders"
    : "nats"
