import { takesCommands } from "../../src/bus/ingress.ts"
import type { StreamSpec } from "../../src/bus/topology.ts"
import { topology } from "../../streams/topology.ts"
import { streamOf } from "./world.ts"

/** The streams Lastro really has, with the families a simulation wants. */
export const streamsOf = (families: ReadonlyArray<string>): ReadonlyArray<StreamSpec> => {
  const declared = topology(1)
  const mailbox = declared.find(({ subjects = [] }) => subjects.some(takesCommands))!
  const family = mailbox.subjects![0]!.split(".", 1)[0]!
  const mailboxes = families.map((name): StreamSpec => ({
    ...mailbox,
    name: streamOf(name),
    subjects: mailbox.subjects!.map((subject) => subject.replace(family, name))
  }))
  const others = ["EVENTS", "DEAD_LETTERS", "TIMERS", "KV_leases", "KV_control"]
  return [...mailboxes, ...declared.filter(({ name }) => others.includes(name))]
}
