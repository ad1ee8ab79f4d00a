import { timingSafeEqual } from "node:crypto"
import { Effect, Schema } from "effect"
import { endInBrazil } from "../../src/domain/day.ts"
import { dynamicBrCode } from "../../src/domain/brCode.ts"
import { formatMinorUnits, parseMinorUnits } from "../../src/domain/currency.ts"
import { millisOf } from "../../src/domain/moment.ts"
import { isCnpj } from "../../src/domain/taxId.ts"
import type { Call, Outcome } from "../../streams/messages/gateway.ts"
import { pixApi, type PixConnection } from "./pixApi.ts"
import {
  type AskedAbout,
  type Gateway,
  GatewayUnclear,
  GatewayUnreachable,
  type Notice,
  WebhookRefused
} from "./port.ts"

export interface PixSettings extends PixConnection {
  readonly name: string
  /** Our key in the central bank's directory (DICT). */
  readonly key: string
  readonly receiverName: string
  readonly receiverCity: string
  readonly webhookSecret?: string
}

/** A charge that is not paid by then cannot be paid any more. */
const EXPIRES_SECONDS = 3_600
/** Clocks differ, and a payment of the last moment is told a little later. */
const GRACE_MILLIS = 60_000
const FINALITY_MILLIS = 60_000

const Received = Schema.Struct({ endToEndId: Schema.String, valor: Schema.String })
const Cob = Schema.Struct({
  status: Schema.String,
  calendario: Schema.Struct({
    criacao: Schema.String,
    expiracao: Schema.optionalKey(Schema.Finite),
    dataDeVencimento: Schema.optionalKey(Schema.String),
    validadeAposVencimento: Schema.optionalKey(Schema.Finite)
  }),
  location: Schema.optionalKey(Schema.String),
  loc: Schema.optionalKey(Schema.Struct({ location: Schema.optionalKey(Schema.String) })),
  pixCopiaECola: Schema.optionalKey(Schema.String),
  pix: Schema.optionalKey(Schema.Array(Received))
})
/** Who began a return: the receiver (ORIGINAL where left out), or a bank by the special mechanism (MED). */
const Natureza = Schema.optionalKey(Schema.String)
const Devolucao = Schema.Struct({
  status: Schema.String,
  valor: Schema.String,
  natureza: Natureza
})
const News = Schema.Struct({
  pix: Schema.Array(Schema.Struct({
    txid: Schema.optionalKey(Schema.String),
    devolucoes: Schema.optionalKey(Schema.Array(Schema.Struct({
      id: Schema.String,
      status: Schema.String,
      natureza: Natureza
    })))
  }))
})

const decode = <A>(schema: Schema.Codec<A, unknown>) => {
  const run = Schema.decodeUnknownEffect(schema)
  return (body: unknown) =>
    run(body).pipe(
      Effect.mapError(({ message }) =>
        new GatewayUnclear({ detail: `unreadable answer: ${message}` })
      )
    )
}
const readCob = decode(Cob)
const readDevolucao = decode(Devolucao)

/**
 * `pay_<26>.charge.<n>` as a txid of 28 letters and digits, and back: what comes from the bank names
 * the payment by it.
 */
export const txidOf = (attempt: string): string => {
  const match = /^pay_([0-9a-z]{26})\.charge\.(\d{1,2})$/.exec(attempt)
  if (match === null) throw new Error(`${attempt} is no charge`)
  return match[1]! + match[2]!.padStart(2, "0")
}
const paymentOfTxid = (txid: string) => {
  const match = /^([0-9a-z]{26})(\d{2})$/.exec(txid)
  return match === null
    ? undefined
    : { payment_id: `pay_${match[1]}`, attempt: `pay_${match[1]}.charge.${Number(match[2])}` }
}
const devolucaoIdOf = (attempt: string): string =>
  attempt.slice(attempt.lastIndexOf("ref_") + "ref_".length)

/** A receiving bank by the central bank's Pix API: charges (cob, cobv) and returns (devolução). */
export const pix = (settings: PixSettings): Gateway => {
  const request = pixApi(settings)
  const outcomeOfCob = outcomes(settings)

  const charge = Effect.fnUntraced(function* (call: typeof Call.Type) {
    const refused = notForPix(call)
    if (refused !== undefined) return refused
    const path = pathOf(call)
    const { body, status } = yield* request("PUT", path, chargeOf(settings, call)).pipe(
      // Nobody can pay what nobody was shown: a charge without an answer moved nothing.
      Effect.catchTag(
        "GatewayUnclear",
        ({ detail }) => Effect.fail(new GatewayUnreachable({ detail }))
      )
    )
    if (status === 201 || status === 200) return outcomeOfCob(yield* readCob(body), call)
    // Banks refuse the same charge a second time: what they have under this txid is ours.
    const known = yield* request("GET", path)
    if (known.status === 200) return outcomeOfCob(yield* readCob(known.body), call)
    const detail = problemOf(body, status)
    return { _tag: "NotProcessed", code: "pix_refused", detail } satisfies Outcome
  })

  const refund = Effect.fnUntraced(function* (call: typeof Call.Type) {
    const path = `/pix/${call.charge_id}/devolucao/${devolucaoIdOf(call.attempt)}`
    const valor = formatMinorUnits(call.amount, call.currency)
    const { body, status } = yield* request("PUT", path, { valor })
    if (status === 201 || status === 200) return outcomeOfReturn(yield* readDevolucao(body), call)
    const known = yield* request("GET", path)
    if (known.status === 200) return outcomeOfReturn(yield* readDevolucao(known.body), call)
    // It says nothing of an earlier try, which the bank may not show yet.
    const detail = problemOf(body, status)
    return { _tag: "NotProcessed", code: "pix_return_refused", detail } satisfies Outcome
  })

  return {
    name: settings.name,
    finalityMillis: FINALITY_MILLIS,
    inquire: inquiries(request, outcomeOfCob),
    perform: (call) => {
      const made: Effect.Effect<Outcome, GatewayUnclear | GatewayUnreachable> =
        call.operation === "charge"
          ? charge(call)
          : call.operation === "refund"
          ? refund(call)
          : Effect.succeed(declined("pix_not_possible", `Pix knows no ${call.operation}`))
      return Effect.map(made, (outcome) => ({ outcome, times: 1 }))
    },
    ...(settings.webhookSecret !== undefined && {
      readWebhook: readWebhook(settings.webhookSecret)
    })
  }
}

const inquiries = (
  request: ReturnType<typeof pixApi>,
  outcomeOfCob: ReturnType<typeof outcomes>
): Gateway["inquire"] => {
  const returned = Effect.fnUntraced(function* (charge_id: string | undefined, id: string) {
    const { body, status } = yield* request("GET", `/pix/${charge_id}/devolucao/${id}`)
    if (status === 404) return undefined
    if (status !== 200) return yield* new GatewayUnclear({ detail: problemOf(body, status) })
    return yield* readDevolucao(body)
  })

  return Effect.fnUntraced(function* (asked: AskedAbout) {
    const { attempt, charge_id, dispute_id = "", operation } = asked
    if (operation === "refund") {
      const found = yield* returned(charge_id, devolucaoIdOf(attempt))
      return found && outcomeOfReturn(found, asked)
    }
    if (operation === "dispute") {
      const found = yield* returned(charge_id, dispute_id)
      return found && outcomeOfMed(found, dispute_id, asked.currency)
    }
    if (operation !== "charge") return undefined
    // An inquiry does not say which of the two it was.
    for (const kind of ["cob", "cobv"]) {
      const { body, status } = yield* request("GET", `/${kind}/${txidOf(attempt)}`)
      if (status === 200) return outcomeOfCob(yield* readCob(body), asked)
      if (status !== 404) return yield* new GatewayUnclear({ detail: problemOf(body, status) })
    }
    return undefined
  })
}

const pathOf = (call: typeof Call.Type): string =>
  `/${call.pix?.due_date === undefined ? "cob" : "cobv"}/${txidOf(call.attempt)}`

const chargeOf = ({ key }: PixSettings, { amount, currency, pix }: typeof Call.Type) => ({
  calendario: pix?.due_date === undefined
    ? { expiracao: pix?.expires_in ?? EXPIRES_SECONDS }
    : { dataDeVencimento: pix.due_date, validadeAposVencimento: 0 },
  ...(pix?.payer && { devedor: debtorOf(pix.payer) }),
  valor: { original: formatMinorUnits(amount, currency) },
  chave: key
})

const debtorOf = ({ name: nome, tax_id }: { readonly name: string; readonly tax_id: string }) =>
  isCnpj(tax_id) ? { cnpj: tax_id, nome } : { cpf: tax_id, nome }

const notForPix = ({ capture, currency }: typeof Call.Type): Outcome | undefined => {
  const refused = (detail: string): Outcome => ({
    _tag: "NotProcessed",
    code: "pix_not_possible",
    detail
  })
  if (currency !== "BRL") return refused("Pix moves BRL only")
  return capture === true ? undefined : refused("Pix takes the money at once: there is no hold")
}

const declined = (code: string, detail: string): Outcome => ({
  _tag: "Declined",
  code,
  detail,
  soft: false
})

const outcomes = ({ receiverCity: city, receiverName: name }: PixSettings) =>
(
  cob: typeof Cob.Type,
  asked: Pick<AskedAbout, "attempt" | "currency" | "first_sent_at">
): Outcome => {
  const { pix: [paid] = [], status } = cob
  const charge_id = txidOf(asked.attempt)
  switch (status) {
    case "CONCLUIDA": {
      const amount = paid && parseMinorUnits(paid.valor, asked.currency)
      return paid === undefined || amount === undefined
        ? { _tag: "Unknown", detail: "the charge is paid, and by what is not told yet" }
        : { _tag: "Approved", charge_id: paid.endToEndId, captured: true, amount }
    }
    case "ATIVA": {
      const ends = endOf(cob, asked.first_sent_at ?? Date.now())
      if (ends === undefined) return declined("pix_no_due_date", "its due date is no day")
      if (Date.now() > ends + GRACE_MILLIS) {
        return declined("pix_expired", "nobody paid in time")
      }
      const location = cob.location ?? cob.loc?.location ?? ""
      return {
        _tag: "RequiresAction",
        charge_id,
        url: "",
        expires_at: new Date(ends).toISOString(),
        br_code: cob.pixCopiaECola ?? dynamicBrCode({ city, location, name })
      }
    }
    default:
      return declined("pix_removed", `the charge is ${status}`)
  }
}

const DAY_MILLIS = 86_400_000

/** No date is later. */
const LAST_MILLIS = 8_640_000_000_000_000

/** The last moment in which it can be paid; undefined where it is due on a day that never comes. */
const endOf = ({ calendario }: typeof Cob.Type, sentMillis: number): number | undefined => {
  const { criacao, dataDeVencimento, expiracao, validadeAposVencimento = 30 } = calendario
  const [from, lives] = dataDeVencimento === undefined
    // Some banks leave the zone out: then our own time is nearer than a guess of theirs.
    ? [millisOf(criacao) ?? sentMillis, (expiracao ?? EXPIRES_SECONDS) * 1_000]
    : [endInBrazil(dataDeVencimento), validadeAposVencimento * DAY_MILLIS]
  return from === undefined ? undefined : Math.min(from + lives, LAST_MILLIS)
}

/** EM_PROCESSAMENTO is neither: a later inquiry or webhook tells. */
const outcomeOfReturn = (
  { status }: typeof Devolucao.Type,
  { amount, charge_id = "" }: Pick<AskedAbout, "amount" | "charge_id">
): Outcome => {
  switch (status) {
    case "DEVOLVIDO":
      return { _tag: "Approved", charge_id, captured: true, amount }
    case "NAO_REALIZADO":
      return declined("pix_return_failed", "the payer's bank did not take the money back")
    default:
      return { _tag: "Unknown", detail: `the return is ${status}` }
  }
}

const isMed = (natureza: string | undefined): natureza is string =>
  natureza?.startsWith("MED_") === true

/**
 * A bank takes back what was paid, by the special mechanism for fraud and failures (MED). It is a
 * dispute that nobody can answer here: open while the bank works on it, lost when the money is gone.
 * Undefined where it is a return of our own.
 */
const outcomeOfMed = (
  { natureza, status, valor }: typeof Devolucao.Type,
  dispute_id: string,
  currency: string
): Outcome | undefined => {
  if (!isMed(natureza)) return undefined
  const amount = parseMinorUnits(valor, currency)
  if (amount === undefined) {
    return { _tag: "Unknown", detail: `the bank tells an impossible amount, ${valor}` }
  }
  return {
    _tag: "Disputed",
    dispute_id,
    amount,
    currency,
    fee: 0n,
    reason: natureza,
    status: status === "DEVOLVIDO" ? "lost" : status === "NAO_REALIZADO" ? "won" : "under_review"
  }
}

/** Of a problem (RFC 7807) what a person needs: never the values it quotes. */
const problemOf = (body: unknown, status: number): string => {
  const { title, violacoes } = (body ?? {}) as {
    title?: string
    violacoes?: ReadonlyArray<{ propriedade?: string; razao?: string }>
  }
  const where = violacoes?.map(({ propriedade, razao }) => `${propriedade}: ${razao}`).join("; ")
  return [`answered ${status}`, title, where].filter((part) => part).join(", ").slice(0, 300)
}

/**
 * Banks sign nothing. Who speaks is known by the client certificate at the proxy, and by the secret
 * that the registered address carries.
 */
const readWebhook = (secret: string): NonNullable<Gateway["readWebhook"]> => {
  const readNews = Schema.decodeUnknownSync(News)
  return ({ body, token = "" }) =>
    Effect.try({
      try: () => {
        const [given, wanted] = [Buffer.from(token), Buffer.from(secret)]
        if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) {
          throw new Error("the address does not carry the secret")
        }
        return readNews(JSON.parse(body)).pix.flatMap(noticesOf)
      },
      catch: (error) => new WebhookRefused({ detail: (error as Error).message })
    })
}

const noticesOf = (
  { devolucoes = [], txid = "" }: (typeof News.Type)["pix"][number]
): ReadonlyArray<Notice> => {
  const known = paymentOfTxid(txid)
  if (known === undefined) return []
  const { payment_id } = known
  return [
    { ...known, says: "made" },
    ...devolucoes.map(({ id, natureza, status }): Notice =>
      isMed(natureza) ? { payment_id, dispute_id: id } : {
        payment_id,
        attempt: `${payment_id}.refund.ref_${id}`,
        says: status === "DEVOLVIDO" ? "made" : status === "NAO_REALIZADO" ? "not_made" : "pending"
      }
    )
  ]
}
