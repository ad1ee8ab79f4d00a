import { join } from "node:path"
import type { CliCommand } from "../house/command.ts"
import type { Environment } from "../house/environment.ts"
import { untilStopped } from "../house/untilStopped.ts"
import { dataDirOf, keptKey, type LastroSettings, portOf, startLastro } from "../house/lastro.ts"
import { takesNothing } from "../house/usage.ts"
import type { Stack, StackError } from "../stack/stack.ts"
import { merchantScopes, operatorScopes } from "../domain/scope.ts"

const usage = `Usage: deno task start

Starts everything in one process and prints where it is, an API key and a first payment.

  LASTRO_DATA_DIR     where data lies (default .lastro)
  LASTRO_PORT         port of the API (default 8787)
  LASTRO_HOST         address it listens on (default 127.0.0.1)
  LASTRO_PUBLIC_URL   the API's address as callers know it (docs/access.md)
  LASTRO_PARTITIONS   how many each mailbox has, 1 to 64, fixed from the first start on (default 4)
  LASTRO_STREAMS_GIB  what streams may take of the disk (default 265)
  LASTRO_NATS_URL     with DATABASE_URL: use these servers instead of our own
  LASTRO_STACK=containers   servers in containers instead of children of this process (docs/containers.md)
  LASTRO_TERMS_FILE       fees, payouts, authorizations, rates (docs/payments.md, docs/fx.md)
  LASTRO_GATEWAYS_FILE    gateways and routing (docs/gateways.md); default: a simulator
  LASTRO_ALLOW_PRIVATE_WEBHOOKS=1   development only: webhooks to private addresses
  OTEL_EXPORTER_OTLP_ENDPOINT       where traces go`

export const start: CliCommand = {
  summary: "Start everything here: servers, actors, edge",
  usage,
  serves: true,
  run: async (args, environment) => {
    takesNothing(args)
    return await runAll(environment, {})
  }
}

const EXIT_GIVEN_UP = 1
/** What can still be finished without a server has this long. */
const END_MILLIS = 10_000

/** What ends it although nobody asked for that. */
const givenUpBy = ({ kept = [], lost }: Stack): ReadonlyArray<Promise<StackError>> => [
  ...kept.map(({ givenUp }) => givenUp),
  ...lost === undefined ? [] : [lost]
]

/** Everything in one process, until it is told to stop, or its servers or their folder cannot be kept. */
export const runAll = async (
  environment: Environment,
  settings: Pick<LastroSettings, "stack" | "log">
): Promise<number> => {
  const stopAsked = untilStopped()
  const dataDir = dataDirOf(environment)
  const lastro = await startLastro({
    dataDir,
    port: portOf(environment),
    environment,
    progress: (line) => console.log(`  ${line}`),
    allowPrivateWebhooks: environment["LASTRO_ALLOW_PRIVATE_WEBHOOKS"] === "1",
    ...settings
  })
  const { databaseUrl, natsUrls } = lastro.stack
  const key = await keptKey(databaseUrl, join(dataDir, "acme.key"), {
    name: "acme",
    merchant: "acme",
    scopes: merchantScopes
  })
  const operator = await keptKey(databaseUrl, join(dataDir, "operator.key"), {
    name: "operator",
    merchant: "",
    scopes: operatorScopes
  })
  const { url } = lastro.edge
  const simulated = [...lastro.simulators, ...lastro.banks].map(([name, { url }]) =>
    `${name} ${url}`
  ).join(", ")
  console.log(`
Lastro runs.

  API             ${url}   (reference: ${url}/docs)
  operator page   ${url}/   (sign in with the operator key)
  NATS            ${natsUrls.join(", ")}   (passwords: ${join(dataDir, "nats", "passwords.json")})
  PostgreSQL      ${databaseUrl.replace(/:[^:@/]+@/, ":…@").replace(/\?host=.*/, "")}
  gateways        ${simulated || "none is simulated"}   (simulators move no real money)
  logs            ${join(dataDir, "lastro.log")}

  key of acme     ${key}
  operator key    ${operator}

A first payment:

  curl -s ${url}/v1/payments -H 'Authorization: Bearer ${key}' \\
    -H "Idempotency-Key: $(date +%s%N)" -H 'Prefer: wait=5' -H 'Content-Type: application/json' \\
    -d '{"amount": 10000, "currency": "BRL", "payment_method": {"type": "card", "token": "tok_approved"}}'

Ctrl-C stops it.`)
  const givenUp = await Promise.race([stopAsked, ...givenUpBy(lastro.stack)])
  if (givenUp === undefined) {
    console.log("\nStopping: workers finish what they are doing …")
    await lastro.stop()
    return 0
  }
  console.error(`lastro: ${givenUp.message}`)
  // Who waits for the server that is gone waits in vain.
  await Promise.race([lastro.stop(), new Promise((resolve) => setTimeout(resolve, END_MILLIS))])
  await lastro.stack.stop()
  return EXIT_GIVEN_UP
}
