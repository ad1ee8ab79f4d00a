import { PARTITIONS } from "../../streams/mailboxes.ts"
import type { Gateway } from "../../actors/gateway/port.ts"
import { Effect, Layer, ManagedRuntime } from "effect"
import { Commands } from "../bus/commands.ts"
import { Nats } from "../bus/connection.ts"
import { edgeApp } from "../edge/app.ts"
import { Callers } from "../edge/access/callers.ts"
import { Company, companyOf, type CompanySettings } from "../edge/access/company.ts"
import { Tokens } from "../edge/access/tokens.ts"
import { AccessChanges } from "../edge/access/changes.ts"
import { Claims } from "../edge/claims.ts"
import { EventStreams } from "../edge/eventStreams.ts"
import { type GuardSettings, openDoor } from "../edge/guards/chain.ts"
import { listen } from "../edge/listen.ts"
import { accessRoutes } from "../edge/routes/access.ts"
import { accountRoutes } from "../edge/routes/accounts.ts"
import { doctorRoutes, type Examine } from "../edge/routes/doctor.ts"
import { deadLetterRoutes } from "../edge/routes/deadLetters.ts"
import { actionLogRoutes } from "../edge/routes/actionLog.ts"
import { auditRoutes } from "../edge/routes/audit.ts"
import { eventRoutes } from "../edge/routes/events.ts"
import { fxRoutes } from "../edge/routes/fx.ts"
import { gatewayWebhookRoutes } from "../edge/routes/gatewayWebhooks.ts"
import { journalRoutes } from "../edge/routes/journal.ts"
import { ledgerRoutes } from "../edge/routes/ledger.ts"
import { familyRoutes } from "../edge/routes/families.ts"
import { operationRoutes } from "../edge/routes/operations.ts"
import { disputeRoutes } from "../edge/routes/disputes.ts"
import { payoutRoutes } from "../edge/routes/payouts.ts"
import { paymentRoutes } from "../edge/routes/payments.ts"
import { qrCodeRoutes } from "../edge/routes/qrCode.ts"
import { pageRoutes } from "../edge/routes/page.ts"
import { probeRoutes } from "../edge/routes/probes.ts"
import { reconciliationRoutes } from "../edge/routes/reconciliation.ts"
import { reviewRoutes } from "../edge/routes/reviews.ts"
import { settlementRoutes } from "../edge/routes/settlement.ts"
import { traceRoutes } from "../edge/routes/trace.ts"
import { consentRoutes } from "../edge/routes/consent.ts"
import { oauthRoutes } from "../edge/routes/oauth.ts"
import { signInRoutes } from "../edge/routes/signIn.ts"
import { transferRoutes } from "../edge/routes/transfers.ts"
import { webhookRoutes } from "../edge/routes/webhooks.ts"
import { type Health, healthOf } from "../proof/health/health.ts"
import type { Stack } from "../stack/stack.ts"
import { Database } from "../store/database.ts"
import { jsonLogs, type LogSink } from "../telemetry/logs.ts"
import { examineStack } from "./examination.ts"
import { edgeProbes, healthSources } from "./healthSources.ts"

export interface EdgeSettings {
  readonly port: number
  /** 127.0.0.1 by default. */
  readonly host?: string
  /** As callers know it, which tokens name; where it listens by default. */
  readonly publicUrl?: string | undefined
  /** The OpenID provider at which people sign in; without one they do with a key. */
  readonly company?: CompanySettings | undefined
  readonly log: LogSink
  readonly requestsPerSecond?: number
  /** Who is let in at all; everybody by default. */
  readonly guards?: GuardSettings
  readonly allowPrivateWebhooks: boolean
  /** Those whose webhooks are taken. */
  readonly gateways?: ReadonlyArray<Gateway>
}

export interface RunningEdge {
  readonly url: string
  readonly stop: () => Promise<void>
}

/** A key may ask this often; beyond it the answer is 429. */
const REQUESTS_PER_SECOND = 2_000
const EDGE_CONNECTIONS_MAX = 12

/** Every route of the edge, as data: what serves is what the OpenAPI document describes. */
export const edgeRoutes = (
  settings: Pick<EdgeSettings, "allowPrivateWebhooks" | "gateways">,
  examine: Examine = () => Promise.reject(new Error("these routes only describe themselves")),
  health: Health = Effect.succeed([])
) => [
  ...paymentRoutes,
  ...qrCodeRoutes,
  ...disputeRoutes,
  ...payoutRoutes,
  ...traceRoutes,
  ...accessRoutes,
  ...accountRoutes,
  ...transferRoutes,
  ...fxRoutes,
  ...ledgerRoutes,
  ...journalRoutes,
  ...auditRoutes,
  ...actionLogRoutes,
  ...webhookRoutes({ allowPrivateAddresses: settings.allowPrivateWebhooks }),
  ...gatewayWebhookRoutes(settings.gateways ?? []),
  ...settlementRoutes,
  ...reconciliationRoutes,
  ...eventRoutes,
  ...reviewRoutes,
  ...signInRoutes,
  ...oauthRoutes,
  ...consentRoutes,
  ...operationRoutes(health),
  ...familyRoutes,
  ...deadLetterRoutes,
  ...doctorRoutes(examine),
  ...probeRoutes(health),
  ...pageRoutes
]

export const startEdge = async (stack: Stack, settings: EdgeSettings): Promise<RunningEdge> => {
  const { password, user } = stack.nats.edge
  let address = settings.publicUrl ?? ""
  const nats = Nats.layerOf({ urls: stack.natsUrls, user, password, name: "lastro-edge" })
  const database = Database.layerOf(stack.databaseUrl, EDGE_CONNECTIONS_MAX)
  const runtime = ManagedRuntime.make(
    Layer.mergeAll(
      Commands.layerOf(PARTITIONS).pipe(Layer.provideMerge(nats)),
      Layer.mergeAll(
        Claims.layer,
        Layer.succeed(Company, settings.company && companyOf(settings.company)),
        EventStreams.layer,
        Callers.layer.pipe(Layer.provideMerge(Tokens.layerOf(() => address)))
      ).pipe(
        Layer.provide(AccessChanges.layer),
        Layer.provideMerge(Layer.mergeAll(database, nats))
      )
    ).pipe(Layer.provideMerge(jsonLogs(settings.log)))
  )
  const services = await runtime.context()
  const app = edgeApp({
    services,
    routes: edgeRoutes(
      settings,
      () => examineStack(stack),
      healthOf(healthSources(stack, edgeProbes))
    ),
    requestsPerSecond: settings.requestsPerSecond ?? REQUESTS_PER_SECOND,
    guards: settings.guards ?? openDoor
  })
  const { close, url } = await listen(app.fetch, settings.port, settings.host ?? "127.0.0.1").catch(
    async (error) => {
      await runtime.dispose()
      throw error
    }
  )
  address ||= url
  return {
    url,
    stop: async () => {
      await close()
      await runtime.dispose()
    }
  }
}
