import QRCode from "qrcode"
import type { PaymentResource } from "../../../streams/resources/payment.ts"
import type { GatewaysFile } from "../../house/gateways.ts"
import { defaultTerms } from "../../../actors/payments/terms.ts"
import type { House } from "./house.ts"
import { merchants } from "./traffic.ts"
import { rest } from "./ways.ts"

/** A currency the day's traffic does not use: its payments go to a gateway of their own first. */
const CURRENCY = "UYU"
const OUTAGE_PAYMENTS = 20
const PAID_MILLIS = 30_000

/** The default gateways, and one more that will be out of service. */
export const demoGateways: GatewaysFile = {
  gateways: [
    { name: "simulator", kind: "simulator" },
    { name: "flaky", kind: "simulator" },
    { name: "pix", kind: "pix" }
  ],
  routing: {
    rules: [
      {
        name: "outage",
        currencies: [CURRENCY as never],
        to: [{ gateway: "flaky" }],
        fallback: ["simulator"]
      },
      ...defaultTerms.routing!.rules
    ]
  }
}

interface Shown {
  readonly pix: {
    readonly br_code: string
    /** The code as a picture of characters, for the screen. */
    readonly picture: string
    readonly status: string
  }
  readonly outage: {
    readonly payments: number
    readonly captured_elsewhere: number
    /** What the gateway that was out took meanwhile: nothing. */
    readonly charged_there: number
    readonly route: ReadonlyArray<string>
  }
}

/** Two things that the day's traffic does not show: Pix with its code, and an outage with a fallback. */
export const showGateways = async (house: House): Promise<Shown> => {
  const merchant = merchants[0]!
  const create = async (name: string, body: object): Promise<PaymentResource> => {
    const answer = await fetch(`${house.lastro.edge.url}/v1/payments`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${house.keyOf(merchant)}`,
        "content-type": "application/json",
        "idempotency-key": `showcase-${name}`,
        prefer: "wait=30"
      },
      body: JSON.stringify(body)
    })
    return await answer.json()
  }
  return {
    pix: await payByPix(house, merchant, create),
    outage: await outage(house, merchant, create)
  }
}

type Create = (name: string, body: object) => Promise<PaymentResource>

const payByPix = async (house: House, merchant: string, create: Create): Promise<Shown["pix"]> => {
  const { id, next_action } = await create("pix", {
    amount: 4_990,
    currency: "BRL",
    payment_method: { type: "pix" }
  })
  const br_code = next_action?.br_code ?? ""
  const picture = br_code === ""
    ? ""
    : await QRCode.toString(br_code, { type: "utf8", errorCorrectionLevel: "L" })
  const bank = house.lastro.banks.get("pix")!.url
  await fetch(`${bank}/payer/${id.slice("pay_".length)}01`, { method: "POST" })
  const deadline = Date.now() + PAID_MILLIS
  for (;;) {
    const status = (await house.look(merchant, id))?.status ?? "not found"
    if (status === "captured" || Date.now() > deadline) return { br_code, picture, status }
    await rest(100)
  }
}

const outage = async (house: House, merchant: string, create: Create): Promise<Shown["outage"]> => {
  const flaky = house.lastro.simulators.get("flaky")!.url
  await fetch(`${flaky}/control`, { method: "POST", body: JSON.stringify({ outage: true }) })
  const made = await Promise.all(
    Array.from({ length: OUTAGE_PAYMENTS }, (_, index) =>
      create(`outage-${index}`, {
        amount: 1_000 + index,
        currency: CURRENCY,
        payment_method: { type: "card", token: "tok_approved" }
      }))
  )
  const { charges } = (await fetch(`${flaky}/book`).then((answer) => answer.json())) as {
    charges: number
  }
  const trace = await house.ask<
    { data: ReadonlyArray<{ kind: string; title: string; detail: string }> }
  >(
    `/v1/payments/${made[0]!.id}/trace?merchant=${merchant}`
  )
  return {
    payments: made.length,
    captured_elsewhere:
      made.filter(({ gateway, status }) => status === "captured" && gateway === "simulator").length,
    charged_there: charges,
    route: trace.data.filter(({ kind }) => kind === "route")
      .map(({ detail, title }) => `${title}: ${detail}`)
  }
}

export const showedAll = ({ outage, pix }: Shown): boolean =>
  pix.status === "captured" && pix.picture !== "" && outage.charged_there === 0 &&
  outage.captured_elsewhere === outage.payments
