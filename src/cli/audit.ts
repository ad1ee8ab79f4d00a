import * as fs from "node:fs"
import { createInterface } from "node:readline"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import { parseArgs } from "node:util"
import { StackError } from "../stack/stack.ts"
import { type Evidence, evidenceFault, evidenceSentence } from "../ledger/evidence.ts"
import {
  ExportVerifier,
  NothingToTrust,
  type Trust,
  type Verdict,
  verifyReceipt
} from "../proof/audit/verify.ts"
import { exportActions, verifyExportedActions } from "./auditActions.ts"
import type { CliCommand } from "../house/command.ts"
import { operator } from "../house/operator.ts"
import type { Environment } from "../house/environment.ts"
import { UsageError } from "../house/usage.ts"

const usage = `Usage: deno task lastro audit export [--out audit.jsonl]
       deno task lastro audit verify <file> [--key <file or key>] [--checkpoint <file>] [--json]
       deno task lastro audit actions export [--out actions.jsonl]
       deno task lastro audit actions verify <file> [--key <file or key>] [--json]

export   asks for the whole journal with its Merkle tree and signed checkpoints, as JSON lines: the
         Lastro that runs here (LASTRO_DATA_DIR, LASTRO_PORT), or another one (LASTRO_URL with an
         operator's key in LASTRO_OPERATOR_KEY).
verify   checks such a file, or a receipt (GET /v1/payments/{id}/receipt), with nothing but the file:
         it finds every changed, missing, added or moved entry, and exits with 1 where there is one.
actions  the same of the audit log: who did what, and what came of it (docs/access.md).

  --key          the public key as you know it from elsewhere (audit.pub in the data folder, or
                 GET /v1/audit/checkpoint); without it the file's own key is believed
  --checkpoint   a checkpoint kept from earlier, as GET /v1/audit/checkpoint answered it or its note
                 alone: the file must contain its tree (with --key)
  --json         one line of JSON`

const options = {
  out: { type: "string" },
  key: { type: "string" },
  checkpoint: { type: "string" },
  json: { type: "boolean", default: false }
} as const

export const audit: CliCommand = {
  summary: "Export the signed journal, and verify an export or a receipt offline",
  usage,
  run: async (args, environment) => {
    const { positionals, values } = parseArgs({
      args: [...args],
      options,
      allowPositionals: true
    })
    const ofActions = positionals[0] === "actions"
    const [what, file] = ofActions ? positionals.slice(1) : positionals
    if (what === "export" && ofActions) return await exportActions(environment, values.out)
    if (what === "export") return await exportJournal(environment, values.out)
    if (what !== "verify" || file === undefined) {
      throw new UsageError("say export, or verify <file>; --help says more.")
    }
    if (!fs.existsSync(file)) throw new StackError(`there is no ${file}.`)
    const keys = values.key === undefined ? [] : [keyOf(values.key)]
    if (ofActions) return verifyExportedActions(file, keys, values.json)
    const pinned = values.checkpoint === undefined ? undefined : keptIn(values.checkpoint)
    if (pinned !== undefined && keys.length === 0) {
      throw new UsageError("a kept checkpoint is read with the key that signed it: --key.")
    }
    return report(await verifyFile(file, keys, pinned), keys.length > 0, values.json)
  }
}

/** A checkpoint as it is signed, or as `GET /v1/audit/checkpoint` answers it. */
const keptIn = (file: string): string => {
  if (!fs.existsSync(file)) throw new StackError(`there is no ${file}.`)
  const text = fs.readFileSync(file, "utf8")
  return text.trimStart().startsWith("{") ? String(JSON.parse(text).checkpoint) : text
}

const keyOf = (given: string): string =>
  fs.existsSync(given) ? fs.readFileSync(given, "utf8").trim() : given

const exportJournal = async (
  environment: Environment,
  out: string | undefined
): Promise<number> => {
  const answer = await operator(environment).open("/v1/audit/export")
  const journal = new HeaderReader()
  const body = Readable.fromWeb(answer as never).map(journal.pass)
  await pipeline(body, out === undefined ? process.stdout : fs.createWriteStream(out), {
    end: out !== undefined
  }).catch((error) => {
    throw new StackError(`the export broke off (${error.message}): what was written is not whole.`)
  })
  return reach(journal.evidence())
}

/** Says how far the evidence reaches, beside what was written; ends with 1 where it lags. */
const reach = (evidence: Evidence): number => {
  const fault = evidenceFault(evidence)
  console.error(fault === undefined ? `${evidenceSentence(evidence)}.` : `lastro: ${fault}.`)
  return fault === undefined ? 0 : 1
}

/** Keeps the first line of what passes. */
class HeaderReader {
  private line = ""
  private whole = false
  readonly pass = (chunk: Uint8Array): Uint8Array => {
    if (this.whole) return chunk
    this.line += Buffer.from(chunk).toString("utf8")
    this.whole = this.line.includes("\n")
    return chunk
  }
  evidence(): Evidence {
    return JSON.parse(this.line.split("\n", 1)[0]!).journal
  }
}

export const verifyFile = async (
  file: string,
  keys: ReadonlyArray<string>,
  pinned?: string
): Promise<Verdict> => {
  const verifier = verifierOf({ keys, ...(pinned !== undefined && { pinned }) })
  const input = fs.createReadStream(file)
  let first = true
  for await (const line of createInterface({ input, crlfDelay: Infinity })) {
    if (first && isReceipt(line)) {
      input.destroy()
      return verifyReceipt(JSON.parse(fs.readFileSync(file, "utf8")), keys)
    }
    first = false
    if (line !== "") verifier.read(line)
  }
  return verifier.finish()
}

const verifierOf = (trust: Trust): ExportVerifier => {
  try {
    return new ExportVerifier(trust)
  } catch (error) {
    throw error instanceof NothingToTrust ? new StackError(`${error.message}.`) : error
  }
}

/** A receipt is one JSON object, on one line or on many. */
const isReceipt = (line: string): boolean =>
  line.trim() === "{" || line.trimStart().startsWith('{"payment":')

const report = (verdict: Verdict, keyKnown: boolean, json: boolean): number => {
  const code = verdict.problemsCount === 0 ? 0 : 1
  if (json) {
    console.log(JSON.stringify({ ...verdict, key_known: keyKnown }))
    return code
  }
  for (const problem of verdict.problems) console.log(`  ${problem}`)
  const more = verdict.problemsCount - verdict.problems.length
  if (more > 0) console.log(`  and ${more} more`)
  if (verdict.evidence !== undefined) console.log(`${evidenceSentence(verdict.evidence)}.`)
  else if (verdict.signedAt !== undefined) {
    console.log(`The tree of ${verdict.covered} entries was signed at ${verdict.signedAt}.`)
  }
  console.log(
    `${verdict.entries} entries, ${verdict.checkpoints} checkpoints: ` +
      (code === 0 ? "all as they were signed." : `${verdict.problemsCount} problems.`)
  )
  if (!keyKnown) {
    console.log(
      "The key came with the file: compare it with the one you know, or name it by --key."
    )
  }
  return code
}
