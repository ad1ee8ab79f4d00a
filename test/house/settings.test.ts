import * as fs from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { describe, expect, test } from "vitest"
import { isOurs, settingsOf } from "../../src/house/settings.ts"
import { commandLine } from "../support/commandLine.ts"

const OWN_FILE = fileURLToPath(import.meta.url)

let environment: Record<string, string> = {}
const lastro = commandLine(() => environment)

const faultsOf = (given: Record<string, string>) => settingsOf(given).faults

describe("settings", () => {
  test.each([
    ["LASTRO_PORT", ["abc", "99999", "-1", "8787.5", "0x1f", "tcp://10.0.0.1:8787"], ["0", "8787"]],
    ["LASTRO_HOST", ["a b", "http://x", "-x"], ["::", "0.0.0.0", "edge-1.internal"]],
    ["LASTRO_PARTITIONS", ["0", "65", "four", "4.5"], ["1", "64"]],
    ["LASTRO_STACK", ["docker"], ["embedded", "containers"]],
    ["LASTRO_NATS_URL", ["10.0.0.1:4222", "nats://a:1,http://b", "tls://a:1"], [
      "nats://a:4222, nats://u:p@b:4222"
    ]],
    ["LASTRO_NATS_MONITOR_URL", ["10.0.0.1:8222"], ["http://a:8222,http://b:8222"]],
    ["LASTRO_NATS_PASSWORDS_FILE", ["/nowhere/at/all"], [OWN_FILE, "/tmp/none.json"]],
    ["LASTRO_GATEWAYS_FILE", ["/nowhere/at/all"], [OWN_FILE]],
    ["LASTRO_TERMS_FILE", ["/nowhere/at/all"], [OWN_FILE]],
    ["LASTRO_AUDIT_KEY_FILE", ["/nowhere/at/all"], ["/tmp/audit.key"]],
    ["LASTRO_ALLOW_PRIVATE_WEBHOOKS", ["true", "yes"], ["0", "1"]],
    ["LASTRO_SIMULATOR_URL", ["10.0.0.1"], ["http://10.0.0.1:8790"]],
    ["LASTRO_OIDC_ISSUER", ["id.example"], ["https://id.example"]],
    ["LASTRO_PUBLIC_URL", ["api.example"], ["https://api.example"]],
    ["LASTRO_URL", ["lastro.internal"], ["https://lastro.internal"]],
    ["LASTRO_OPERATOR_KEY", ["two words"], ["sk_x"]],
    ["DATABASE_URL", ["mysql://host/x", "host"], ["postgres://u:p@h/d", "postgresql:///d?host=x"]],
    ["OTEL_EXPORTER_OTLP_ENDPOINT", ["collector:4318"], ["http://collector:4318"]],
    ["OTEL_TRACES_SAMPLER_ARG", ["all", "2", "-1"], ["0.01", "1"]]
  ])("%s", (name, wrong, right) => {
    for (const text of wrong) {
      const faults = faultsOf({ [name]: text })
      expect([text, faults.length]).toEqual([text, 1])
      expect(faults[0]).toMatch(new RegExp(`^${name} .*\\.$`))
    }
    // Set to nothing is not set.
    for (const text of [...right, ""]) {
      expect([text, faultsOf({ [name]: text })]).toEqual([text, []])
    }
  })

  test("all faults are told at once, before anything begins, and 64 says so", async () => {
    environment = {
      LASTRO_DATA_DIR: "/dev/null/lastro",
      LASTRO_PORT: "abc",
      LASTRO_PARTITIONS: "0",
      DATABASE_URL: "secret-password",
      LASTRO_PROT: "1"
    }
    const { code, text } = await lastro("start")
    expect(code).toBe(64)
    expect(text.split("\n")).toEqual([
      "lastro start: LASTRO_PROT is no setting of Lastro: did you mean LASTRO_PORT?",
      "lastro start: DATABASE_URL is a URL like postgres://user:password@host:5432/database.",
      'lastro start: LASTRO_PARTITIONS is a whole number from 1 to 64, not "0".',
      'lastro start: LASTRO_PORT is a whole number from 0 to 65535, not "abc".'
    ])
  })

  test("a name that only looks like a setting is told, and stops nothing", () => {
    const { faults, warnings } = settingsOf({
      LASTRO_NATS_URLS: "x",
      LASTRO_WHATEVER_THIS_IS: "1",
      PATH: ""
    })
    expect(faults).toEqual([])
    expect(warnings).toEqual([
      "LASTRO_NATS_URLS is no setting of Lastro: did you mean LASTRO_NATS_URL?",
      "LASTRO_WHATEVER_THIS_IS is no setting of Lastro."
    ])
  })

  test("every setting that the sources or the docs name is checked", () => {
    const below = (folder: string) =>
      fs.readdirSync(folder, { recursive: true, encoding: "utf8" })
        .map((name) => join(folder, name)).filter((name) => /\.(ts|md)$/.test(name))
    const named = ["src", "actors", "streams", "docs", "README.md"]
      .flatMap((place) => place.endsWith(".md") ? [place] : below(place))
      .flatMap((path) => fs.readFileSync(path, "utf8").match(/\bLASTRO_[A-Z_]*[A-Z]\b/g) ?? [])
    expect(new Set(named).size).toBeGreaterThan(20)
    const known = (name: string) =>
      isOurs(name) || /^LASTRO_(CHAOS_.*|NATS|STREAM|PORT_.*)$/.test(name)
    expect([...new Set(named)].filter((name) => !known(name))).toEqual([])
  })
})
