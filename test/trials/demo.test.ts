import { spawn } from "node:child_process"
import * as fs from "node:fs"
import { basename, resolve } from "node:path"
import { Result, Schema } from "effect"
import fc from "fast-check"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { splitsProblem } from "../../actors/payments/payment/legs.ts"
import { defaultTerms } from "../../actors/payments/terms.ts"
import { reportText } from "../../src/trials/demo/report.ts"
import type { DemoReport } from "../../src/trials/demo/run.ts"
import { surplus } from "../../src/proof/judges/surplus.ts"
import { daysSince } from "../../src/trials/demo/settlement.ts"
import { merchants, PAYMENTS_MIN, trafficOf } from "../../src/trials/demo/traffic.ts"
import { readBrCode } from "../../src/domain/brCode.ts"
import { CreateFields } from "../../streams/messages/payments.ts"
import { commandLine } from "../support/commandLine.ts"
import { testFolder } from "../support/lastro.ts"

/** About half a minute alone; other suites may share the machine. */
const DEMO_MILLIS = 240_000

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly errors: string
}

/** The command as `deno task` runs it, in a process of its own. */
const lastro = (folder: string, args: ReadonlyArray<string>): Promise<Ended> => {
  const runtime = basename(process.execPath).startsWith("deno") ? ["run", "-A", "--quiet"] : []
  const child = spawn(process.execPath, [...runtime, resolve("src/main.ts"), "demo", ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, LASTRO_DATA_DIR: folder }
  })
  // SIGTERM lets it stop its servers, should this suite give up first.
  const late = setTimeout(() => child.kill("SIGTERM"), DEMO_MILLIS - 20_000)
  const told = { out: "", errors: "" }
  child.stdout.on("data", (chunk) => void (told.out += chunk))
  child.stderr.on("data", (chunk) => void (told.errors += chunk))
  return new Promise((done) => {
    child.once("close", (code) => {
      clearTimeout(late)
      done({ code, ...told })
    })
  })
}

describe("the demo", () => {
  const folder = testFolder("demo")
  let ended: Ended
  let report: DemoReport

  beforeAll(async () => {
    ended = await lastro(folder, ["--payments", "120", "--seed", "7", "--json"])
    expect(ended.out, ended.errors).toMatch(/^\{/)
    report = JSON.parse(ended.out)
  }, DEMO_MILLIS)

  afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))

  it("keeps every promise, exits 0 and says nothing but its report", () => {
    expect(report.promises.map(({ against, holds, name }) => [name, holds, against])).toEqual([
      ["G2", true, []],
      ["G3", true, []],
      ["M1", true, []],
      ["M2", true, []]
    ])
    for (const { evidence } of report.promises) expect(evidence.join(" ")).toMatch(/[1-9]/)
    expect(new Set(Object.values(report.kept))).toEqual(new Set([true]))
    expect(Object.keys(report.kept)).toHaveLength(7)
    expect(ended.code).toBe(0)
  })

  it("sends half of the payments over each way, with every token, and leaves none open", () => {
    expect(report).toMatchObject({ seed: 7, payments: 120, merchants: 64 })
    expect(report.ways).toEqual({ http: 60, nats: 60 })
    expect(Object.keys(report.tokens).sort()).toEqual([
      "tok_approved",
      "tok_approved_short",
      "tok_declined_hard",
      "tok_declined_soft",
      "tok_duplicate_answer",
      "tok_error",
      "tok_requires_action",
      "tok_slow",
      "tok_timeout_approved",
      "tok_timeout_declined",
      "tok_timeout_lost"
    ])
    expect(Object.keys(report.statuses).sort()).toEqual([
      "captured",
      "expired",
      "failed",
      "partially_captured",
      "rejected",
      "voided"
    ])
    const { capture, create, refund, review, void: voided } = report.commands
    expect(create).toBe(120)
    for (const count of [capture, refund, review, voided]) expect(count).toBeGreaterThan(3)
    expect(Object.keys(report.captured)).toContain("BRL")
    expect(Object.keys(report.refusals)).toEqual(["capture: operation_in_progress"])
  })

  it("has payments allowed, reviewed and denied, and tells why", () => {
    expect(Object.keys(report.decisions).sort()).toEqual(["allow", "deny", "review"])
    expect(report.reasons["ip_denied"]).toBe(report.decisions["deny"]!.count)
    expect(report.commands["review"]).toBe(report.decisions["review"]!.count)
  })

  it("brings every event to the endpoints that asked, signed, in spite of servers that refuse once", () => {
    const { webhooks } = report
    expect(webhooks.due).toBeGreaterThan(20)
    expect(webhooks).toMatchObject({
      sent: webhooks.due,
      delivered: webhooks.due,
      verified: webhooks.due,
      refused_signatures: 0
    })
    expect(webhooks.turned_away).toBeGreaterThan(0)
    expect(report.notifications.written).toBe(report.notifications.due)
    expect(report.notifications.due).toBeGreaterThan(50)
  })

  it("finds exactly the breaks that were planted", () => {
    const { found, invented, lines, matched, overlooked, planted } = report.reconciliation
    expect([overlooked, invented]).toEqual([[], []])
    expect(found).toEqual(planted)
    expect(new Set(planted.map((name) => name.split(" ")[0]))).toEqual(
      new Set(["amount", "duplicate", "missing", "unexpected"])
    )
    // Lines of the file that match nothing: the wrong amounts, the second copies, the strangers.
    const alone = planted.filter((name) => !name.startsWith("missing")).length
    expect(matched).toBe(lines - alone)
  })

  it("moves settled money between wallets and currencies, and loses none", () => {
    const { moved } = report
    expect(moved.against).toEqual([])
    expect(moved).toMatchObject({ returned: 1 })
    expect([moved.sent > 3, moved.converted > 2]).toEqual([true, true])
  })

  it("pays by Pix with a code, and through an outage at the next gateway", () => {
    const { outage, pix } = report.gateways
    expect(pix.status).toBe("captured")
    expect(readBrCode(pix.br_code)?.get("58")).toBe("BR")
    expect([outage.captured_elsewhere, outage.charged_there]).toEqual([outage.payments, 0])
    expect(outage.route[1]).toContain("fallback 1; flaky said gateway_not_reached")
    expect(reportText(report, false)).toContain(pix.picture.split("\n")[5])
  })

  it("measures both ways", () => {
    for (const { count, max, p50, p90, p99, promptOnly, way } of report.latency_millis) {
      expect(["http", "nats"]).toContain(way)
      expect(count).toBeGreaterThan(promptOnly ? 40 : 50)
      expect(p50).toBeGreaterThan(0)
      expect([p50, p90, p99, max]).toEqual([p50, p90, p99, max].sort((left, right) => left - right))
    }
    expect(report.latency_millis).toHaveLength(4)
  })

  it("leaves no folder behind", () => {
    expect(fs.readdirSync(folder)).toEqual([])
  })

  it("prints a table of at most 100 columns, coloured only where asked", () => {
    const plain = reportText(report, false)
    expect(plain).not.toContain("\u001b")
    for (const line of plain.split("\n")) expect(line.length, line).toBeLessThanOrEqual(100)
    expect(plain).toContain("✓ G2  every command took effect once")
    expect(reportText(report, true).replaceAll(/\u001b\[\d+m/g, "")).toBe(plain)
    const broken = { ...report, ok: false, kept: { ...report.kept, breaks: false } }
    expect(reportText(broken, false)).toContain("Not everything promised was kept.")
  })
})

describe("the demo's options", () => {
  const folder = testFolder("demo-usage")
  const run = commandLine(() => ({ LASTRO_DATA_DIR: folder }))

  afterAll(() => fs.rmSync(folder, { recursive: true, force: true }))

  it.each([["--payments", "3"], ["--rate", "fast"], ["--sed", "7"], ["more"]])(
    "are told where they are wrong (%s), and nothing starts",
    async (...args) => {
      const { code, text } = await run("demo", ...args)
      expect([code, text]).toEqual([64, expect.stringMatching(/^lastro demo: [^\n]+$/)])
      expect(fs.readdirSync(folder)).toEqual([])
    }
  )
})

describe("the demo's traffic", () => {
  const settings = fc.record({
    seed: fc.nat(),
    payments: fc.integer({ min: PAYMENTS_MIN, max: 300 }),
    rate: fc.integer({ min: 1, max: 2_000 })
  })
  const decode = Schema.decodeUnknownResult(Schema.Struct(CreateFields), {
    onExcessProperty: "error"
  })

  it("follows from its seed alone", () => {
    fc.assert(fc.property(settings, (one) => {
      expect(trafficOf(one)).toEqual(trafficOf(one))
      expect(trafficOf({ ...one, seed: one.seed + 1 })).not.toEqual(trafficOf(one))
    }))
  })

  it("is valid, tells every story, and comes in halves over both ways", () => {
    fc.assert(fc.property(settings, (one) => {
      const plans = trafficOf(one)
      expect(plans).toHaveLength(one.payments)
      const http = plans.filter(({ way }) => way === "http").length
      expect(Math.abs(one.payments - 2 * http)).toBeLessThanOrEqual(1)
      expect(new Set(plans.map(({ story, way }) => `${story.name} ${way}`)).size)
        .toBe(PAYMENTS_MIN)
      for (const { body, merchant } of plans) {
        expect(merchants).toContain(merchant)
        const decoded = decode(body)
        if (Result.isFailure(decoded)) throw decoded.failure
        const { amount, splits = [] } = decoded.success
        expect(splitsProblem(amount, splits, defaultTerms.fee, "merchant")).toBeUndefined()
      }
    }))
  })
})

it("a demo that runs through midnight reconciles both days", () => {
  const at = (time: string) => Date.parse(`2026-08-31T${time}Z`)
  expect(daysSince(at("12:00:00"), at("12:01:00"))).toEqual(["2026-08-31"])
  expect(daysSince(at("23:59:59"), at("23:59:59") + 2_000)).toEqual(["2026-08-31", "2026-09-01"])
})

it("what is planted twice has to be found twice", () => {
  expect(surplus(["a", "a", "b"], ["b", "a"])).toEqual(["a"])
  expect(surplus(["a"], ["a", "a"])).toEqual([])
})
