import { parseArgs } from "node:util"

/** Wrong arguments: told in one sentence. */
export class UsageError extends Error {}

/** For a command without arguments: what somebody meant by one is asked, and nothing is done without it. */
export const takesNothing = (args: ReadonlyArray<string>): void => {
  parseArgs({ args: [...args], options: {} })
}

/** A number that an option gives, at most three places behind the point. */
export const numberGiven = (name: string, text: string, min: number, max: number): number => {
  const value = Number(text)
  if (/^\d{1,10}(\.\d{1,3})?$/.test(text) && value >= min && value <= max) return value
  throw new UsageError(`--${name} is a number from ${min} to ${max}; --help says more.`)
}

export const wholeNumberGiven = (name: string, text: string, min: number, max: number): number => {
  const value = Number(text)
  if (/^\d{1,10}$/.test(text) && value >= min && value <= max) return value
  throw new UsageError(`--${name} is a whole number from ${min} to ${max}; --help says more.`)
}
