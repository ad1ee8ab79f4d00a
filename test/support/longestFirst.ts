import { BaseSequencer, type TestSpecification } from "vitest/node"

/**
 * The files that take longest, in this order: no worker is left alone with one of them at the end. Those
 * that compute stand between those that wait, so that two cores are neither idle nor fought for.
 */
const longest = [
  "chaos/databaseAway",
  "simulation/notes1",
  "gateways/hostile",
  "chaos/workerKills",
  "simulation/notes2",
  "cli/roles",
  "chaos/serverKills",
  "runtime/breaker",
  "proof/meterShown",
  "chaos/clusterWorkers",
  "trials/demo",
  "gateways/fallback",
  "trials/chaos",
  "house/partitions",
  "cli/start",
  "stack/cluster",
  "house/ownServers",
  "docs/contributing",
  "house/deadChild",
  "trials/benchLedger",
  "proof/meter",
  "simulation/payments"
].map((name) => `/test/${name}.test.ts`)

const placeOf = ({ moduleId }: TestSpecification): number => {
  const place = longest.findIndex((name) => moduleId.endsWith(name))
  return place < 0 ? longest.length : place
}

/** A worker ends where the next file is of another project: so those of one stand together. */
const byProject = (one: TestSpecification, other: TestSpecification): number =>
  other.project.name.localeCompare(one.project.name)

/** A clean clone knows no durations of former runs, and the size of a file tells nothing about them. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: Array<TestSpecification>): Promise<Array<TestSpecification>> {
    const sorted = await super.sort(files)
    return sorted.sort((one, other) => placeOf(one) - placeOf(other) || byProject(one, other))
  }
}
