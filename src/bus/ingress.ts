import { partitionOf } from "../domain/partition.ts"

/** What a partition of a mailbox reads: the stream holds messages of the mailbox's own families only. */
export const partitionFilter = (partition: number): string => `*.${partition}.>`

/** Where a command stands in its mailbox, whoever computes it: the server for producers, we for ourselves. */
export const ingressSubject = (
  { family, merchant, type }: {
    readonly family: string
    readonly type: string
    readonly merchant: string
  },
  partitions: number
): string => `${family}.${partitionOf(merchant, partitions)}.ingress.${type}.${merchant}`

/** Whether a mailbox takes commands with this one of its subjects; `lastro.` was an older way. */
export const takesCommands = (subject: string): boolean =>
  subject.split(".", 3)[2] === "ingress" || subject.startsWith("lastro.")

/** Whether a command stands in the partition of its merchant. Anybody may have named another one. */
export const isInPlace = (subject: string, merchant: string, partitions: number): boolean =>
  Number(subject.split(".", 2)[1]) === partitionOf(merchant, partitions)
