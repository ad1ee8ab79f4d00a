import { Effect } from "effect"
import { Database, type Db } from "../store/database.ts"
import { unavailable } from "./problem.ts"

/** A read for a request. Without PostgreSQL the caller hears that trying again is right. */
export const read = <A>(name: string, run: (db: Db) => Promise<A>) =>
  Database.pipe(
    Effect.flatMap((database) => database.query(name, run)),
    Effect.mapError(() => unavailable("the database does not answer now"))
  )
