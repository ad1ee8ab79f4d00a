/**
 * What a worker says of itself in its lease: the families it runs, and after them, each behind an
 * exclamation mark, the partitions it stands back from.
 */
export interface Member {
  readonly families: ReadonlySet<string>
  readonly standsBackFrom: ReadonlySet<string>
}

export const announcementOf = ({ families, standsBackFrom }: Member): string =>
  [...families, ...[...standsBackFrom].map((slot) => `!${slot}`)].join(" ")

/** Whether a worker that says this of itself may own the slot. All workers must come to one answer. */
export const takes = (announcement: string, family: string, slot: string): boolean => {
  const words = announcement.split(" ")
  return words.includes(family) && !words.includes(`!${slot}`)
}
