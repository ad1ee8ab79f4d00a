import { hash } from "node:crypto"
import fc from "fast-check"
import { describe, expect, test } from "vitest"
import {
  append,
  consistencyProof,
  emptyFrontier,
  emptyRoot,
  type Frontier,
  type Hash,
  inclusionProof,
  leafHash,
  nodeHash,
  rootOf,
  verifyConsistency,
  verifyInclusion
} from "../../src/domain/merkle.ts"

const hex = (bytes: Hash) => Buffer.from(bytes).toString("hex")

/** The tree that every implementation of RFC 6962 is tested with, from Certificate Transparency. */
const leaves = [
  "",
  "00",
  "10",
  "2021",
  "3031",
  "40414243",
  "5051525354555657",
  "606162636465666768696a6b6c6d6e6f"
].map((text) => leafHash(Buffer.from(text, "hex")))

const roots = [
  "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
  "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
  "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
  "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
  "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
  "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
  "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
  "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
]

const grown = (of: ReadonlyArray<Hash>): Frontier =>
  of.reduce((frontier, leaf) => append(frontier, leaf).frontier, emptyFrontier)

/** The definition itself, slow and plain: what everything else is compared with. */
const definedRoot = (of: ReadonlyArray<Hash>): Hash => {
  if (of.length === 0) return Buffer.from(hash("sha256", "", "hex"), "hex")
  if (of.length === 1) return of[0]!
  let split = 1
  while (split * 2 < of.length) split *= 2
  return nodeHash(definedRoot(of.slice(0, split)), definedRoot(of.slice(split)))
}

const subtreesOf = (of: ReadonlyArray<Hash>) => (level: number, index: number) => {
  const size = 2 ** level
  const within = of.slice(index * size, (index + 1) * size)
  if (within.length !== size) throw new Error(`${level}/${index} is not complete`)
  return Promise.resolve(definedRoot(within))
}

const A = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
const B = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
const C = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
const D = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
const E = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
const F = "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"
const G = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"

describe("the known vectors of RFC 6962", () => {
  test.each(roots.map((root, index) => [index + 1, root] as const))(
    "a tree of %i leaves has its known root",
    (size, root) => {
      expect(hex(rootOf(grown(leaves.slice(0, size))))).toBe(root)
    }
  )

  test("the tree of nothing is the hash of nothing", () => {
    expect(hex(emptyRoot)).toBe(hash("sha256", "", "hex"))
    expect(hex(rootOf(emptyFrontier))).toBe(hex(emptyRoot))
  })

  test.each([
    [0, 8, [A, B, C]],
    [5, 8, [D, E, F]],
    [1, 5, [hex(leaves[0]!), B, D]]
  ])("leaf %i of %i has its known path", async (position, size, path) => {
    expect((await inclusionProof(subtreesOf(leaves), position, size)).map(hex)).toEqual(path)
  })

  test.each([
    [1, 8, [A, B, C]],
    [6, 8, [G, E, F]],
    [2, 5, [B, D]],
    [1, 1, []]
  ])("trees of %i and %i leaves have their known proof", async (first, second, path) => {
    expect((await consistencyProof(subtreesOf(leaves), first, second)).map(hex)).toEqual(path)
  })
})

const someLeaves = fc.array(fc.string(), { minLength: 1, maxLength: 70 })
  .map((texts) => texts.map((text, index) => leafHash(`${index} ${text}`)))

test("a grown tree has the root of the definition, and tells which subtrees became complete", () =>
  fc.assert(
    fc.property(someLeaves, (of) => {
      let frontier = emptyFrontier
      for (const [index, leaf] of of.entries()) {
        const next = append(frontier, leaf)
        for (const { hash, index: at, level } of next.completed) {
          expect(hex(hash)).toBe(hex(definedRoot(of.slice(at * 2 ** level, (at + 1) * 2 ** level))))
        }
        frontier = next.frontier
        expect(hex(rootOf(frontier))).toBe(hex(definedRoot(of.slice(0, index + 1))))
      }
    }),
    { numRuns: 30 }
  ))

test("every leaf is proved in every tree, and nothing else is", () =>
  fc.assert(
    fc.asyncProperty(someLeaves, fc.nat(), fc.nat(), async (of, one, other) => {
      const size = 1 + one % of.length
      const position = other % size
      const root = definedRoot(of.slice(0, size))
      const proof = await inclusionProof(subtreesOf(of), position, size)
      const holds = (
        leaf = of[position]!,
        at = position,
        of_ = size,
        by = proof,
        to = root
      ) => verifyInclusion(leaf, at, of_, by, to)
      expect(holds()).toBe(true)
      const odd = leafHash("another")
      expect(holds(odd)).toBe(false)
      expect(holds(undefined, position + 1)).toBe(false)
      expect(holds(undefined, -1)).toBe(false)
      expect(holds(undefined, undefined, undefined, undefined, odd)).toBe(false)
      expect(holds(undefined, undefined, undefined, [...proof, odd])).toBe(false)
      if (proof.length > 0) {
        expect(holds(undefined, undefined, undefined, proof.slice(1))).toBe(false)
        expect(holds(undefined, undefined, undefined, [odd, ...proof.slice(1)])).toBe(false)
      }
    }),
    { numRuns: 100 }
  ))

test("every tree is proved to begin with each smaller one, and with nothing else", () =>
  fc.assert(
    fc.asyncProperty(someLeaves, fc.nat(), fc.nat(), async (of, one, other) => {
      const second = 1 + one % of.length
      const first = 1 + other % second
      const older = { size: first, root: definedRoot(of.slice(0, first)) }
      const newer = { size: second, root: definedRoot(of.slice(0, second)) }
      const proof = await consistencyProof(subtreesOf(of), first, second)
      expect(verifyConsistency(older, newer, proof)).toBe(true)
      const odd = leafHash("another")
      expect(verifyConsistency({ ...older, root: odd }, newer, proof)).toBe(false)
      expect(verifyConsistency(older, { ...newer, root: odd }, proof)).toBe(false)
      expect(verifyConsistency(older, newer, [...proof, odd])).toBe(false)
      expect(verifyConsistency({ ...older, size: second + 1 }, newer, proof)).toBe(false)
      if (proof.length > 0) {
        expect(verifyConsistency(older, newer, proof.slice(1))).toBe(false)
        expect(verifyConsistency(older, newer, [odd, ...proof.slice(1)])).toBe(false)
      }
    }),
    { numRuns: 100 }
  ))
