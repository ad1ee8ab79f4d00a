import { defineConfig } from "vitest/config"
import { LongestFirst } from "./test/support/longestFirst.ts"
import { testFiles } from "./test/support/serverTests.ts"

const { pure, servers } = testFiles()

/** Sources run as they are, not as vite would change them, so that what is counted needs no way back. */
const counted = {
  setupFiles: ["test/support/asItWas.ts", "test/support/takeCoverage.ts"],
  experimental: { viteModuleRunner: false, nodeLoader: false }
}

export default defineConfig({
  test: {
    projects: [
      { extends: true, test: { name: "pure", include: pure } },
      {
        extends: true,
        test: { name: "servers", include: servers, globalSetup: ["test/support/globalSetup.ts"] }
      }
    ],
    reporters: ["default", "./test/support/reporter.ts"],
    // Much of a file's time is waiting for deadlines, leases and processes: three files keep two cores busy.
    maxWorkers: 3,
    // A worker reads the sources once, not once a file: each takes away what it changes for the others.
    isolate: false,
    setupFiles: ["test/support/asItWas.ts"],
    sequence: { sequencer: LongestFirst },
    // Many tests name a partition from 4 to 7; deployments have four unless they choose.
    env: { LASTRO_PARTITIONS: "8" },
    ...(process.env["DENO_COVERAGE_DIR"] !== undefined && counted),
    passWithNoTests: false,
    testTimeout: 120_000,
    hookTimeout: 180_000
  }
})
