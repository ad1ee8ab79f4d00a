/**
 * What a worker says of itself in its lease: the families it runs with the generation of messages it
 * reads (`payments fraud@2`); with an equals sign, how many partitions it reckons with; and behind them,
 * each with an exclamation mark, the partitions it stands back from, because it met a message it is too
 * old for.
 */
interface Member {
  readonly partitions: number
  readonly families: ReadonlyMap<string, number>
  readonly standsBackFrom: ReadonlySet<string>
}

/** Of releases that had no choice, and say nothing of it. */
const PARTITIONS_UNSAID = 8

export const announcementOf = ({ families, partitions, standsBackFrom }: Member): string =>
  [
    ...[...families].map(([family, generation]) =>
      generation === 1 ? family : `${family}@${generation}`
    ),
    `=${partitions}`,
    ...[...standsBackFrom].map((slot) => `!${slot}`)
  ].join(" ")

/** How many partitions a worker reckons with, by its words. */
export const reckonedBy = (said: string): number =>
  Number(said.split(" ").find((word) => word.startsWith("="))?.slice(1) ?? PARTITIONS_UNSAID)

/** The generation a worker reads a family with; undefined where it does not run it. */
const generationIn = (words: ReadonlyArray<string>, family: string): number | undefined => {
  const word = words.find((one) => one === family || one.startsWith(`${family}@`))
  return word === undefined ? undefined : Number(word.slice(family.length + 1) || 1)
}

/**
 * Who may own a slot, by what the members say: those that run all its families and reckon with as many
 * partitions, and where one of them met a message it is too old for, only those that are newer. All
 * workers must come to one answer.
 */
export const ableMembers = (
  members: ReadonlyArray<string>,
  saidBy: (member: string) => string,
  families: ReadonlyArray<string>,
  slot: string,
  partitions: number
): ReadonlyArray<string> => {
  const able: Array<{ member: string; generations: ReadonlyArray<number> }> = []
  const tooOld: Array<ReadonlyArray<number>> = []
  for (const member of members) {
    const words = saidBy(member).split(" ")
    const generations = families.flatMap((family) => generationIn(words, family) ?? [])
    if (generations.length < families.length) continue
    if (reckonedBy(saidBy(member)) !== partitions) continue
    if (words.includes(`!${slot}`)) tooOld.push(generations)
    able.push({ member, generations })
  }
  return able.filter(({ generations }) => tooOld.every((old) => isNewer(generations, old)))
    .map(({ member }) => member)
}

/** Reads something that the other does not, and whatever the other does. */
const isNewer = (mine: ReadonlyArray<number>, theirs: ReadonlyArray<number>): boolean =>
  mine.every((generation, index) => generation >= theirs[index]!) &&
  mine.some((generation, index) => generation > theirs[index]!)
