import { randomBytes } from "node:crypto"
import * as fs from "node:fs"
import { join } from "node:path"
import { Schema } from "effect"
import { ConfiguredGateway, type Secret } from "../../actors/gateway/configuration.ts"
import type { Gateway } from "../../actors/gateway/port.ts"
import { stripe } from "../../actors/gateway/stripe.ts"
import { simulator } from "../../actors/gateway/simulator.ts"
import { defaultTerms } from "../../actors/payments/terms.ts"
import { GivenRouting } from "../../streams/messages/routing.ts"
import { type SimulatorThread, startSimulatorThread } from "../simulators/start.ts"
import { StackError } from "../stack/stack.ts"
import type { Environment } from "./environment.ts"
import { readConfigured } from "./configuredFile.ts"
import { openOwnPix, openPix, type OwnBank, registerWebhook, simulatedPix } from "./pixGateway.ts"

/** Which gateways there are and which payments go where: `LASTRO_GATEWAYS_FILE`. */
export const GatewaysFile = Schema.Struct({
  gateways: Schema.NonEmptyArray(ConfiguredGateway),
  routing: GivenRouting
})
export type GatewaysFile = typeof GatewaysFile.Type

/** One simulated gateway takes everything, until a file says otherwise: our own, or one that runs already. */
const defaultGateways = (url: string | undefined): GatewaysFile => {
  if (url !== undefined && !URL.canParse(url)) {
    throw new StackError(`LASTRO_SIMULATOR_URL is no URL: ${url}.`)
  }
  const base = url?.replace(/\/$/, "")
  return {
    gateways: [
      { name: "simulator", kind: "simulator", ...(base !== undefined && { url: base }) },
      { name: "pix", kind: "pix", ...(base !== undefined && { simulator_url: `${base}/pix` }) }
    ],
    routing: defaultTerms.routing!
  }
}

/** After this long the simulator's "never heard of it" is final. */
const FINALITY_MILLIS = 30_000

/** The file named by the environment, checked; the default where none is named. */
export const configuredGateways = (environment: Environment): GatewaysFile => {
  const file = environment["LASTRO_GATEWAYS_FILE"]
  if (file === undefined || file === "") {
    return defaultGateways(environment["LASTRO_SIMULATOR_URL"])
  }
  return readConfigured("LASTRO_GATEWAYS_FILE", file, GatewaysFile, problemsOf)
}

/** What several workers call must be the same for all of them: none may have a simulator of its own. */
export const sharedGateways = (environment: Environment): GatewaysFile => {
  const configured = configuredGateways(environment)
  const own = configured.gateways.find((one) =>
    one.kind !== "stripe" && one.url === undefined &&
    !(one.kind === "pix" && one.simulator_url !== undefined)
  )
  if (own === undefined) return configured
  throw new StackError(
    `the gateway ${own.name} has no address: set LASTRO_SIMULATOR_URL (lastro simulator starts one) ` +
      "or its url in LASTRO_GATEWAYS_FILE, or leave the actor gateway out with --actors."
  )
}

/** What the schema cannot tell: names that point nowhere. */
const problemsOf = ({ gateways, routing }: GatewaysFile): ReadonlyArray<string> => {
  const names = gateways.map(({ name }) => name)
  const strangers = (where: string, named: ReadonlyArray<string>) =>
    named.filter((name) => !names.includes(name))
      .map((name) => `${where} names ${name}, which is none of its gateways`)
  const ofRules = routing.rules.flatMap(({ fallback = [], name: rule, to }) => {
    const chain = [...to.map(({ gateway }) => gateway), ...fallback]
    return [
      ...strangers(`has a rule ${rule} that`, chain),
      ...twice(chain).map((name) => `has a rule ${rule} that names ${name} twice`)
    ]
  })
  const payouts = (routing.payouts ?? []).map(({ gateway }) => gateway)
  return [
    ...twice(names).map((name) => `names the gateway ${name} twice`),
    ...ofRules,
    ...strangers("has costs that", Object.keys(routing.costs ?? {})),
    ...strangers("pays out by a line that", payouts)
  ]
}

const twice = (names: ReadonlyArray<string>): ReadonlyArray<string> =>
  names.filter((name, nth) => names.indexOf(name) < nth)

export interface OwnSimulator extends SimulatorThread {
  readonly webhookSecret: string
}

/** Tells the simulators started here where their news goes, once there is an edge. */
export const hookUp = async (
  { banks, simulators }: Pick<RunningGateways, "banks" | "simulators">,
  edgeUrl: string
): Promise<void> => {
  for (const [name, bank] of banks) {
    await registerWebhook(bank, `${edgeUrl}/v1/gateways/${name}/webhooks`)
  }
  for (const [name, { url, webhookSecret: secret }] of simulators) {
    await fetch(`${url}/control`, {
      method: "POST",
      body: JSON.stringify({
        webhooks: { url: `${edgeUrl}/v1/gateways/${name}/webhooks`, secret }
      })
    }).then((answer) => answer.body?.cancel())
  }
}

interface RunningGateways {
  readonly gateways: ReadonlyArray<Gateway>
  /** Those started here, by name. */
  readonly simulators: ReadonlyMap<string, OwnSimulator>
  readonly banks: ReadonlyMap<string, OwnBank>
  readonly stop: () => Promise<void>
}

interface OpenOptions {
  readonly dataDir: string
  readonly environment: Environment
  readonly finalityMillis?: number
}

/** Adapters for every configured gateway; simulators without an address are started here. */
export const openGateways = async (
  { gateways }: GatewaysFile,
  options: OpenOptions
): Promise<RunningGateways> => {
  const simulators = new Map<string, OwnSimulator>()
  const banks = new Map<string, OwnBank>()
  const stop = async () => {
    for (const { stop } of [...simulators.values(), ...banks.values()]) await stop()
  }
  try {
    const opened: Array<Gateway> = []
    for (const one of gateways) {
      const adapter = await open(one, options, { simulators, banks })
      opened.push({
        ...adapter,
        ...(one.rate_per_second !== undefined && { ratePerSecond: one.rate_per_second })
      })
    }
    return { gateways: opened, simulators, banks, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

const open = async (
  one: ConfiguredGateway,
  { dataDir, environment, finalityMillis }: OpenOptions,
  own: { readonly simulators: Map<string, OwnSimulator>; readonly banks: Map<string, OwnBank> }
): Promise<Gateway> => {
  const { name } = one
  const secret = (of: Secret) => secretOf(of, name, environment)
  const webhookSecret = one.webhook_secret && secret(one.webhook_secret)
  switch (one.kind) {
    case "simulator": {
      const finality = finalityMillis ?? FINALITY_MILLIS
      if (one.url !== undefined) return simulator(one.url, finality, name, webhookSecret)
      const thread = await startSimulatorThread(join(dataDir, `${name}.db`))
      const ownSecret = webhookSecret ?? `whsec_${randomBytes(24).toString("base64")}`
      own.simulators.set(name, { ...thread, webhookSecret: ownSecret })
      return simulator(thread.url, finality, name, ownSecret)
    }
    case "pix": {
      if (one.url !== undefined) return openPix(one, one.url, secret)
      if (one.simulator_url !== undefined) {
        return simulatedPix(one, one.simulator_url, webhookSecret)
      }
      const { bank, gateway } = await openOwnPix(one, dataDir)
      own.banks.set(name, bank)
      return gateway
    }
    case "stripe":
      return stripe({
        name,
        apiKey: secret(one.api_key),
        ...(one.url !== undefined && { url: one.url }),
        ...(one.return_url !== undefined && { returnUrl: one.return_url }),
        ...(webhookSecret !== undefined && { webhookSecret })
      })
  }
}

const secretOf = (secret: Secret, gateway: string, environment: Environment): string => {
  const [place, text] = "env" in secret
    ? [`the variable ${secret.env}`, environment[secret.env]]
    : [`the file ${secret.file}`, readText(secret.file)]
  const value = text?.trim() ?? ""
  if (value === "") throw new StackError(`the gateway ${gateway} needs ${place}, which is empty.`)
  return value
}

const readText = (file: string): string | undefined => {
  try {
    return fs.readFileSync(file, "utf8")
  } catch {
    return undefined
  }
}
