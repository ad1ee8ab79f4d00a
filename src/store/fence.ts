/** Another owner took the partition over: nothing of this turn may be kept. */
export class Fenced extends Error {
  readonly _tag = "Fenced"
}

/**
 * A compare-and-set that moves no row divides by nothing, so that PostgreSQL itself ends the
 * database transaction there: the statements sent behind it do nothing. No other statement divides.
 */
const FENCE_SQLSTATE = "22012"

export const isFence = (error: unknown): boolean =>
  (error as { code?: unknown } | undefined)?.code === FENCE_SQLSTATE
