/** One question to a database, for assertions. */
export { query } from "../../src/trials/query.ts"
