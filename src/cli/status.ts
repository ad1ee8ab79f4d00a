import type { CliCommand } from "./commands.ts"

export const status: CliCommand = { summary: "", usage: "", run: () => Promise.resolve(0) }
