import { afterEach, beforeEach, vi } from "vitest"
import { runCommand } from "../../src/cli/commands.ts"

/** Runs commands in this process, as `main.ts` does, and keeps what they say. For the whole file. */
export const commandLine = (environment: () => Readonly<Record<string, string>>) => {
  const said: Array<string> = []
  beforeEach(() => {
    said.length = 0
    const say = (...words: Array<unknown>) => {
      said.push(words.join(" "))
    }
    vi.spyOn(console, "log").mockImplementation(say)
    vi.spyOn(console, "error").mockImplementation(say)
  })
  afterEach(() => {
    vi.restoreAllMocks()
  })
  /** What a command ends with, and what it says. */
  return async (...args: ReadonlyArray<string>) => {
    const start = said.length
    const code = await runCommand(args, environment())
    const lines = said.slice(start)
    return { code, text: lines.join("\n"), json: () => lines.map((line) => JSON.parse(line)) }
  }
}
