import { partitionOf } from "../../../src/domain/partition.ts"
import { ingressMapping } from "../../../streams/mailboxes.ts"
import { matches } from "./message.ts"

/** One mapping of a NATS account, as a server's configuration has it. */
export interface Mapping {
  readonly src: string
  readonly dest: string
}

/** What servers make of the subjects that producers publish on, with so many partitions. */
export const mappingOf = (partitions: number): Mapping => ({
  src: ingressMapping.src,
  dest: ingressMapping.dest.replace(/partition\(\d+/, `partition(${partitions}`)
})

/** `lastro.<family>.<type>.<merchant>` becomes a partition's own subject, as the server does it. */
export const mapped = ({ dest, src }: Mapping, subject: string): string => {
  if (!matches(src, subject)) return subject
  const tokens = subject.split(".")
  const wild = src.split(".").flatMap((token, index) => token === "*" ? [tokens[index]!] : [])
  return dest
    .replace(/{{wildcard\((\d+)\)}}/g, (_, nth) => wild[Number(nth) - 1] ?? "")
    .replace(
      /{{partition\((\d+),(\d+)\)}}/g,
      (_, count, nth) => String(partitionOf(wild[Number(nth) - 1] ?? "", Number(count)))
    )
}
