import type { CliCommand } from "./commands.ts"

export const bench: CliCommand = { summary: "", usage: "", run: () => Promise.resolve(0) }
