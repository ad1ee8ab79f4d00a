import { timingSafeEqual } from "node:crypto"
import { Effect, Schema } from "effect"
import { Currency, parseMinorUnits } from "../../src/domain/currency.ts"
import { millisOf } from "../../src/domain/moment.ts"
import { paymentOfTxid } from "./pixCharge.ts"
import { Devolucao, isMed } from "./pixReturn.ts"
import { type Gateway, type Notice, WebhookRefused } from "./port.ts"

/** Pix moves nothing else. */
const BRL = Currency.make("BRL")
const { id, natureza, status } = Devolucao.fields
const News = Schema.Struct({
  pix: Schema.Array(Schema.Struct({
    endToEndId: Schema.optionalKey(Schema.String),
    valor: Schema.optionalKey(Schema.String),
    horario: Schema.optionalKey(Schema.String),
    txid: Schema.optionalKey(Schema.String),
    devolucoes: Schema.optionalKey(Schema.Array(Schema.Struct({ id, natureza, status })))
  }))
})

/**
 * Banks sign nothing. Who speaks is known by the client certificate at the proxy, and by the secret
 * that the registered address carries.
 */
export const readPixWebhook = (secret: string): NonNullable<Gateway["readWebhook"]> => {
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

type Told = (typeof News.Type)["pix"][number]

/** Somebody paid to our key without a charge of ours: by a code of another program, or none. */
const strayOf = ({ endToEndId, horario = "", valor = "" }: Told): ReadonlyArray<Notice> => {
  const amount = parseMinorUnits(valor, BRL)
  const at = millisOf(horario)
  return endToEndId === undefined || amount === undefined || at === undefined
    ? []
    : [{ stray: { kind: "charge", charge_id: endToEndId, amount, currency: BRL, at } }]
}

const noticesOf = (told: Told): ReadonlyArray<Notice> => {
  const { devolucoes = [], endToEndId, txid = "" } = told
  const known = paymentOfTxid(txid)
  if (known === undefined) return strayOf(told)
  const { payment_id } = known
  const paid = endToEndId !== undefined && { charge_id: endToEndId }
  return [
    { ...known, says: "made", ...paid },
    ...devolucoes.map(({ id, natureza, status }): Notice =>
      isMed(natureza) ? { payment_id, dispute_id: id } : {
        payment_id,
        attempt: `${payment_id}.refund.ref_${id}`,
        refund_id: id,
        ...paid,
        says: status === "DEVOLVIDO" ? "made" : status === "NAO_REALIZADO" ? "not_made" : "pending"
      }
    )
  ]
}
