import { takesCommands } from "../../src/bus/ingress.ts"
import type { StreamSpec } from "../../src/bus/topology.ts"
import { topology } from "../../streams/topology.ts"
import { type House, mailboxesIn, type SimulatedMailbox, streamOf } from "./world.ts"

/** The streams Lastro really has, with the families a simulation wants: those it runs, and others that nobody reads. */
export const streamsFor = (
  house: Pick<House, "keyed" | "together">,
  others: ReadonlyArray<string>
): ReadonlyArray<StreamSpec> =>
  streamsOf([
    ...mailboxesIn(house),
    ...others.map((family) => ({ stream: streamOf(family), families: [family] }))
  ])

const streamsOf = (
  mailboxes: ReadonlyArray<Pick<SimulatedMailbox, "stream" | "families">>
): ReadonlyArray<StreamSpec> => {
  const declared = topology(1)
  const mailbox = declared.find(({ subjects = [] }) => subjects.some(takesCommands))!
  const family = mailbox.subjects![0]!.split(".", 1)[0]!
  const [ingress, others] = mailbox.subjects!
  const specs = mailboxes.map(({ families, stream }): StreamSpec => ({
    ...mailbox,
    name: stream,
    subjects: families.flatMap((name) =>
      [ingress!, others!].map((subject) => subject.replace(family, name))
    )
  }))
  const kept = ["EVENTS", "DEAD_LETTERS", "TIMERS", "KV_leases", "KV_control"]
  return [...specs, ...declared.filter(({ name }) => kept.includes(name))]
}
