import { Effect, Schema } from "effect"
import { formatMinorUnits } from "../../src/domain/currency.ts"
import type { Call, Outcome } from "../../streams/messages/gateway.ts"
import { pixApi, type PixConnection } from "./pixApi.ts"
import {
  chargeOf,
  Cob,
  KINDS,
  outcomeOfCob,
  outcomeOfRemoval,
  pathOf,
  txidOf
} from "./pixCharge.ts"
import { Devolucao, devolucaoIdOf, outcomeOfMed, outcomeOfReturn } from "./pixReturn.ts"
import { readPixWebhook } from "./pixWebhook.ts"
import { type AskedAbout, type Gateway, GatewayUnclear, GatewayUnreachable } from "./port.ts"

interface PixSettings extends PixConnection {
  readonly name: string
  /** Our key in the central bank's directory (DICT). */
  readonly key: string
  readonly receiverName: string
  readonly receiverCity: string
  readonly webhookSecret?: string
}

const FINALITY_MILLIS = 60_000

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

type Request = ReturnType<typeof pixApi>

/**
 * A receiving bank by the central bank's Pix API: charges (cob, cobv) and returns (devolução). What is
 * done with each of its operations and states stands in `docs/pix.md`.
 */
export const pix = (settings: PixSettings): Gateway => {
  const request = pixApi(settings)
  const outcomeOf = outcomeOfCob(settings)

  const charge = Effect.fnUntraced(function* (call: typeof Call.Type) {
    const refused = notForPix(call)
    if (refused !== undefined) return refused
    const path = pathOf(call)
    const { body, status } = yield* request("PUT", path, chargeOf(settings.key, call)).pipe(
      // Nobody can pay what nobody was shown: a charge without an answer moved nothing.
      Effect.catchTag(
        "GatewayUnclear",
        ({ detail }) => Effect.fail(new GatewayUnreachable({ detail }))
      )
    )
    if (status === 201 || status === 200) return outcomeOf(yield* readCob(body), call)
    // Banks refuse the same charge a second time: what they have under this txid is ours.
    const known = yield* request("GET", path)
    if (known.status === 200) return outcomeOf(yield* readCob(known.body), call)
    return notProcessed("pix_refused", problemOf(body, status))
  })

  return {
    name: settings.name,
    finalityMillis: FINALITY_MILLIS,
    inquire: inquiries(request, outcomeOf),
    perform: (call) => {
      const made: Effect.Effect<Outcome, GatewayUnclear | GatewayUnreachable> =
        call.operation === "charge"
          ? charge(call)
          : call.operation === "void"
          ? remove(request, call)
          : call.operation === "refund"
          ? giveBack(request, call)
          : Effect.succeed(notPossible(`Pix knows no ${call.operation}`))
      return Effect.map(made, (outcome) => ({ outcome, times: 1 }))
    },
    ...(settings.webhookSecret !== undefined && {
      readWebhook: readPixWebhook(settings.webhookSecret)
    })
  }
}

/** Takes a charge back that nobody has paid. Who paid meanwhile has paid: the bank's word decides. */
const remove = Effect.fnUntraced(function* (request: Request, call: typeof Call.Type) {
  for (const kind of KINDS) {
    const path = `/${kind}/${call.charge_id}`
    const { body, status } = yield* request("PATCH", path, {
      status: "REMOVIDA_PELO_USUARIO_RECEBEDOR"
    })
    if (status === 404) continue
    if (status === 200) {
      const outcome = outcomeOfRemoval(yield* readCob(body), call)
      if (outcome !== undefined) return outcome
    }
    const known = yield* request("GET", path)
    const outcome = known.status === 200 && outcomeOfRemoval(yield* readCob(known.body), call)
    return outcome || notProcessed("pix_removal_refused", problemOf(body, status))
  }
  return notProcessed("pix_removal_refused", "the bank knows no such charge")
})

const giveBack = Effect.fnUntraced(function* (request: Request, call: typeof Call.Type) {
  const path = `/pix/${call.charge_id}/devolucao/${devolucaoIdOf(call.attempt)}`
  const valor = formatMinorUnits(call.amount, call.currency)
  const { body, status } = yield* request("PUT", path, { valor })
  if (status === 201 || status === 200) return outcomeOfReturn(yield* readDevolucao(body), call)
  const known = yield* request("GET", path)
  if (known.status === 200) return outcomeOfReturn(yield* readDevolucao(known.body), call)
  // It says nothing of an earlier try, which the bank may not show yet.
  return notProcessed("pix_return_refused", problemOf(body, status))
})

const inquiries = (
  request: Request,
  outcomeOf: ReturnType<typeof outcomeOfCob>
): Gateway["inquire"] => {
  const returned = Effect.fnUntraced(function* (charge_id: string | undefined, id: string) {
    const { body, status } = yield* request("GET", `/pix/${charge_id}/devolucao/${id}`)
    if (status === 404) return undefined
    if (status !== 200) return yield* new GatewayUnclear({ detail: problemOf(body, status) })
    return yield* readDevolucao(body)
  })
  const charged = Effect.fnUntraced(function* (txid: string) {
    for (const kind of KINDS) {
      const { body, status } = yield* request("GET", `/${kind}/${txid}`)
      if (status === 200) return yield* readCob(body)
      if (status !== 404) return yield* new GatewayUnclear({ detail: problemOf(body, status) })
    }
    return undefined
  })

  return Effect.fnUntraced(function* (asked: AskedAbout) {
    const { attempt, charge_id = "", dispute_id = "", operation } = asked
    switch (operation) {
      case "refund": {
        const { refund_id = devolucaoIdOf(attempt) } = asked
        const found = yield* returned(charge_id, refund_id)
        return found && outcomeOfReturn(found, asked)
      }
      case "dispute": {
        const found = yield* returned(charge_id, dispute_id)
        return found && outcomeOfMed(found, dispute_id, asked.currency)
      }
      case "void": {
        const found = yield* charged(charge_id)
        return found && outcomeOfRemoval(found, asked)
      }
      case "charge": {
        const found = yield* charged(txidOf(attempt))
        return found && outcomeOf(found, asked)
      }
      default:
        return undefined
    }
  })
}

const notForPix = ({ capture, currency }: typeof Call.Type): Outcome | undefined => {
  if (currency !== "BRL") return notProcessed("pix_not_possible", "Pix moves BRL only")
  return capture === true
    ? undefined
    : notProcessed("pix_not_possible", "Pix takes the money at once: there is no hold")
}

const notProcessed = (code: string, detail: string): Outcome => ({
  _tag: "NotProcessed",
  code,
  detail
})

const notPossible = (detail: string): Outcome => ({
  _tag: "Declined",
  code: "pix_not_possible",
  detail,
  soft: false
})

/** Of a problem (RFC 7807) what a person needs: never the values it quotes. */
const problemOf = (body: unknown, status: number): string => {
  const { title, violacoes } = (body ?? {}) as {
    title?: string
    violacoes?: ReadonlyArray<{ propriedade?: string; razao?: string }>
  }
  const where = violacoes?.map(({ propriedade, razao }) => `${propriedade}: ${razao}`).join("; ")
  return [`answered ${status}`, title, where].filter((part) => part).join(", ").slice(0, 300)
}
