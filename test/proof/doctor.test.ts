import { Effect } from "effect"
import { afterAll, beforeAll, expect, test } from "vitest"
import { examineStack } from "../../src/house/examination.ts"
import type { Diagnosis } from "../../src/proof/doctor/diagnosis.ts"
import { examineIdentities } from "../../src/proof/doctor/identities.ts"
import { open } from "../../src/bus/connection.ts"
import { doctor } from "../../src/cli/doctor.ts"
import { eventually, type OwnLastro, startOwnLastro } from "../support/lastro.ts"
import { connectAs } from "../support/machine.ts"
import { query } from "../support/query.ts"

let lastro: OwnLastro
beforeAll(async () => {
  lastro = await startOwnLastro()
})
afterAll(() => lastro.stop())

const finding = (diagnosis: Diagnosis, check: string) => {
  const found = diagnosis.findings.find((one) => one.check === check)
  if (found === undefined) throw new Error(`nothing was looked at under ${check}`)
  return found
}

const broken = ({ promises }: Diagnosis) =>
  promises.filter(({ holds }) => holds === "no").map(({ promise }) => promise)

const api = async (subject: string, body: unknown) => {
  const nc = await connectAs(lastro.stack, lastro.stack.nats.admin)
  try {
    const answer = await nc.request(`$JS.API.${subject}`, JSON.stringify(body))
    // deno-lint-ignore no-explicit-any
    return answer.json<any>()
  } finally {
    await nc.close()
  }
}

const well = (stack = lastro.stack) =>
  eventually(async () => {
    const diagnosis = await examineStack(stack)
    return diagnosis.well ? diagnosis : undefined
  }, 30_000)

test(
  "on the embedded servers every promise that one worker can keep holds, and everything was looked at",
  async () => {
    const diagnosis = await well()
    expect(diagnosis.findings.filter(({ verdict }) => verdict === "unknown")).toEqual([])
    // Nobody would take over from a single worker, and it is not said that somebody would.
    expect(diagnosis.promises.filter(({ holds }) => holds !== "yes")).toMatchObject([
      { promise: "G8", holds: "absent", why: [expect.stringContaining("payments has 1")] }
    ])
    expect(new Set(diagnosis.findings.map(({ area }) => area))).toEqual(
      new Set([
        "nats",
        "disks",
        "clocks",
        "streams",
        "workers",
        "identities",
        "postgresql",
        "ledger",
        "effects"
      ])
    )
    const { host } = new URL(lastro.stack.natsUrls[0]!)
    expect(finding(diagnosis, `partition function of ${host}`).found).toContain("agree on 32 of 32")
    expect(finding(diagnosis, "append latency").found).toMatch(/\d ms in the middle/)
    expect(finding(diagnosis, "copies").verdict).toBe("poor")
    const left = await api("STREAM.NAMES", { subject: "doctor.>" })
    expect(left.streams ?? []).toEqual([])
  },
  60_000
)

test("an operator's tools are told the same, a merchant is not", async () => {
  const { json, status } = await lastro.ask(
    await lastro.operatorKey(),
    "GET",
    "/v1/operations/doctor"
  )
  expect(status).toBe(200)
  expect(json.promises.map(({ promise }: { promise: string }) => promise)).toContain("G15")
  const { host } = new URL(lastro.stack.natsUrls[0]!)
  expect(finding(json, `partition function of ${host}`).verdict).toBe("good")
  const merchant = await lastro.ask(await lastro.key("acme"), "GET", "/v1/operations/doctor")
  expect(merchant.status).toBe(403)
})

test("a card number in any table that is shown breaks G17, and is not told itself", async () => {
  const { databaseUrl } = lastro.stack
  const path = "liabilities:merchant:acme:recipient:4111111111111111:pending:BRL"
  await query(
    databaseUrl,
    `insert into accounts values ('${path}', 'acme', 'BRL', 0, 0, 0, 0, 0);
     insert into idempotency_keys (merchant, operation, key, fingerprint, about, state)
       values ('acme', 'POST /', '5555.5555.5555.4444', '', '', 'claimed');
     insert into webhook_directories
       values ('nobody', '{"note": {"4111 1111 1111 1111": "order-1796061707149"}}')`
  )
  const diagnosis = await examineStack(lastro.stack)
  expect(finding(diagnosis, "card numbers")).toMatchObject({
    verdict: "bad",
    found:
      "they stand in accounts /path, idempotency_keys /key, webhook_directories /doc/note/[number]"
  })
  expect(broken(diagnosis)).toEqual(["G17"])
  await query(
    databaseUrl,
    `delete from accounts where path = '${path}';
     delete from idempotency_keys where operation = 'POST /';
     delete from webhook_directories where merchant = 'nobody'`
  )
  expect(broken(await examineStack(lastro.stack))).toEqual([])
})

test("commits that do not wait for the disk break what rests on them", async () => {
  const { databaseUrl } = lastro.stack
  await query(databaseUrl, "alter system set synchronous_commit = off")
  await query(databaseUrl, "select pg_reload_conf()")
  try {
    const diagnosis = await eventually(async () => {
      const one = await examineStack(lastro.stack)
      return finding(one, "synchronous_commit").verdict === "bad" ? one : undefined
    })
    expect(diagnosis.well).toBe(false)
    expect(broken(diagnosis)).toEqual(["G2", "G5", "G12", "G13", "G15", "M1", "M2"])
    expect(diagnosis.promises.find(({ promise }) => promise === "M2")!.why).toEqual([
      "postgresql, synchronous_commit: off"
    ])
  } finally {
    await query(databaseUrl, "alter system reset synchronous_commit")
    await query(databaseUrl, "select pg_reload_conf()")
  }
})

test("a mailbox with less room than declared is told of, and breaks nothing while there is room", async () => {
  const { config } = await api("STREAM.INFO.PAYMENTS", {})
  await api("STREAM.UPDATE.PAYMENTS", { ...config, max_bytes: 50_000_000 })
  const diagnosis = await examineStack(lastro.stack)
  await api("STREAM.UPDATE.PAYMENTS", config)
  expect(finding(diagnosis, "PAYMENTS max_bytes").verdict).toBe("poor")
  expect(diagnosis.well).toBe(true)
})

test("a partition nobody reads, and a reader that was changed, are named", async () => {
  await lastro.lastro.stop()
  await api("CONSUMER.DELETE.PAYMENTS.payments-3", {})
  const diagnosis = await examineStack(lastro.stack)
  const consumers = finding(diagnosis, "PAYMENTS consumers")
  expect(consumers.verdict).toBe("bad")
  expect(consumers.found).toContain("nobody reads payments-3")
  expect(broken(diagnosis)).toEqual(["G8"])
})

test("a cursor that was moved by hand, and books that were changed, are found", async () => {
  const { databaseUrl } = lastro.stack
  await query(
    databaseUrl,
    "update cursors set seq = seq + 1000000 where family = 'payments' and partition = 2"
  )
  await query(
    databaseUrl,
    `insert into accounts values ('assets:x:EUR', 'acme', 'EUR', 5, 0, 0, 0, 1)`
  )
  const diagnosis = await examineStack(lastro.stack)
  expect(finding(diagnosis, "cursors").found).toMatch(
    /payments-2: PAYMENTS was recreated or restored/
  )
  expect(finding(diagnosis, "trial balance").found).toMatch(/EUR: debits less credits 5/)
  expect(broken(diagnosis)).toEqual(["G2", "G3", "G8", "G15", "M1"])
})

test("entries that nobody signs any more are told of, with how far the evidence reaches", async () => {
  const { databaseUrl } = lastro.stack
  const before = finding(await examineStack(lastro.stack), "tamper evidence")
  expect(before).toMatchObject({ verdict: "good", found: expect.stringMatching(/0 entries/) })
  await query(
    databaseUrl,
    `insert into journal_entries (id, merchant, payment_id, kind, partition, seq, at_millis)
     values ('je_unsigned', 'acme', 'pay_1', 'capture', 0, 1, $1)`,
    [Date.now() - 3 * 60_000]
  )
  const diagnosis = await examineStack(lastro.stack)
  expect(diagnosis.well).toBe(false)
  expect(finding(diagnosis, "tamper evidence")).toMatchObject({
    verdict: "bad",
    found: expect.stringMatching(/^the signed tree ends after 0 of 1 entries, .* for 3 minutes/),
    advice: expect.stringMatching(/LASTRO_AUDIT_KEY_FILE/)
  })
})

test("an identity with the rights of another is not taken for safe", async () => {
  const { nats } = lastro.stack
  const diagnosis = await examineStack({
    ...lastro.stack,
    nats: { ...nats, producer: nats.worker, edge: { user: "edge", password: "wrong" } }
  })
  expect(finding(diagnosis, "producer").found).toMatch(/may publish on .*payments\.0\.fraud-00/)
  expect(finding(diagnosis, "edge").verdict).toBe("unknown")
  expect(broken(diagnosis)).toContain("G4")
})

test("a right that the server says nothing about is told as unknown, not as given", async () => {
  const { nats, natsUrls } = lastro.stack
  const [about] = await Effect.runPromise(Effect.scoped(Effect.gen(function* () {
    const { nc } = yield* open({ urls: natsUrls, ...nats.observer, name: "doctor" })
    // A server maps it before it asks for the right, and denies it under the other name.
    const mustNot = ["lastro.payments.create.doctor"]
    return yield* examineIdentities({ identities: [{ name: "observer", nc, must: [], mustNot }] })
  })))
  expect(about).toMatchObject({
    verdict: "unknown",
    found: expect.stringMatching(/whether it may publish on lastro/)
  })
})

test("the command says where there is nothing to look at", async () => {
  await expect(doctor.run([], { LASTRO_DATA_DIR: "/nonexistent" })).rejects.toThrow(
    /no Lastro ever ran on \/nonexistent/
  )
})
