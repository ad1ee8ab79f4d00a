import { ChainVerifier, type Link } from "../../domain/chain.ts"
import { parseVerifierKey, type Verifier } from "../../domain/checkpoint.ts"
import { actionLinks, actsUnlikeChain } from "../../store/actionChain.ts"
import type { Db } from "../../store/database.ts"

const FORMAT = "lastro-actions-1"
const READ_AT_ONCE = 1_000

/** What an examination of the chain found. */
interface ActionVerdict {
  readonly entries: number
  readonly problems: ReadonlyArray<string>
}

const trusted = (keys: ReadonlyArray<string>): ReadonlyArray<Verifier> =>
  keys.flatMap((text) => parseVerifierKey(text) ?? [])

/** An export, line by line, with nothing else. Without keys of one's own the file's are believed. */
export const verifyActions = (
  lines: ReadonlyArray<string>,
  keys: ReadonlyArray<string>
): ActionVerdict => {
  const [first = "", ...rest] = lines.filter((line) => line !== "")
  const problems: Array<string> = []
  let header: { readonly format?: string; readonly keys?: ReadonlyArray<string> } = {}
  try {
    header = JSON.parse(first)
  } catch {
    // Told below: it is no export.
  }
  if (header.format !== FORMAT) return { entries: 0, problems: ["this is no export of actions"] }
  const verifier = new ChainVerifier(trusted(keys.length > 0 ? keys : header.keys ?? []))
  for (const line of rest) {
    try {
      verifier.read(JSON.parse(line) as Link)
    } catch {
      problems.push("a line cannot be read")
    }
  }
  return { entries: verifier.entries, problems: [...problems, ...verifier.problems] }
}

/** The chain as it lies in PostgreSQL, and the acts beside it. */
export const examineChain = async (
  db: Db,
  keys: ReadonlyArray<string>
): Promise<ActionVerdict> => {
  const verifier = new ChainVerifier(trusted(keys))
  for (let after = 0;;) {
    const links = await actionLinks(db, { after, limit: READ_AT_ONCE })
    for (const link of links) verifier.read(link)
    if (links.length < READ_AT_ONCE) break
    after = links.at(-1)!.number
  }
  const unlike = (await actsUnlikeChain(db)).map((id) => `act ${id} is not what was chained`)
  return { entries: verifier.entries, problems: [...verifier.problems, ...unlike] }
}
