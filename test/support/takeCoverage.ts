import { takeCoverage } from "node:v8"
import { afterAll } from "vitest"

// Workers are ended by a signal, on which Node would write nothing.
afterAll(takeCoverage)
