import { createHash, sign, verify } from "node:crypto"
import type { Signer, Verifier } from "./checkpoint.ts"

/** One entry of a signed chain: its hash covers its number, its text and everything before it. */
export interface Link {
  readonly number: number
  readonly entry: string
  /** Hexadecimal. */
  readonly hash: string
  /** Base64. */
  readonly signature: string
}

/** What stands before the first entry. */
export const CHAIN_BEGIN = "0".repeat(64)

const hashOf = (before: string, number: number, entry: string): string =>
  createHash("sha256").update(`${before}\n${number}\n${entry}`).digest("hex")

export const linkAfter = (
  before: { readonly number: number; readonly hash: string },
  entry: string,
  signer: Signer
): Link => {
  const number = before.number + 1
  const hash = hashOf(before.hash, number, entry)
  const signature = sign(null, Buffer.from(hash, "hex"), signer.privateKey).toString("base64")
  return { number, entry, hash, signature }
}

/** What is wrong with a chain, entry by entry, in order. */
export class ChainVerifier {
  readonly problems: Array<string> = []
  private readonly keys: ReadonlyArray<Verifier>
  private before = { number: 0, hash: CHAIN_BEGIN }
  entries = 0

  constructor(keys: ReadonlyArray<Verifier>) {
    this.keys = keys
  }

  read({ entry, hash, number, signature }: Link): void {
    this.entries += 1
    const wanted = this.before.number + 1
    if (number !== wanted) this.problems.push(`entry ${wanted} is missing: ${number} follows`)
    if (number === wanted && hashOf(this.before.hash, number, entry) !== hash) {
      this.problems.push(`entry ${number} is not what was chained`)
    }
    const bytes = Buffer.from(signature, "base64")
    if (!this.keys.some((key) => verify(null, Buffer.from(hash, "hex"), key.publicKey, bytes))) {
      this.problems.push(`entry ${number} is not signed by a key that is trusted`)
    }
    this.before = { number, hash }
  }
}
