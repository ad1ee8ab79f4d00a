import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // The integration suites share two cores with their servers: more files at once is slower.
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 180_000
  }
})
