/** One question to a database, for assertions. */
export { query } from "../../src/cli/chaos/query.ts"
