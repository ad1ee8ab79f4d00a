import type { Environment } from "./environment.ts"

export interface CliCommand {
  readonly summary: string
  readonly usage: string
  /** It runs until somebody stops it: one error that reached nobody is no reason to end. */
  readonly serves?: boolean
  readonly run: (args: ReadonlyArray<string>, environment: Environment) => Promise<number>
}
