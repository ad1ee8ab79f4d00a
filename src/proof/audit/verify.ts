import {
  type Checkpoint,
  openCheckpoint,
  parseVerifierKey,
  type Verifier
} from "../../domain/checkpoint.ts"
import {
  append,
  emptyFrontier,
  type Frontier,
  rootOf,
  verifyInclusion
} from "../../domain/merkle.ts"
import type { AuditLine } from "../../ledger/auditExport.ts"
import { type Evidence, evidenceFault } from "../../ledger/evidence.ts"
import { hashOfEntry, type LeafEntry } from "../../ledger/leaf.ts"

/** Problems told in full. The rest is counted. */
const PROBLEMS_SHOWN_MAX = 50

export interface Verdict {
  readonly entries: number
  readonly checkpoints: number
  /** Entries up to the last checkpoint whose signature and root hold. */
  readonly covered: number
  /** When the last of them was signed. */
  readonly signedAt: string | undefined
  /** What the journal was when it was exported, with what was found true of it; of an export only. */
  readonly evidence: Evidence | undefined
  readonly problems: ReadonlyArray<string>
  readonly problemsCount: number
}

export interface Trust {
  /** Keys known from elsewhere. Without them those of the file itself are believed. */
  readonly keys?: ReadonlyArray<string>
  /** A checkpoint kept from earlier: the file must contain its tree. */
  readonly pinned?: string
}

const sameBytes = (left: Uint8Array, right: Uint8Array) => Buffer.compare(left, right) === 0

/** A key that is none, or a kept checkpoint of another key: nothing can be verified by it. */
export class NothingToTrust extends Error {}

/** Reads an export line by line and finds what is not as it was signed. Needs nothing but the file. */
export class ExportVerifier {
  private readonly verifiers: Array<Verifier>
  private readonly pinned: Checkpoint | undefined
  private readonly problems: Array<string> = []
  private problemsCount = 0
  private frontier: Frontier = emptyFrontier
  private checkpoints = 0
  private covered = 0
  private headed = false
  /** Leaves are missing or out of order: no later root can hold, and saying so again helps nobody. */
  private broken = false
  private pinnedSeen = false
  private signedAt: string | undefined
  private journal: Evidence | undefined

  constructor(trust: Trust) {
    this.verifiers = (trust.keys ?? []).map((text) => {
      const verifier = parseVerifierKey(text)
      if (verifier === undefined) {
        throw new NothingToTrust(`${text.slice(0, 80)} is neither a file nor a verifier key`)
      }
      return verifier
    })
    if (trust.pinned === undefined) return
    const { pinned } = trust
    this.pinned = this.verifiers.map((one) => openCheckpoint(one, pinned)).find((one) => one)
    if (this.pinned === undefined) {
      throw new NothingToTrust("the kept checkpoint is not signed by this key")
    }
  }

  read(text: string): void {
    let line: AuditLine
    try {
      line = JSON.parse(text) as AuditLine
      this.take(line)
    } catch {
      this.note(`after entry ${this.frontier.size - 1}: a line that cannot be read`)
      this.broken = true
    }
  }

  private take(line: AuditLine): void {
    switch (line.type) {
      case "header":
        return this.header(line)
      case "entry":
        return this.entry(line)
      case "stray":
        return this.note(`entry ${line.entry.id} was added: the tree does not know it`)
      case "checkpoint":
        return this.checkpoint(line.note)
      default:
        throw new Error("unknown line")
    }
  }

  private header({ journal, keys }: Extract<AuditLine, { type: "header" }>): void {
    if (this.headed) return this.note("a second header")
    this.headed = true
    this.journal = journal
    if (this.verifiers.length > 0) return
    this.verifiers.push(...keys.map(parseVerifierKey).filter((one) => one !== undefined))
  }

  private entry(line: Extract<AuditLine, { type: "entry" }>): void {
    const { size } = this.frontier
    if (line.position !== size) {
      this.broken = true
      this.note(
        line.position > size
          ? `entries ${size} to ${line.position - 1} are missing`
          : `entry ${line.position} (${line.id}) stands where entry ${size} belongs`
      )
      // Goes on from here, so that what follows is told once and not once for every entry.
      this.frontier = { size: line.position, hashes: this.frontier.hashes }
    }
    const leaf = Buffer.from(line.leaf, "base64")
    if (line.entry === null) this.note(`entry ${line.position} (${line.id}) was removed`)
    else if (line.entry.id !== line.id || !sameBytes(hashOfEntry(line.entry), leaf)) {
      this.note(`entry ${line.position} (${line.id}) was changed`)
    }
    this.frontier = this.broken
      ? { size: line.position + 1, hashes: [] }
      : append(this.frontier, leaf).frontier
  }

  private checkpoint(note: string): void {
    const found = this.verifiers.map((one) => openCheckpoint(one, note)).find((one) => one)
    if (found === undefined) {
      return this.note(
        `the checkpoint after entry ${this.frontier.size - 1} is not signed by the key`
      )
    }
    this.checkpoints += 1
    if (this.broken) return
    if (found.size !== this.frontier.size || !sameBytes(found.root, rootOf(this.frontier))) {
      this.broken = true
      return this.note(
        `entries ${this.covered} to ${this.frontier.size - 1} are not those that were signed: ` +
          "one of them was changed, removed, added or moved"
      )
    }
    this.covered = found.size
    this.signedAt = found.time
    if (this.pinned?.size === found.size) {
      this.pinnedSeen = true
      if (!sameBytes(this.pinned.root, found.root)) {
        this.note(`the tree of ${found.size} entries is another than the one that was kept`)
      }
    }
  }

  private note(problem: string): void {
    this.problemsCount += 1
    if (this.problems.length < PROBLEMS_SHOWN_MAX) this.problems.push(problem)
  }

  finish(): Verdict {
    const { size } = this.frontier
    if (!this.headed) this.note("the header is missing")
    if (!this.broken && this.covered < size) {
      this.note(`entries ${this.covered} to ${size - 1} are not covered by any checkpoint`)
    }
    if (this.pinned !== undefined && !this.pinnedSeen) {
      this.note(`the kept checkpoint of ${this.pinned.size} entries is not in the file`)
    }
    const evidence = this.journal && {
      ...this.journal,
      covered: this.covered,
      signed_at: this.signedAt ?? null
    }
    const fault = evidence && evidenceFault(evidence)
    if (fault !== undefined) this.note(fault)
    return {
      entries: size,
      checkpoints: this.checkpoints,
      covered: this.covered,
      signedAt: this.signedAt,
      evidence,
      problems: this.problems,
      problemsCount: this.problemsCount
    }
  }
}

interface ReceiptFile {
  readonly payment: string
  readonly keys: ReadonlyArray<string>
  readonly checkpoint: string | null
  readonly entries: ReadonlyArray<{
    readonly entry: LeafEntry
    readonly position: number
    readonly proof: ReadonlyArray<string>
  }>
  readonly uncovered: ReadonlyArray<string>
}

/** Checks a receipt by itself: each entry against the signed tree. */
export const verifyReceipt = (receipt: ReceiptFile, keys: ReadonlyArray<string>): Verdict => {
  const verifiers = (keys.length > 0 ? keys : receipt.keys).map(parseVerifierKey)
  const checkpoint = verifiers.map((one) => one && openCheckpoint(one, receipt.checkpoint ?? ""))
    .find((one) => one)
  const problems: Array<string> = []
  if (checkpoint === undefined) problems.push("the checkpoint is not signed by the key")
  for (const { entry, position, proof } of checkpoint === undefined ? [] : receipt.entries) {
    const hashes = proof.map((hash) => Buffer.from(hash, "base64"))
    const { root, size } = checkpoint!
    if (entry.payment_id !== receipt.payment) problems.push(`${entry.id} is of another payment`)
    if (!verifyInclusion(hashOfEntry(entry), position, size, hashes, root)) {
      problems.push(`entry ${position} (${entry.id}) is not in the signed tree`)
    }
  }
  for (const id of receipt.uncovered) {
    problems.push(
      `${id} is not covered by the tree that was signed at ${checkpoint?.time}: ask again`
    )
  }
  return {
    entries: receipt.entries.length,
    checkpoints: checkpoint === undefined ? 0 : 1,
    covered: checkpoint?.size ?? 0,
    signedAt: checkpoint?.time,
    evidence: undefined,
    problems,
    problemsCount: problems.length
  }
}
