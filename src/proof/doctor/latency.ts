import type { Finding } from "./diagnosis.ts"

/** Beyond it every payment is felt to be slow. */
const POOR_MILLIS = 20

/** How long one durable write takes, as measured just now. */
export const latency = (
  area: Finding["area"],
  check: string,
  millis: ReadonlyArray<number>
): Finding => {
  const sorted = millis.toSorted((left, right) => left - right)
  const at = (share: number) => sorted[Math.floor((sorted.length - 1) * share)]!
  const [middle, worst] = [at(0.5), at(1)]
  return {
    area,
    check: `${check} latency`,
    verdict: middle > POOR_MILLIS ? "poor" : "good",
    found: `${middle.toFixed(1)} ms in the middle, ${worst.toFixed(1)} ms at worst of ` +
      `${sorted.length}, disk included`,
    ...(middle > POOR_MILLIS && { advice: "a faster disk, or one with a protected cache" }),
    undermines: []
  }
}
