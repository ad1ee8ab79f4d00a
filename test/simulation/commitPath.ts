import { CRASH_POINTS } from "../../src/runtime/turnPlace.ts"

/** What a process asks of the world between taking a partition over and acknowledging a turn. */
const ASKED = [
  "stream.info",
  "take over",
  "begin",
  "stream.msg.get",
  "consumer.delete",
  "consumer.create",
  "load",
  "parked letters",
  "commit",
  "cursor",
  "append payments",
  "append events",
  "append dead",
  "timer"
]

/**
 * Every point of the commit path at which a process can die or stop: before it asks, when the world
 * has done it, and when it hears of it. Between two of these it does nothing that anybody could see.
 */
export const COMMIT_PATH: ReadonlyArray<string> = [
  ...CRASH_POINTS,
  ...ASKED.flatMap((name) => [`${name} asked`, `${name} done`, `${name} answered`])
]

const points = new Set(COMMIT_PATH)

export const isCommitPath = (label: string): boolean => points.has(label)
