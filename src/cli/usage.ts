import { parseArgs } from "node:util"

/** Wrong arguments: told in one sentence. */
export class UsageError extends Error {}

/** For a command without arguments: what somebody meant by one is asked, and nothing is done without it. */
export const takesNothing = (args: ReadonlyArray<string>): void => {
  parseArgs({ args: [...args], options: {} })
}
