import { type Options, simulate, type Simulated } from "./simulate.ts"
import type { House } from "./world.ts"

/** Only this one, as a failure says. */
const ONLY = process.env["LASTRO_SEED"]

export interface Sweep {
  readonly runs: number
  /** Runs of which no two did the same. */
  readonly different: number
}

/** Simulates one seed after the other; the first that breaks a promise ends it. */
export const sweep = async (
  house: House,
  seeds: { readonly from: number; readonly count: number },
  file: string
): Promise<Sweep> => {
  const traces = new Set<string>()
  const { count, from } = ONLY === undefined ? seeds : { from: Number(ONLY), count: 1 }
  for (let seed = from; seed < from + count; seed++) {
    const one = await simulate(house, seed)
    traces.add(one.trace)
    if (one.broken.length > 0) throw new Error(told(one, file))
  }
  console.log(`${file}: ${count} interleavings, ${traces.size} of them different`)
  return { runs: count, different: traces.size }
}

/** A seed with which a promise breaks in the way looked for; the one that did so before is tried first. */
export const firstBroken = async (
  house: House,
  how: RegExp,
  seeds: { readonly first: number; readonly max: number },
  optionsOf: (seed: number) => Options
): Promise<Simulated | undefined> => {
  for (let nth = 0; nth <= seeds.max; nth++) {
    const seed = nth === 0 ? seeds.first : nth
    const one = await simulate(house, seed, optionsOf(seed))
    if (one.broken.some((each) => how.test(each))) return one
  }
  return undefined
}

const told = ({ broken, seed, trace, world }: Simulated, file: string): string =>
  [
    `seed ${seed} (${trace}) breaks:`,
    ...broken.map((one) => `  ${one.slice(0, 2_000)}`),
    ...world.workers.flatMap(({ logs, process }) => [
      `${process.name}${process.alive ? "" : " (killed)"}`,
      ...logs.slice(-20).map((line) => `  ${line}`)
    ]),
    `again: LASTRO_SEED=${seed} deno run -A npm:vitest run test/simulation/${file}`
  ].join("\n")
