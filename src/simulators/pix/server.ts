import { randomBytes } from "node:crypto"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import { createServer as createTlsServer } from "node:https"
import type { AddressInfo } from "node:net"
import { dayInBrazil, isBefore, isDay } from "../../domain/day.ts"
import { isCnpj, isCpf } from "../../domain/taxId.ts"
import { Bank, type Charge, type PaidHow, type Received, type Return } from "./bank.ts"

const BODY_BYTES_MAX = 64 * 1024
const TOKEN_SECONDS = 600
/** A return that is made later is made after this. */
export const RETURN_MILLIS = 300
const PREFIX = "/api/v2"

export interface PixSimulator {
  readonly url: string
  readonly stop: () => Promise<void>
}

export interface PixSimulatorOptions {
  readonly file: string
  /** Asks callers for a certificate of this authority (mTLS). */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca: string }
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

/** Answers requests of one kind, whatever server they came to. */
interface Desk {
  readonly handle: (request: IncomingMessage, response: ServerResponse) => void
  readonly close: () => void
}

/**
 * A receiving bank with the central bank's Pix API, and payers who pay when they are told to. Its paths
 * begin with `at`.
 */
export const openPixDesk = (file: string, at = ""): Desk => {
  const state: State = {
    bank: new Bank(file),
    tokens: new Map(),
    hooks: new Map(),
    outage: false,
    returns: "at_once"
  }
  return {
    handle: (request, response) => {
      const { pathname } = new URL(request.url ?? "/", "http://bank")
      handle(state, request, response, pathname.slice(at.length)).catch((error) =>
        problem(response, 400, "RequisicaoInvalida", (error as Error).message)
      )
    },
    close: () => state.bank.close()
  }
}

/** The bank on a port of its own. */
export const startPixSimulator = async (options: PixSimulatorOptions): Promise<PixSimulator> => {
  const desk = openPixDesk(options.file)
  const { tls } = options
  const server = tls === undefined
    ? createServer(desk.handle)
    : createTlsServer({ ...tls, requestCert: true, rejectUnauthorized: true }, desk.handle)
  await new Promise<void>((resolve, reject) => {
    // It stays: a connection that cannot be accepted is its caller's trouble only.
    server.on("error", reject)
    server.listen(0, "127.0.0.1", () => resolve())
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `${tls === undefined ? "http" : "https"}://127.0.0.1:${port}`,
    stop: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      desk.close()
    }
  }
}

const handle = async (
  state: State,
  request: IncomingMessage,
  response: ServerResponse,
  pathname: string
) => {
  const text = await readText(request)
  const method = request.method ?? "GET"
  if (pathname === "/oauth/token") return giveToken(state, request, response)
  if (pathname.startsWith("/payer/")) {
    return await pay(state, response, pathname.slice("/payer/".length), text)
  }
  if (pathname.startsWith("/med/")) {
    return await takeBack(state, response, pathname.slice("/med/".length), text)
  }
  if (pathname.startsWith("/returns/")) {
    return await atCounter(state, response, pathname.slice("/returns/".length), text)
  }
  if (pathname === "/control") {
    state.returns_valor = undefined
    Object.assign(state, JSON.parse(text || "{}"))
    return json(response, 200, { outage: state.outage, returns: state.returns })
  }
  if (pathname === "/book") return json(response, 200, state.bank.received())
  if (pathname.startsWith("/book/")) {
    return json(response, 200, state.bank.anyCharge(pathname.slice("/book/".length)) ?? null)
  }
  if (!pathname.startsWith(PREFIX)) return problem(response, 404, "NaoEncontrado", pathname)
  if (state.outage) return problem(response, 503, "ServicoIndisponivel", "volte mais tarde")
  const token = (request.headers.authorization ?? "").replace("Bearer ", "")
  if ((state.tokens.get(token) ?? 0) < Date.now()) return json(response, 401, undefined)
  const [root = "", id = "", , returnId = ""] = pathname.slice(PREFIX.length + 1).split("/")
  switch (root) {
    case "cob":
    case "cobv":
      return onCharge(state, response, { kind: root, method, text, txid: id })
    case "pix":
      return await onPix(state, response, { method, text, id, returnId })
    case "webhook":
      state.hooks.set(decodeURIComponent(id), (JSON.parse(text) as Hook).webhookUrl)
      return json(response, 200, undefined)
    default:
      return problem(response, 404, "NaoEncontrado", pathname)
  }
}

interface Hook {
  readonly webhookUrl: string
}

const giveToken = (state: State, request: IncomingMessage, response: ServerResponse) => {
  if (!(request.headers.authorization ?? "").startsWith("Basic ")) {
    return json(response, 401, { error: "invalid_client" })
  }
  const token = randomBytes(24).toString("base64url")
  state.tokens.set(token, Date.now() + TOKEN_SECONDS * 1_000)
  json(response, 200, { access_token: token, token_type: "Bearer", expires_in: TOKEN_SECONDS })
}

const onCharge = (
  { bank }: State,
  response: ServerResponse,
  asked: {
    readonly kind: "cob" | "cobv"
    readonly method: string
    readonly text: string
    readonly txid: string
  }
) => {
  const { kind, method, text, txid } = asked
  const known = bank.charge(kind, txid)
  const refuse = (detail: string) =>
    problem(response, 400, kind === "cob" ? "CobOperacaoInvalida" : "CobVOperacaoInvalida", detail)
  if (method === "PUT") {
    // As real banks do: the same charge a second time is an error, even with the same body.
    if (known !== undefined) return refuse("txid em uso")
    const asked = JSON.parse(text) as Charge
    const violated = violationOf(asked)
    return violated === undefined
      ? json(response, 201, bank.open(kind, txid, asked))
      : refuse(violated)
  }
  if (known === undefined) return problem(response, 404, "NaoEncontrado", txid)
  if (method !== "PATCH") return json(response, 200, known)
  const changes = JSON.parse(text) as Partial<Charge>
  const others = Object.keys(changes).filter((name) => name !== "status")
  if (known.status !== "ATIVA") return refuse("a cobrança não está ATIVA")
  // It makes no sense to remove a charge and to change what will never be used.
  if (changes.status !== undefined && others.length > 0) return refuse("status com alterações")
  if (changes.status !== undefined && changes.status !== REMOVED) return refuse("status")
  const violated = violationOf({ ...known, ...changes })
  return violated === undefined
    ? json(response, 200, bank.revise(kind, known, changes))
    : refuse(violated)
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
  response: ServerResponse,
  asked: {
    readonly method: string
    readonly text: string
    readonly id: string
    readonly returnId: string
  }
) => {
  const { bank, returns } = state
  const received = bank.pix(asked.id)
  if (received === undefined) return problem(response, 404, "NaoEncontrado", asked.id)
  if (asked.returnId === "") return json(response, 200, received)
  const known = received.devolucoes?.find(({ id }) => id === asked.returnId)
  if (asked.method === "GET") {
    return known === undefined
      ? problem(response, 404, "NaoEncontrado", asked.returnId)
      : json(response, 200, known)
  }
  if (known !== undefined) {
    return problem(response, 400, "PixDevolucaoInvalida", "já existe uma devolução com este id")
  }
  const { valor: wanted } = JSON.parse(asked.text) as { valor: string }
  const valor = state.returns_valor ?? wanted
  const status = returns === "at_once" ? "DEVOLVIDO" : "EM_PROCESSAMENTO"
  const made = bank.giveBack(received, asked.returnId, valor, status)
  if (made === "too much") {
    return problem(response, 400, "PixDevolucaoInvalida", "a soma excede o valor do Pix")
  }
  json(response, 201, made)
  if (status === "DEVOLVIDO") return await tell(state, bank.pix(asked.id)!)
  await new Promise((resolve) => setTimeout(resolve, RETURN_MILLIS))
  const end: Return["status"] = returns === "refused" ? "NAO_REALIZADO" : "DEVOLVIDO"
  await tell(state, bank.settle(asked.id, asked.returnId, end))
}

const pay = async (state: State, response: ServerResponse, txid: string, text: string) => {
  const { quietly, ...how } = JSON.parse(text || "{}") as PaidHow & { readonly quietly?: boolean }
  const received = state.bank.pay(txid, how)
  if (received === undefined) return problem(response, 409, "CobNaoPagavel", txid)
  json(response, 200, received)
  if (quietly !== true) await tell(state, received)
}

/**
 * The payer's bank takes money back by the special mechanism (MED): begun by the bank, under its own
 * identifier. Told with a status once more, the same return goes on.
 */
const takeBack = async (state: State, response: ServerResponse, id: string, text: string) => {
  const { natureza = "MED_FRAUDE", status = "EM_PROCESSAMENTO", valor } = JSON.parse(
    text || "{}"
  ) as Partial<Pick<Return, "natureza" | "status" | "valor">>
  const received = state.bank.pix(id)
  if (received === undefined) return problem(response, 404, "NaoEncontrado", id)
  const known = received.devolucoes?.find((one) => one.natureza !== undefined)
  if (known === undefined) {
    const name = `MED${received.txid}`
    const made = state.bank.giveBack(received, name, valor ?? received.valor, status, natureza)
    if (made === "too much") return problem(response, 400, "PixDevolucaoInvalida", id)
  }
  const now = known === undefined ? state.bank.pix(id)! : state.bank.settle(id, known.id, status)
  json(response, 200, now)
  await tell(state, now)
}

/**
 * The receiver gives back at the bank's own counter, without the API; or (by an `id` that is known) the
 * bank says of a return what it did not say before.
 */
const atCounter = async (state: State, response: ServerResponse, pix: string, text: string) => {
  const received = state.bank.pix(pix)
  if (received === undefined) return problem(response, 404, "NaoEncontrado", pix)
  const { devolucoes = [], valor: whole } = received
  const { id = `COUNTER${devolucoes.length}`, status = "DEVOLVIDO", valor = whole } = JSON.parse(
    text || "{}"
  ) as Partial<Pick<Return, "id" | "status" | "valor">>
  const isKnown = devolucoes.some((one) => one.id === id)
  const made = isKnown ? undefined : state.bank.giveBack(received, id, valor, status)
  if (made === "too much") return problem(response, 400, "PixDevolucaoInvalida", pix)
  const now = isKnown ? state.bank.settle(pix, id, status) : state.bank.pix(pix)!
  json(response, 200, now)
  await tell(state, now)
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

const readText = async (request: IncomingMessage): Promise<string> => {
  const chunks: Array<Uint8Array> = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Uint8Array>) {
    bytes += chunk.length
    if (bytes > BODY_BYTES_MAX) throw new Error("o corpo é grande demais")
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString("utf8")
}

const json = (response: ServerResponse, status: number, body: unknown, type = "json") => {
  // What fails after its answer (a bank that was closed meanwhile) is told nobody.
  if (response.destroyed || response.headersSent) return
  response.writeHead(status, { "content-type": `application/${type}` })
  response.end(body === undefined ? "" : JSON.stringify(body))
}

const problem = (response: ServerResponse, status: number, kind: string, detail: string) =>
  json(
    response,
    status,
    { type: `https://pix.bcb.gov.br/api/v2/error/${kind}`, title: kind, status, detail },
    "problem+json"
  )
