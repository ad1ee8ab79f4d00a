const WHOLE = 10_000

/** Interleavings of one run of the whole suite; the files of the simulation share them. */
export const INTERLEAVINGS = Number(process.env["LASTRO_INTERLEAVINGS"] ?? WHOLE)

/** Of so many drawn cases, those of this run: all of them, or a fifth where few interleavings were asked for. */
export const runsOf = (cases: number, few = Math.ceil(cases / 5)): number =>
  INTERLEAVINGS >= WHOLE ? cases : few
