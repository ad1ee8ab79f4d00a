import type { StreamSpec } from "../../src/bus/topology.ts"
import { topology } from "../../streams/topology.ts"
import { streamOf } from "./world.ts"

/** The streams Lastro really has, with as many partitions and families as a simulation wants. */
export const streamsOf = (
  families: ReadonlyArray<string>,
  partitions: number
): ReadonlyArray<StreamSpec> => {
  const declared = topology(1)
  const mailbox = declared.find(({ subject_transform }) => subject_transform !== undefined)!
  const family = mailbox.name.toLowerCase()
  const mailboxes = families.map((name): StreamSpec => ({
    ...mailbox,
    name: streamOf(name),
    subjects: mailbox.subjects!.map((subject) => subject.replace(family, name)),
    subject_transform: {
      src: mailbox.subject_transform!.src!.replace(family, name),
      dest: mailbox.subject_transform!.dest.replace(family, name)
        .replace(/partition\(\d+/, `partition(${partitions}`)
    }
  }))
  const others = ["EVENTS", "DEAD_LETTERS", "TIMERS", "KV_leases", "KV_control"]
  return [...mailboxes, ...declared.filter(({ name }) => others.includes(name))]
}
