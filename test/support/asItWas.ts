import { afterAll } from "vitest"

// A worker runs many files in one process; commands that run in it set what is read from the environment.
const before = { ...process.env }

afterAll(() => {
  for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name]
  Object.assign(process.env, before)
})
