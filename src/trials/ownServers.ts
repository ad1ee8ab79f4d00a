import type { Environment } from "../house/environment.ts"

/** Always servers of its own: payments of a trial have no business in anybody's database. */
export const ownServers = (
  { DATABASE_URL: _, LASTRO_NATS_URL: __, ...rest }: Environment
): Environment => rest
