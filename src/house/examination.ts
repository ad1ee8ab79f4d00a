import { Effect } from "effect"
import { ingressMapping, mailboxes, PARTITIONS, producerCommands } from "../../streams/mailboxes.ts"
import { topology } from "../../streams/topology.ts"
import { open } from "../bus/connection.ts"
import { ingressSubject } from "../bus/ingress.ts"
import { replicasOf } from "../bus/topology.ts"
import type { Diagnosis } from "../proof/doctor/diagnosis.ts"
import { examine } from "../proof/doctor/examine.ts"
import type { Identity } from "../proof/doctor/patient.ts"
import { healthSources, workerProbes } from "./healthSources.ts"
import type { NatsCredentials, NatsRole, Stack } from "../stack/stack.ts"
import { connect, type Db } from "../store/database.ts"

/** What only actors, owners and administrators write. */
const INTERNAL = [
  "payments.0.fraud-00",
  "payments.0.control",
  "payments.0.timers",
  "events.payments-00.payment.captured",
  "timers.due.payments.0",
  "$KV.leases.payments.0",
  "$JS.API.STREAM.PURGE.DOCTOR_ASKS"
]

const [family, type] = producerCommands[0]!
/** Under the name that servers give it: they ask for permissions after they have mapped a subject. */
const commandOf = (type: string) => ingressSubject({ family, type, merchant: "doctor" }, PARTITIONS)
const COMMAND = commandOf(type)

const roles: ReadonlyArray<Omit<Identity, "nc" | "refusal"> & { readonly name: NatsRole }> = [
  {
    name: "observer",
    must: ["$JS.API.STREAM.INFO.EVENTS", "$JS.API.CONSUMER.INFO.PAYMENTS.payments-0"],
    mustNot: [...INTERNAL, COMMAND]
  },
  { name: "producer", must: [COMMAND], mustNot: [...INTERNAL, commandOf("review")] },
  { name: "edge", must: [COMMAND], mustNot: INTERNAL },
  {
    name: "worker",
    must: ["payments.0.fraud-00", "events.payments-00.payment.captured", "$KV.leases.doctor"],
    mustNot: ["$JS.API.STREAM.PURGE.DOCTOR_ASKS"]
  }
]

/** Merchants' users that are examined; one that is wrong is mostly wrong as the others are. */
const MERCHANTS_EXAMINED_MAX = 20
const MERCHANT_USER = "merchant-"

/** A merchant's own commands, in the partition where its payments are decided, and nobody else's. */
const merchantRole = (user: string): Omit<Identity, "nc"> => {
  const merchant = user.slice(MERCHANT_USER.length)
  return {
    name: user,
    merchant,
    must: [ingressSubject({ family, type, merchant }, PARTITIONS)],
    mustNot: [...INTERNAL, COMMAND, commandOf("review")]
  }
}

/** The doctor says what it could learn within two seconds where a server is away. */
const CONNECT_MILLIS = 1_000
const PARTING_MILLIS = 200

/** Connections to a server that hangs end when it goes on, or give up by themselves: nobody waits for that. */
const parted = (db: Db): Promise<unknown> =>
  Promise.race([db.destroy(), new Promise((resolve) => setTimeout(resolve, PARTING_MILLIS))])

/** Examines a deployment with the credentials it was given. */
export const examineStack = (stack: Stack): Promise<Diagnosis> => {
  const login = ({ password, user }: NatsCredentials, urls = stack.natsUrls) =>
    open({
      urls,
      user,
      password,
      name: "lastro-doctor",
      asked: true,
      connectMillis: CONNECT_MILLIS
    })
  const as = (role: NatsRole, urls = stack.natsUrls) => login(stack.nats[role], urls)
  const db = connect(stack.databaseUrl, 2)
  return Effect.runPromise(Effect.scoped(Effect.gen(function* () {
    const admin = yield* Effect.result(as("admin"))
    const nc = admin._tag === "Success" ? admin.success.nc : admin.failure.detail
    const replicas = typeof nc === "string" ? 1 : replicasOf(nc)
    return yield* examine({
      nc,
      probes: workerProbes,
      disks: healthSources(stack, []).disks,
      monitorUrls: stack.natsMonitorUrl.split(","),
      db,
      declared: topology(replicas),
      replicas,
      mailboxes,
      partitions: PARTITIONS,
      mapping: ingressMapping,
      servers: yield* Effect.forEach(
        typeof nc === "string" ? [] : stack.natsUrls,
        (url) =>
          Effect.map(Effect.option(as("admin", [url])), (link) => ({
            url: new URL(url).host,
            nc: link._tag === "Some" ? link.value.nc : undefined
          }))
      ),
      identities: yield* Effect.forEach(
        typeof nc === "string" ? [] : [
          ...roles.map((role) => ({ role, credentials: stack.nats[role.name] })),
          ...(stack.merchantUsers ?? []).slice(0, MERCHANTS_EXAMINED_MAX)
            .map((credentials) => ({ role: merchantRole(credentials.user), credentials }))
        ],
        ({ credentials, role }) =>
          Effect.map(
            Effect.result(login(credentials)),
            (link): Identity =>
              link._tag === "Success"
                ? { ...role, nc: link.success.nc }
                : { ...role, nc: undefined, refusal: link.failure.detail }
          )
      )
    })
  }))).finally(() => parted(db))
}
