import * as fs from "node:fs"
import { Effect } from "effect"
import { afterAll, beforeAll, expect, test } from "vitest"
import { createApiKey } from "../../src/store/apiKeys.ts"
import { examineActions } from "../../src/proof/doctor/actions.ts"
import { keepAction } from "../../src/store/operatorActions.ts"
import { commandLine } from "../support/commandLine.ts"
import { eventually, query, startTestLastro, type TestLastro } from "../support/lastro.ts"

let one: TestLastro
let file: string
let pub: string
let environment: Record<string, string>
const act = (id: string, merchant: string, outcome?: string) =>
  keepAction(one.db, {
    id,
    who: "ana",
    action: "show",
    family: "payments",
    merchant,
    why: "to read it",
    ...(outcome !== undefined && { outcome })
  })

const run = (text: string) => query(one.stack.databaseUrl, text)
const chained = (count: number) =>
  eventually(async () => {
    const [found] = await run("select count(*)::int as n from action_chain")
    return found!["n"] >= count || undefined
  })

beforeAll(async () => {
  one = await startTestLastro()
  environment = { LASTRO_URL: one.url, LASTRO_OPERATOR_KEY: await one.operatorKey() }
  file = `${one.lastro.dataDir}/actions.jsonl`
  pub = `${one.lastro.dataDir}/audit.pub`
  for (
    const [id, merchant] of [["a", "acme"], ["b", "globex"], ["c", "acme"], ["d", "acme"]] as const
  ) {
    await act(id, merchant, "shown")
  }
  await chained(8)
})
afterAll(() => one.stop())
const lastro = commandLine(() => environment)
const verified = async () => {
  expect((await lastro("audit", "actions", "export", "--out", file)).code).toBe(0)
  const { code, text } = await lastro("audit", "actions", "verify", file, "--key", pub, "--json")
  return { code, ...JSON.parse(text) as { entries: number; problems: ReadonlyArray<string> } }
}

/** Done in PostgreSQL by somebody who may do everything there, and undone. */
const tampered = async (table: string, statements: ReadonlyArray<string>) => {
  await run(`create table kept as select * from ${table}`)
  for (const statement of [`alter table ${table} disable trigger user`, ...statements]) {
    await run(statement)
  }
  const offline = await verified()
  const finding = await Effect.runPromise(examineActions({ db: one.db }))
  await run(`truncate ${table}`)
  await run(`insert into ${table} select * from kept`)
  await run(`alter table ${table} enable trigger user`)
  await run("drop table kept")
  return { offline, doctor: finding.verdict }
}

test("what was done is chained and signed, act and outcome by themselves, and verified offline", async () => {
  const { code, entries, problems } = await verified()
  expect([code, problems]).toEqual([0, []])
  expect(entries).toBeGreaterThanOrEqual(8)
  const { json } = await one.ask(await one.operatorKey(), "GET", "/v1/operations/doctor")
  const finding = json.findings.find(({ check }: { check: string }) => check === "audit log")
  expect(finding).toMatchObject({ verdict: "good" })
})

test("nothing that was done can be changed or taken away by an ordinary statement", async () => {
  for (
    const statement of [
      "update operator_actions set why = 'another' where id = 'a'",
      "update operator_actions set outcome = 'another' where id = 'a'",
      "delete from operator_actions where id = 'a'",
      "update action_chain set entry = '{}' where number = 1",
      "delete from action_chain where number = 1"
    ]
  ) {
    await expect(run(statement), statement).rejects.toThrow(/never changed/)
  }
})

test.each([
  ["changed", ["update action_chain set entry = replace(entry, 'ana', 'eve') where number = 3"]],
  ["removed", ["delete from action_chain where number = 3"]],
  [
    "inserted",
    [
      "update action_chain set number = number + 1000 where number > 3",
      "insert into action_chain select 4, merchant, entry, hash, signature from action_chain where number = 3",
      "update action_chain set number = number - 999 where number > 1000"
    ]
  ],
  [
    "swapped",
    [
      "update action_chain set number = -1 where number = 3",
      "update action_chain set number = 3 where number = 4",
      "update action_chain set number = 4 where number = -1"
    ]
  ]
])("an entry that is %s is found offline, and by doctor", async (_how, statements) => {
  const { doctor, offline } = await tampered("action_chain", statements)
  expect([offline.code, doctor]).toEqual([1, "bad"])
  expect(offline.problems.join()).toMatch(/entry [345]/)
  expect((await verified()).code).toBe(0)
})

test("doctor finds an act that was changed or removed beside the chain, and the chain's end cut off", async () => {
  const changed = ["update operator_actions set why = 'nothing' where id = 'b'"]
  expect((await tampered("operator_actions", changed)).doctor).toBe("bad")
  const removed = ["delete from operator_actions where id = 'b'"]
  expect((await tampered("operator_actions", removed)).doctor).toBe("bad")
  const cut = ["delete from action_chain where entry::jsonb ->> 'id' = 'd'"]
  expect((await tampered("action_chain", cut)).doctor).toBe("bad")
})

test("another's key verifies nothing, and a file that is none is told", async () => {
  await verified()
  const other = "lastro-x+00000000+AQ=="
  expect((await lastro("audit", "actions", "verify", file, "--key", other)).code).toBe(1)
  fs.writeFileSync(file, "{}\n")
  expect((await lastro("audit", "actions", "verify", file)).code).toBe(1)
})

test("a merchant reads its own, and nobody else's", async () => {
  const owner = await createApiKey(one.db, {
    name: "o",
    merchant: "acme",
    role: "owner",
    scopes: []
  })
  const { json } = await one.ask(owner, "GET", "/v1/audit/actions")
  const ids = json.data.map(({ id, kind }: Record<string, string>) => `${id} ${kind}`)
  expect(ids).toEqual(["a act", "a outcome", "c act", "c outcome", "d act", "d outcome"])
  expect((await one.ask(owner, "GET", "/v1/audit/actions/export")).status).toBe(403)
  const { json: page } = await one.ask(owner, "GET", "/v1/audit/actions?limit=2")
  const { json: next } = await one.ask(owner, "GET", `/v1/audit/actions?after=${page.next_cursor}`)
  expect([page.has_more, next.data[0].id]).toEqual([true, "c"])
})
