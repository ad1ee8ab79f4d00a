import { Effect } from "effect"
import type { Context } from "hono"
import type { Caller } from "../../store/caller.ts"
import { ADDRESS } from "../guards/door.ts"
import { isWithin } from "../guards/ranges.ts"
import { type Problem, problem } from "../problem.ts"

/** Where a request comes from, as the door noted it; undefined where none came over a socket. */
export const addressOf = (context: Context): string | undefined => context.get(ADDRESS)

/** A key that names addresses is taken from there and nowhere else. */
export const assertFrom = (
  { addresses }: Caller,
  address: string | undefined
): Effect.Effect<void, Problem> =>
  addresses.length === 0 || isWithin(address, addresses)
    ? Effect.void
    : Effect.fail(problem("address_not_allowed", "this key is not taken from this address"))
