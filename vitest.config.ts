import { defineConfig } from "vitest/config"

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/globalSetup.ts"],
    reporters: ["default", "./test/support/reporter.ts"],
    // The integration suites share two cores with their servers: more files at once is slower.
    maxWorkers: 2,
    passWithNoTests: false,
    // Tests kill servers and are turned away on purpose. On Deno a socket may tell of its reset after
    // its client has let go of it; every other error nobody handled fails the run.
    onUnhandledError: (error) =>
      (error as { code?: string }).code === "ECONNRESET" ? false : undefined,
    testTimeout: 60_000,
    hookTimeout: 180_000
  }
})
