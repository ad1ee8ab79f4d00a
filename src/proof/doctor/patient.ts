import type { NatsLink } from "../../bus/connection.ts"
import type { StreamSpec } from "../../bus/topology.ts"
import type { Disk } from "../health/room.ts"
import type { Probe } from "../health/writes.ts"
import type { Db } from "../../store/database.ts"

/** An identity of this deployment, and what it must never be able to publish on. */
export interface Identity {
  readonly name: string
  readonly nc: NatsLink["nc"] | undefined
  /** Why there is no connection. */
  readonly refusal?: string
  readonly must: ReadonlyArray<string>
  readonly mustNot: ReadonlyArray<string>
  /** A merchant's: where it cannot be examined, nothing that Lastro promises is in doubt. */
  readonly merchant?: string
}

/** Everything the doctor is given to look at. */
export interface Patient {
  /** May read and change the topology. */
  readonly nc: NatsLink["nc"]
  /** Monitoring endpoints, where they can be reached: sync modes and clocks are read there. */
  readonly monitorUrls: ReadonlyArray<string>
  readonly db: Db
  readonly declared: ReadonlyArray<StreamSpec>
  readonly replicas: number
  readonly mailboxes: ReadonlyArray<
    {
      readonly mailbox: string
      readonly stream: string
      readonly kind: "keyed" | "outbound"
      readonly families: ReadonlyArray<string>
    }
  >
  readonly partitions: number
  /** What every server is to make of producers' subjects. */
  readonly mapping: { readonly src: string; readonly dest: string }
  /** Each server by itself, as far as it is reached. */
  readonly servers: ReadonlyArray<
    { readonly url: string; readonly nc: NatsLink["nc"] | undefined }
  >
  readonly identities: ReadonlyArray<Identity>
  /** What can be written with `nc`, by the streams it goes to. */
  readonly probes: ReadonlyArray<Probe>
  /** Where servers of this machine write. */
  readonly disks: ReadonlyArray<Disk>
}

/** Servers that could be reached, or why not: what is there is looked at all the same. */
export type Reached = Omit<Patient, "nc"> & { readonly nc: Patient["nc"] | string }
