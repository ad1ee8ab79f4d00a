import { createHash, hash } from "node:crypto"

/**
 * Merkle trees of RFC 6962, section 2.1: the hash of a leaf begins with a 0 byte and that of a node
 * with a 1, so that neither can pass for the other. All hashes are 32 bytes of SHA-256.
 */
export type Hash = Uint8Array

const LEAF = Buffer.of(0)
const NODE = Buffer.of(1)

export const leafHash = (data: string | Uint8Array): Hash =>
  createHash("sha256").update(LEAF).update(data).digest()

export const nodeHash = (left: Hash, right: Hash): Hash =>
  createHash("sha256").update(NODE).update(left).update(right).digest()

export const emptyRoot: Hash = Buffer.from(hash("sha256", "", "hex"), "hex")

/**
 * The complete subtrees of a growing tree, largest first: all that the next leaf needs to know of
 * those before it. Their sizes are the binary digits of `size`.
 */
export interface Frontier {
  readonly size: number
  readonly hashes: ReadonlyArray<Hash>
}

export const emptyFrontier: Frontier = { size: 0, hashes: [] }

/** A subtree of 2^level leaves, complete since the last append. */
export interface Completed {
  readonly level: number
  readonly index: number
  readonly hash: Hash
}

export const append = (
  { hashes, size }: Frontier,
  leaf: Hash
): { readonly frontier: Frontier; readonly completed: ReadonlyArray<Completed> } => {
  const open = [...hashes]
  const completed: Array<Completed> = []
  let hash = leaf
  for (let level = 0, rest = size; rest % 2 === 1; rest = (rest - 1) / 2) {
    hash = nodeHash(open.pop()!, hash)
    level += 1
    completed.push({ level, index: Math.floor(size / 2 ** level), hash })
  }
  open.push(hash)
  return { frontier: { size: size + 1, hashes: open }, completed }
}

export const rootOf = ({ hashes }: Frontier): Hash =>
  hashes.length === 0
    ? emptyRoot
    : hashes.slice(0, -1).reduceRight((right, left) => nodeHash(left, right), hashes.at(-1)!)

/** Reads the root of a complete subtree: leaves from `index` · 2^level on. */
export type Subtree = (level: number, index: number) => Promise<Hash>

/** The largest power of two below `size`: where RFC 6962 splits a tree. */
const splitOf = (size: number): number => {
  let power = 1
  while (power * 2 < size) power *= 2
  return power
}

/** The hash over leaves `from` up to `to`. */
const hashOf = async (subtree: Subtree, from: number, to: number): Promise<Hash> => {
  const size = to - from
  const level = Math.log2(size)
  if (Number.isInteger(level)) return await subtree(level, from / size)
  const split = from + splitOf(size)
  return nodeHash(await hashOf(subtree, from, split), await hashOf(subtree, split, to))
}

/** What has to be hashed to a leaf, from it upwards, to arrive at the root of a tree of `size`. */
export const inclusionProof = async (
  subtree: Subtree,
  position: number,
  size: number,
  from = 0
): Promise<ReadonlyArray<Hash>> => {
  if (size - from === 1) return []
  const split = from + splitOf(size - from)
  return position < split
    ? [
      ...await inclusionProof(subtree, position, split, from),
      await hashOf(subtree, split, size)
    ]
    : [
      ...await inclusionProof(subtree, position, size, split),
      await hashOf(subtree, from, split)
    ]
}

/** Shows that a tree of `second` leaves begins with the very tree of `first` leaves. */
export const consistencyProof = (
  subtree: Subtree,
  first: number,
  second: number
): Promise<ReadonlyArray<Hash>> => subproof(subtree, first, 0, second, true)

const subproof = async (
  subtree: Subtree,
  first: number,
  from: number,
  to: number,
  known: boolean
): Promise<ReadonlyArray<Hash>> => {
  if (first === to) return known ? [] : [await hashOf(subtree, from, to)]
  const split = from + splitOf(to - from)
  return first <= split
    ? [...await subproof(subtree, first, from, split, known), await hashOf(subtree, split, to)]
    : [...await subproof(subtree, first, split, to, false), await hashOf(subtree, from, split)]
}

const same = (left: Hash | undefined, right: Hash | undefined): boolean =>
  left !== undefined && right !== undefined && Buffer.compare(left, right) === 0

/** RFC 9162, section 2.1.3.2. */
export const verifyInclusion = (
  leaf: Hash,
  position: number,
  size: number,
  proof: ReadonlyArray<Hash>,
  root: Hash
): boolean => {
  if (position < 0 || position >= size) return false
  let [node, last, hash] = [position, size - 1, leaf]
  for (const sibling of proof) {
    if (last === 0) return false
    if (node % 2 === 1 || node === last) {
      hash = nodeHash(sibling, hash)
      while (node % 2 === 0 && node !== 0) [node, last] = [node / 2, Math.floor(last / 2)]
    } else hash = nodeHash(hash, sibling)
    ;[node, last] = [Math.floor(node / 2), Math.floor(last / 2)]
  }
  return last === 0 && same(hash, root)
}

/** RFC 9162, section 2.1.4.2. */
export const verifyConsistency = (
  first: { readonly size: number; readonly root: Hash },
  second: { readonly size: number; readonly root: Hash },
  proof: ReadonlyArray<Hash>
): boolean => {
  if (first.size > second.size || first.size < 1) return false
  if (first.size === second.size) return proof.length === 0 && same(first.root, second.root)
  const path = Number.isInteger(Math.log2(first.size)) ? [first.root, ...proof] : proof
  let [node, last] = [first.size - 1, second.size - 1]
  while (node % 2 === 1) [node, last] = [(node - 1) / 2, Math.floor(last / 2)]
  const [seed, ...rest] = path
  if (seed === undefined) return false
  let [older, newer] = [seed, seed]
  for (const sibling of rest) {
    if (last === 0) return false
    if (node % 2 === 1 || node === last) {
      older = nodeHash(sibling, older)
      newer = nodeHash(sibling, newer)
      while (node % 2 === 0 && node !== 0) [node, last] = [node / 2, Math.floor(last / 2)]
    } else newer = nodeHash(newer, sibling)
    ;[node, last] = [Math.floor(node / 2), Math.floor(last / 2)]
  }
  return last === 0 && same(older, first.root) && same(newer, second.root)
}
