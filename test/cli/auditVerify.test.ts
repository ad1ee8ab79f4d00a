import * as fs from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, afterEach, expect, test, vi } from "vitest"
import { runCommand } from "../../src/cli/commands.ts"
import {
  newSigningKey,
  signCheckpoint,
  signerOf,
  verifierKey
} from "../../src/domain/checkpoint.ts"

const folder = fs.mkdtempSync(join(tmpdir(), "audit-verify-"))
afterAll(() => fs.rmSync(folder, { recursive: true }))
afterEach(() => {
  vi.restoreAllMocks()
})

const signer = signerOf(newSigningKey())
const key = verifierKey(signer)
const checkpoint = signCheckpoint(signer, {
  size: 1,
  root: Buffer.alloc(32),
  time: "2026-01-01T00:00:00Z"
})
const written = (name: string, text: string): string => {
  fs.writeFileSync(join(folder, name), text)
  return join(folder, name)
}
const empty = written("empty.jsonl", "")

const verify = async (...args: ReadonlyArray<string>) => {
  const said: Array<unknown> = []
  for (const stream of ["log", "error"] as const) {
    vi.spyOn(console, stream).mockImplementation((line) => said.push(line))
  }
  const code = await runCommand(["audit", "verify", empty, ...args], {})
  return { code, text: said.join("\n") }
}

test.each([
  ["as it is signed", checkpoint],
  ["as the API answers it", JSON.stringify({ keys: [key], size: 1, checkpoint })]
])("a kept checkpoint is read %s", async (_, text) => {
  const { code, text: said } = await verify("--key", key, "--checkpoint", written("kept", text))
  expect(code).toBe(1)
  expect(said).toContain("the kept checkpoint of 1 entries is not in the file")
})

test("what is no key, of another key, without a key or not there is told in one sentence", async () => {
  const kept = written("kept", checkpoint)
  const other = verifierKey(signerOf(newSigningKey()))
  expect([
    await verify("--key", "audit.pub"),
    await verify("--key", other, "--checkpoint", kept),
    await verify("--key", key, "--checkpoint", join(folder, "nowhere")),
    await verify("--checkpoint", kept)
  ]).toEqual([
    { code: 1, text: "lastro: audit.pub is neither a file nor a verifier key." },
    { code: 1, text: "lastro: the kept checkpoint is not signed by this key." },
    { code: 1, text: `lastro: there is no ${join(folder, "nowhere")}.` },
    {
      code: 64,
      text: "lastro audit: a kept checkpoint is read with the key that signed it: --key."
    }
  ])
})
