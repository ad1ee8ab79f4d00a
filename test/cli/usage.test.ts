import { afterEach, expect, test, vi } from "vitest"
import { runCommand } from "../../src/cli/commands.ts"

afterEach(() => {
  vi.restoreAllMocks()
})

/** Where a command that began all the same would get no further than its folder. */
const NOWHERE = { LASTRO_DATA_DIR: "/dev/null/lastro" }

test.each([
  ["start", "--port=1"],
  ["up", "now"],
  ["edge", "--actors=payments"],
  ["worker", "payments"],
  ["simulator", "pix"],
  ["migrate", "--dry-run"],
  ["routing", "plan"],
  ["topology", "mend"],
  ["topology", "plan", "--actors"],
  ["doctor", "--jsn"],
  ["checkpoint", "--lst"],
  ["status", "payments"],
  ["access", "list", "--merchant"],
  ["hostile", "--payments=none"],
  ["demo", "--rate=fast"],
  ["chaos", "--minutes=soon"],
  ["replay", "gateway"],
  ["replay", "payments", "--partition=8"],
  ["audit", "verify"],
  ["frobnicate"]
])(
  "lastro %s %s is no command: nothing is done, and 64 says so in one sentence",
  async (...args) => {
    const complained = vi.spyOn(console, "error").mockReturnValue()
    expect(await runCommand(args.filter((word) => word !== undefined), NOWHERE)).toBe(64)
    expect(complained).toHaveBeenCalledOnce()
    expect(complained.mock.calls[0]![0]).toMatch(/^lastro [^\n]+$/)
  }
)

test("a command that is none is told with the one that was probably meant", async () => {
  const complained = vi.spyOn(console, "error").mockReturnValue()
  expect(await runCommand(["statsu"], NOWHERE)).toBe(64)
  expect(complained).toHaveBeenCalledExactlyOnceWith(
    "lastro has no command statsu: did you mean status? Try: deno task lastro help"
  )
})
