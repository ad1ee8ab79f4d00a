import { fnv1a } from "../domain/partition.ts"

/**
 * Rendezvous hashing: the member with the greatest hash of (member, slot) owns it, so a member that
 * joins or leaves moves only its own share.
 */
export const ownerOf = (members: ReadonlyArray<string>, slot: string): string | undefined => {
  let best: string | undefined
  let bestWeight = -1
  for (const member of members) {
    const weight = mix(fnv1a(`${member}|${slot}`))
    if (weight > bestWeight || (weight === bestWeight && member < best!)) {
      best = member
      bestWeight = weight
    }
  }
  return best
}

/** FNV-1a of like texts differs in few bits; the finalizer of MurmurHash3 spreads them. */
const mix = (hash: number): number => {
  let h = hash
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
