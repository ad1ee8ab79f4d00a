import { mailboxes } from "../../streams/mailboxes.ts"
import { topology } from "../../streams/topology.ts"
import type { HealthSources } from "../proof/health/health.ts"
import type { Probe } from "../proof/health/writes.ts"
import { freeBytes } from "../stack/kept.ts"
import type { Stack } from "../stack/stack.ts"

/** What an edge may write: commands. The machine's own streams are its workers' to look at. */
export const edgeProbes: ReadonlyArray<Probe> = mailboxes
  .filter(({ kind }) => kind === "keyed")
  .map(({ mailbox, stream }) => ({ stream, subject: `${mailbox}.0.ingress.health.health` }))

/** What a worker may write: everything but what only servers tell. */
export const workerProbes: ReadonlyArray<Probe> = topology(1)
  .filter(({ name }) => name !== "ADVISORIES")
  .map(({ name, subjects }) => ({
    stream: name,
    subject: subjects!.at(-1)!.replaceAll("*", "health").replace(">", "health")
  }))

export const healthSources = (stack: Stack, probes: ReadonlyArray<Probe>): HealthSources => ({
  monitorUrls: stack.natsMonitorUrl.split(",").map((url) => url.trim().replace(/\/$/, "")),
  disks: (stack.disks ?? []).map(({ folder, server }) => ({
    server,
    freeBytes: () => freeBytes(folder)
  })),
  servers: () => (stack.kept ?? []).map((keeper) => keeper.now()),
  probes
})
