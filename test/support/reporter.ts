import type { Reporter, TestModule, TestRunEndReason } from "vitest/node"

/** What a run with a limit of time has to know of itself. */
const SLOWEST = 15

/**
 * The last line of a run, for people and for CI: `N passed, N failed`. Skips are listed above it, and
 * above them the files that took longest.
 */
export default class CountReporter implements Reporter {
  onTestRunEnd(
    modules: ReadonlyArray<TestModule>,
    errors: ReadonlyArray<unknown>,
    _reason: TestRunEndReason
  ): void {
    let passed = 0
    let failed = errors.length
    const skipped: Array<string> = []
    for (const module of modules) {
      // Errors of the file itself: it could not be read, or its hooks failed.
      failed += module.errors().length
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        if (state === "passed") passed++
        else if (state === "failed") failed++
        else skipped.push(`skipped: ${test.fullName}`)
      }
    }
    if (passed === 0 && failed === 0) failed = 1
    process.on("exit", () => {
      if (modules.length > SLOWEST) { for (const line of slowest(modules)) console.log(line) }
      for (const line of skipped) console.log(line)
      console.log(`${passed} passed, ${failed} failed`)
    })
  }
}

const slowest = (modules: ReadonlyArray<TestModule>): ReadonlyArray<string> =>
  modules.map((module) => ({
    file: module.relativeModuleId,
    seconds: Math.round(module.diagnostic().duration / 1_000)
  }))
    .sort((one, other) => other.seconds - one.seconds)
    .slice(0, SLOWEST)
    .map(({ file, seconds }) => `${seconds} s: ${file}`)
