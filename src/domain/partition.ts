const FNV_OFFSET = 0x811c9dc5
const FNV_PRIME = 0x01000193
const utf8 = new TextEncoder()

/** FNV-1a, 32 bits: what nats-server's `partition(n)` uses. */
export const fnv1a = (text: string): number => {
  let hash = FNV_OFFSET
  for (const byte of utf8.encode(text)) hash = Math.imul(hash ^ byte, FNV_PRIME)
  return hash >>> 0
}

/** The partition of a routing key; the same as the servers' mapping computes. */
export const partitionOf = (key: string, partitions: number): number => fnv1a(key) % partitions
