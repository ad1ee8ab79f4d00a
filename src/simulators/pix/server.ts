import { randomBytes } from "node:crypto"
import { Hono } from "hono"
import { dayInBrazil, isBefore, isDay } from "../../domain/day.ts"
import { isCnpj, isCpf } from "../../domain/taxId.ts"
import { afterwards, type Call, type Desk, jsonOf } from "../desk.ts"
import { listen, type Place } from "../listen.ts"
import { Bank, type Charge, type PaidHow, type Received, type Return } from "./bank.ts"

const TOKEN_SECONDS = 600
/** A return that is made later is made after this. */
export const RETURN_MILLIS = 300
const API = "/api/v2"

export interface PixSimulator {
  readonly url: string
  readonly stop: () => Promise<void>
}

export interface PixSimulatorOptions {
  readonly file: string
  /** Asks callers for a certificate of this authority (mTLS). */
  readonly tls?: NonNullable<Place["tls"]>
}

interface State {
  readonly bank: Bank
  readonly tokens: Map<string, number>
  /** Where news of a key goes. */
  readonly hooks: Map<string, string>
  outage: boolean
  /** What becomes of returns: made at once, in a moment, or refused by the payer's bank. */
  returns: "at_once" | "later" | "refused"
  /** What is given back, whatever was asked for. */
  returns_valor?: string | undefined
}

/** A receiving bank with the central bank's Pix API, and payers who pay when they are told to. */
export const openPixDesk = (file: string): { readonly desk: Desk; readonly close: () => void } => {
  const bank = new Bank(file)
  const state: State = {
    bank,
    tokens: new Map(),
    hooks: new Map(),
    outage: false,
    returns: "at_once"
  }
  return { desk: pixDesk(state), close: () => bank.close() }
}

/** The bank on a port of its own. */
export const startPixSimulator = async (
  { file, tls }: PixSimulatorOptions
): Promise<PixSimulator> => {
  const { close: closeBook, desk } = openPixDesk(file)
  const { close, url } = await listen(desk, tls === undefined ? {} : { tls })
  return {
    url,
    stop: async () => {
      await close()
      closeBook()
    }
  }
}

const pixDesk = (state: State): Desk => {
  const desk: Desk = new Hono()
  const { bank } = state
  desk.all("/oauth/token", (call) => giveToken(state, call))
  desk.all("/payer/:txid", (call) => pay(state, call, call.req.param("txid")))
  desk.all("/med/:id", (call) => takeBack(state, call, call.req.param("id")))
  desk.all("/returns/:id", (call) => atCounter(state, call, call.req.param("id")))
  desk.all("/control", async (call) => {
    state.returns_valor = undefined
    Object.assign(state, await jsonOf(call))
    return call.json({ outage: state.outage, returns: state.returns })
  })
  desk.all("/book", (call) => call.json(bank.received()))
  desk.all("/book/:txid", (call) => call.json(bank.anyCharge(call.req.param("txid")) ?? null))
  desk.use(`${API}/*`, async (call, next) => {
    if (state.outage) return problem(call, 503, "ServicoIndisponivel", "volte mais tarde")
    const token = (call.req.header("authorization") ?? "").replace("Bearer ", "")
    return (state.tokens.get(token) ?? 0) < Date.now() ? nothing(call, 401) : await next()
  })
  for (const kind of ["cob", "cobv"] as const) {
    desk.all(`${API}/${kind}/:txid`, (call) => onCharge(state, call, kind, call.req.param("txid")))
  }
  desk.get(`${API}/pix/:id`, (call) => onPix(state, call, call.req.param()))
  desk.all(
    `${API}/pix/:id/devolucao/:returnId`,
    (call) => onPix(state, call, call.req.param())
  )
  desk.put(`${API}/webhook/:key`, async (call) => {
    state.hooks.set(call.req.param("key"), (await jsonOf(call) as Hook).webhookUrl)
    return nothing(call, 200)
  })
  // A route: beside others its own words are kept.
  desk.all("*", (call) => problem(call, 404, "NaoEncontrado", call.req.path))
  desk.onError((error, call) => problem(call, 400, "RequisicaoInvalida", error.message))
  return desk
}

interface Hook {
  readonly webhookUrl: string
}

const giveToken = (state: State, call: Call): Response => {
  if (!(call.req.header("authorization") ?? "").startsWith("Basic ")) {
    return call.json({ error: "invalid_client" }, 401)
  }
  const token = randomBytes(24).toString("base64url")
  state.tokens.set(token, Date.now() + TOKEN_SECONDS * 1_000)
  return call.json({ access_token: token, token_type: "Bearer", expires_in: TOKEN_SECONDS })
}

const onCharge = async (
  { bank }: State,
  call: Call,
  kind: "cob" | "cobv",
  txid: string
): Promise<Response> => {
  const { method } = call.req
  const known = bank.charge(kind, txid)
  const refuse = (detail: string) =>
    problem(call, 400, kind === "cob" ? "CobOperacaoInvalida" : "CobVOperacaoInvalida", detail)
  if (method === "PUT") {
    // As real banks do: the same charge a second time is an error, even with the same body.
    if (known !== undefined) return refuse("txid em uso")
    const asked = await jsonOf(call) as Charge
    const violated = violationOf(asked)
    return violated === undefined ? call.json(bank.open(kind, txid, asked), 201) : refuse(violated)
  }
  if (known === undefined) return problem(call, 404, "NaoEncontrado", txid)
  if (method !== "PATCH") return call.json(known)
  const changes = await jsonOf(call) as Partial<Charge>
  const others = Object.keys(changes).filter((name) => name !== "status")
  if (known.status !== "ATIVA") return refuse("a cobrança não está ATIVA")
  // It makes no sense to remove a charge and to change what will never be used.
  if (changes.status !== undefined && others.length > 0) return refuse("status com alterações")
  if (changes.status !== undefined && changes.status !== REMOVED) return refuse("status")
  const violated = violationOf({ ...known, ...changes })
  return violated === undefined ? call.json(bank.revise(kind, known, changes)) : refuse(violated)
}

const REMOVED = "REMOVIDA_PELO_USUARIO_RECEBEDOR"

/** The first of the description's violations that a charge commits. */
const violationOf = ({ calendario, devedor, valor }: Charge): string | undefined => {
  const { dataDeVencimento, expiracao } = calendario
  if (expiracao !== undefined && !(Number(expiracao) > 0)) return "calendario.expiracao"
  const due = dataDeVencimento === undefined ? undefined : String(dataDeVencimento)
  if (due !== undefined && (!isDay(due) || isBefore(due, dayInBrazil(Date.now())))) {
    return "calendario.dataDeVencimento"
  }
  if (!/^\d{1,10}\.\d{2}$/.test(valor.original) || Number(valor.original) === 0) {
    return "valor.original"
  }
  const { cnpj, cpf } = (devedor ?? {}) as { readonly cnpj?: string; readonly cpf?: string }
  const isOwed = cpf === undefined ? cnpj === undefined || isCnpj(cnpj) : isCpf(cpf)
  return isOwed && (cpf === undefined || cnpj === undefined) ? undefined : "devedor"
}

const onPix = async (
  state: State,
  call: Call,
  { id, returnId = "" }: { readonly id: string; readonly returnId?: string }
): Promise<Response> => {
  const { bank, returns } = state
  const received = bank.pix(id)
  if (received === undefined) return problem(call, 404, "NaoEncontrado", id)
  if (returnId === "") return call.json(received)
  const known = received.devolucoes?.find((one) => one.id === returnId)
  if (call.req.method === "GET") {
    return known === undefined ? problem(call, 404, "NaoEncontrado", returnId) : call.json(known)
  }
  if (known !== undefined) {
    return problem(call, 400, "PixDevolucaoInvalida", "já existe uma devolução com este id")
  }
  const { valor: wanted } = await jsonOf(call) as { valor: string }
  const valor = state.returns_valor ?? wanted
  const status = returns === "at_once" ? "DEVOLVIDO" : "EM_PROCESSAMENTO"
  const made = bank.giveBack(received, returnId, valor, status)
  if (made === "too much") {
    return problem(call, 400, "PixDevolucaoInvalida", "a soma excede o valor do Pix")
  }
  afterwards(async () => {
    if (status === "DEVOLVIDO") return await tell(state, bank.pix(id)!)
    await new Promise((resolve) => setTimeout(resolve, RETURN_MILLIS))
    const end: Return["status"] = returns === "refused" ? "NAO_REALIZADO" : "DEVOLVIDO"
    await tell(state, bank.settle(id, returnId, end))
  })
  return call.json(made, 201)
}

const pay = async (state: State, call: Call, txid: string): Promise<Response> => {
  const { quietly, ...how } = await jsonOf(call) as PaidHow & { readonly quietly?: boolean }
  const received = state.bank.pay(txid, how)
  if (received === undefined) return problem(call, 409, "CobNaoPagavel", txid)
  if (quietly !== true) afterwards(() => tell(state, received))
  return call.json(received)
}

/**
 * The payer's bank takes money back by the special mechanism (MED): begun by the bank, under its own
 * identifier. Told with a status once more, the same return goes on.
 */
const takeBack = async (state: State, call: Call, id: string): Promise<Response> => {
  const { natureza = "MED_FRAUDE", status = "EM_PROCESSAMENTO", valor } = await jsonOf(
    call
  ) as Partial<Pick<Return, "natureza" | "status" | "valor">>
  const received = state.bank.pix(id)
  if (received === undefined) return problem(call, 404, "NaoEncontrado", id)
  const known = received.devolucoes?.find((one) => one.natureza !== undefined)
  if (known === undefined) {
    const name = `MED${received.txid}`
    const made = state.bank.giveBack(received, name, valor ?? received.valor, status, natureza)
    if (made === "too much") return problem(call, 400, "PixDevolucaoInvalida", id)
  }
  const now = known === undefined ? state.bank.pix(id)! : state.bank.settle(id, known.id, status)
  afterwards(() => tell(state, now))
  return call.json(now)
}

/**
 * The receiver gives back at the bank's own counter, without the API; or (by an `id` that is known) the
 * bank says of a return what it did not say before.
 */
const atCounter = async (state: State, call: Call, pix: string): Promise<Response> => {
  const received = state.bank.pix(pix)
  if (received === undefined) return problem(call, 404, "NaoEncontrado", pix)
  const { devolucoes = [], valor: whole } = received
  const { id = `COUNTER${devolucoes.length}`, status = "DEVOLVIDO", valor = whole } = await jsonOf(
    call
  ) as Partial<Pick<Return, "id" | "status" | "valor">>
  const isKnown = devolucoes.some((one) => one.id === id)
  const made = isKnown ? undefined : state.bank.giveBack(received, id, valor, status)
  if (made === "too much") return problem(call, 400, "PixDevolucaoInvalida", pix)
  const now = isKnown ? state.bank.settle(pix, id, status) : state.bank.pix(pix)!
  afterwards(() => tell(state, now))
  return call.json(now)
}

/** The callback: `<url>/pix`, in batches. A caller who misses it has to ask. */
const tell = async ({ hooks }: State, received: Received): Promise<void> => {
  const url = hooks.get(received.chave)
  if (url === undefined) return
  const answer = await fetch(`${url}/pix`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ pix: [received] })
  }).catch(() => undefined)
  await answer?.body?.cancel()
}

const nothing = (call: Call, status: 200 | 401): Response =>
  call.body(null, status, { "content-type": "application/json" })

const problem = (
  call: Call,
  status: 400 | 404 | 409 | 503,
  kind: string,
  detail: string
): Response =>
  call.json(
    { type: `https://pix.bcb.gov.br/api/v2/error/${kind}`, title: kind, status, detail },
    status,
    { "content-type": "application/problem+json" }
  )
