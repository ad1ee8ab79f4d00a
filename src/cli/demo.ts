import type { CliCommand } from "./commands.ts"

export const demo: CliCommand = { summary: "", usage: "", run: () => Promise.resolve(0) }
