import { afterAll, beforeAll, expect, test } from "vitest"
import { headers } from "@nats-io/transport-node"
import { Effect, Layer } from "effect"
import { sql } from "kysely"
import { Nats } from "../../src/bus/connection.ts"
import { newActionId, order } from "../../src/edge/operate.ts"
import { PARTITIONS } from "../../streams/mailboxes.ts"
import { Database } from "../../src/store/database.ts"
import { MerchantId, paymentIdOf } from "../../src/domain/identifiers.ts"
import { partitionOf } from "../../src/domain/partition.ts"
import { connectAs } from "../support/machine.ts"
import { eventually, startTestLastro, type TestLastro } from "../support/lastro.ts"

let one: TestLastro
let acme: string
let person: string
beforeAll(async () => {
  one = await startTestLastro()
  acme = await one.key("acme")
  person = await one.operatorKey()
})
afterAll(() => one.stop())

const get = (path: string) => one.ask(person, "GET", path)
const post = (path: string, body: unknown) => one.ask(person, "POST", path, { body })

const create = (id: string, wait = 5) =>
  one.ask(acme, "POST", "/v1/payments", {
    headers: { "idempotency-key": id, ...(wait > 0 && { prefer: `wait=${wait}` }) },
    body: {
      amount: 10_000,
      currency: "BRL",
      payment_method: { type: "card", token: "tok_approved" }
    }
  })

const statusOf = async (id: string) =>
  (await one.ask(acme, "GET", `/v1/payments/${id}`)).json.status

const publish = async (subject: string, body: string) => {
  const nc = await connectAs(one.stack, one.stack.nats.producer)
  await nc.request(subject, body)
  await nc.close()
}

const listed = (query: string) =>
  eventually(async () => {
    const { json } = await get(`/v1/dead-letters?${query}`)
    return json.data.length > 0 ? json.data : undefined
  })

/** A payment's place is taken by a document nobody can read: its creation stops its key. */
const quarantined = async (commandId: string) => {
  const id = paymentIdOf("acme", commandId)
  await sql`insert into payments (id, merchant, status, created_millis, doc)
    values (${id}, 'acme', 'received', 0, '{}')`.execute(one.db)
  await create(commandId, 0)
  const [letter] = await listed(`key=${id}`)
  return { id, letter }
}
const heal = (id: string) =>
  sql`delete from payments where id = ${id} and doc::text = '{}'`.execute(one.db)

test("G12: a dead letter replayed twice at the same time takes effect once", async () => {
  const { id, letter } = await quarantined("twice")
  expect(letter).toMatchObject({ family: "payments", reason: "failed", holds_its_key: true })
  await heal(id)
  const answers = await Promise.all(
    [1, 2, 3].map(() => post(`/v1/dead-letters/${letter.id}/replay`, { why: "healed" }))
  )
  for (const { status } of answers) expect([200, 202, 409]).toContain(status)
  await eventually(async () => await statusOf(id) === "captured" || undefined)
  const late = await post(`/v1/dead-letters/${letter.id}/replay`, { why: "once more" })
  expect(late).toMatchObject({ status: 409, json: { code: "dead_letter_settled" } })
  const { rows } = await sql<{ type: string; times: number }>`
    select type, count(*)::int as times from events where about = ${id} group by type`
    .execute(one.db)
  expect(rows.find(({ type }) => type === "payment.captured")!.times).toBe(1)
  expect(rows.every(({ times }) => times === 1)).toBe(true)
  const { json } = await get(`/v1/dead-letters?status=replayed&key=${id}`)
  expect(json.data).toMatchObject([{ id: letter.id, outcome: "decided", holds_its_key: false }])
  const audit = await get(`/v1/operations/actions?dead_letter=${letter.id}`)
  expect(audit.json.data.length).toBeGreaterThanOrEqual(1)
  for (const action of audit.json.data) {
    expect(action).toMatchObject({ who: "operator", action: "replay", why: "healed" })
  }
})

test("a malformed command is listed, shown, replayed and discarded, and each is written down", async () => {
  const secret = "somebody@example.com"
  await publish("lastro.payments.create.acme", `{"amount": "${secret}"}`)
  const [letter] = await listed("reason=malformed&family=payments&merchant=acme")
  expect(JSON.stringify(letter)).not.toContain(secret)
  const shown = await get(`/v1/dead-letters/${letter.id}`)
  expect(shown.json).toMatchObject({ body: `{"amount": "${secret}"}`, type: "create" })
  expect(shown.json.actions).toMatchObject([{ who: "operator", action: "show" }])
  const replayed = await post(`/v1/dead-letters/${letter.id}/replay`, { why: "to see" })
  expect(replayed).toMatchObject({ status: 200, json: { outcome: "malformed", who: "operator" } })
  const [again] = await listed("reason=malformed&family=payments&merchant=acme")
  expect(again.id).not.toBe(letter.id)
  const discarded = await post(`/v1/dead-letters/${again.id}/discard`, { why: "no use" })
  expect(discarded).toMatchObject({ status: 200, json: { outcome: "discarded", why: "no use" } })
  expect((await get("/v1/dead-letters?reason=malformed")).json.data).toEqual([])
  const all = await get("/v1/dead-letters?reason=malformed&status=all&limit=1")
  expect(all.json).toMatchObject({ has_more: true, data: [{ status: "discarded" }] })
  const next = await get(
    `/v1/dead-letters?reason=malformed&status=all&limit=1&cursor=${all.json.next_cursor}`
  )
  expect(next.json).toMatchObject({ has_more: false, data: [{ status: "replayed" }] })
  const { created_at } = next.json.data[0]
  const before = await get(`/v1/dead-letters?status=all&until=${created_at}&reason=malformed`)
  expect(before.json.data).toEqual([])
})

test("a call that nobody can read is a dead letter, which is not made again and can be discarded", async () => {
  const worker = await connectAs(one.stack, one.stack.nats.worker)
  const marked = headers()
  marked.set("Lastro-Type", "call")
  marked.set("Lastro-Merchant", "acme")
  await worker.request("gateway.3.payments-03", `{"operation": "charge"}`, {
    timeout: 5_000,
    headers: marked
  })
  await worker.close()
  const [letter] = await listed("family=gateway")
  expect(letter).toMatchObject({
    partition: 3,
    type: "call",
    reason: "malformed",
    merchant: "acme"
  })
  const settle = (how: string) => post(`/v1/dead-letters/${letter.id}/${how}`, { why: "a test" })
  expect((await settle("replay")).json.outcome).toContain("discard it")
  expect((await listed("family=gateway"))[0].id).toBe(letter.id)
  expect(await settle("discard")).toMatchObject({ status: 200, json: { outcome: "discarded" } })
  expect((await get("/v1/dead-letters?family=gateway")).json.data).toEqual([])
  expect((await settle("discard")).status).toBe(409)
})

test("discarding what holds a key lets the key go on without it", async () => {
  const { id, letter } = await quarantined("dropped")
  const { json: before } = await get("/v1/operations/families/payments/keys")
  expect(before.data).toMatchObject([
    { merchant: "acme", key: id, state: "quarantined", letters: 1 }
  ])
  await heal(id)
  const { json } = await post(`/v1/dead-letters/${letter.id}/discard`, { why: "not wanted" })
  expect(json.outcome).toBe("its key goes on")
  expect((await get("/v1/operations/families/payments/keys")).json.data).toEqual([])
  expect((await one.ask(acme, "GET", `/v1/payments/${id}`)).status).toBe(404)
})

test("a paused family takes nothing, in every worker, until it is resumed", async () => {
  const path = "/v1/operations/families/payments"
  expect((await post(`${path}/pause`, { why: "a test" })).json.outcome).toBe("paused")
  expect((await post(`${path}/pause`, { why: "a test" })).json.outcome)
    .toBe("it was paused already")
  const { json: overview } = await eventually(async () => {
    const answer = await get("/v1/operations/overview")
    return answer.json.families[0].paused === null ? undefined : answer
  })
  expect(overview.families[0]).toMatchObject({
    family: "payments",
    paused: { by: "operator", why: "a test" }
  })
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  const { status } = await create("while-paused", 1)
  expect(status).toBe(202)
  expect((await post(`${path}/resume`, { why: "enough" })).json.outcome).toBe("running")
  const id = paymentIdOf("acme", "while-paused")
  await eventually(async () => await statusOf(id) === "captured" || undefined)
})

test("calls to the world are held, too", async () => {
  const path = "/v1/operations/families/gateway"
  await post(`${path}/pause`, { why: "the bank asked" })
  await new Promise((resolve) => setTimeout(resolve, 1_500))
  const { json } = await create("no-call", 1)
  expect(await statusOf(json.id)).toBe("processing")
  await post(`${path}/resume`, { why: "it may go on" })
  await eventually(async () => await statusOf(json.id) === "captured" || undefined)
})

test("a paused key waits alone, and resumes in order", async () => {
  const id = paymentIdOf("acme", "held")
  const path = "/v1/operations/families/payments"
  const held = await post(`${path}/pause`, { why: "looks odd", key: `acme/${id}` })
  expect(held.json).toMatchObject({ outcome: "paused", merchant: "acme", key: id })
  await create("held", 0)
  expect((await create("not-held")).json.status).toBe("captured")
  const { json: keys } = await get(`${path}/keys`)
  expect(keys.data).toMatchObject([{ key: id, state: "paused", reason: "looks odd" }])
  const let_go = await post(`${path}/resume`, { why: "it is fine", key: `acme/${id}` })
  expect(let_go.json.outcome).toBe("its key goes on")
  await eventually(async () => await statusOf(id) === "captured" || undefined)
})

test("what cannot be meant is refused", async () => {
  const family = "/v1/operations/families"
  const why = "a test"
  expect((await post(`${family}/nobody/pause`, { why })).status).toBe(404)
  const { json: shared, status } = await post(`${family}/messaging/pause`, { why })
  expect([status, shared.code]).toEqual([409, "shared_mailbox"])
  expect(shared.detail).toContain("payments, and with it fraud and messaging")
  expect((await post(`${family}/payments/pause`, {})).status).toBe(422)
  expect((await post(`${family}/payments/pause`, { why: "x".repeat(201) })).status).toBe(422)
  for (const key of ["acme", "/k", "acme/", "NO/k", "acme/a\u0000b"]) {
    expect((await post(`${family}/payments/pause`, { why, key })).status).toBe(422)
  }
  expect((await post(`${family}/delivery/pause`, { why, key: "acme/k" })).status).toBe(422)
  expect((await post(`/v1/dead-letters/dl_none/replay`, { why })).status).toBe(404)
  expect((await get(`/v1/dead-letters/dl_none`)).status).toBe(404)
  expect((await get(`/v1/dead-letters?cursor=x`)).status).toBe(400)
  expect((await get(`/v1/dead-letters?since=yesterday`)).status).toBe(422)
  expect((await get(`/v1/operations/actions/act_none`)).status).toBe(404)
})

test("an order whose acknowledgement was lost is audited with what its partition made of it", async () => {
  const nc = await connectAs(one.stack, one.stack.nats.edge)
  let stored = 0
  const lossy: typeof nc = Object.assign(Object.create(nc), {
    request: async (...asked: Parameters<typeof nc.request>) => {
      stored = (await nc.request(...asked)).json<{ seq: number }>().seq
      throw new Error("timeout")
    }
  })
  const id = newActionId()
  const place = { family: "payments", partition: partitionOf("acme", PARTITIONS) }
  const key = { merchant: MerchantId.make("acme"), key: "pay_nobody", why: "a test" }
  const given = order(
    place,
    { id, who: "operator", action: "pause", family: "payments", why: "a test" },
    { order: "pause", action: id, ...key }
  )
  await Effect.runPromise(given.pipe(Effect.provide(Layer.mergeAll(
    Layer.succeed(Nats, { nc: lossy, inboxPrefix: "_INBOX.edge" }),
    Database.layerOf(one.stack.databaseUrl, 1)
  ))))
  await nc.close()
  expect(stored).toBeGreaterThan(0)
  const { outcome } = await eventually(async () => {
    const { json } = await get(`/v1/operations/actions/${id}`)
    return json.outcome === null ? undefined : json
  })
  expect(outcome).toBe("paused")
  await post("/v1/operations/families/payments/resume", { why: "over", key: "acme/pay_nobody" })
})

test("many who look at the overview at once share one answer", async () => {
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => get("/v1/operations/overview"))
  )
  // Two where the time of one ran out meanwhile.
  expect(new Set(answers.map(({ json }) => json.at)).size).toBeLessThanOrEqual(2)
})
