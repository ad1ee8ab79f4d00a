import { Effect } from "effect"
import { outboundActors } from "../../../actors/register.ts"
import { readers } from "../../../streams/consumers.ts"
import { type Mailbox, mailboxes } from "../../../streams/mailboxes.ts"
import { places } from "../../../streams/places.ts"
import { topology } from "../../../streams/topology.ts"
import { type BusClient, open } from "../../bus/connection.ts"
import { PARTITIONS_SETTING } from "../../bus/drift.ts"
import { sharedConsumerOf } from "../../bus/sharedReader.ts"
import { type Plan, planTopology, replicasOf, type Topology } from "../../bus/topology.ts"
import { outboundConsumer } from "../../runtime/outboundRunner.ts"
import { timersConsumer } from "../../runtime/timerForwarder.ts"
import { type NatsRole, type Stack, StackError } from "../../stack/stack.ts"
import { grouped } from "./layout.ts"
import { ROOM_REMEDY } from "./room.ts"

/**
 * Everything that stays where nobody runs: streams, buckets, and the consumers all workers share. A
 * partition's own consumer is made anew by each owner, at its cursor, and is no part of this.
 */
export const declaredTopology = (
  replicas: number,
  layout: ReadonlyArray<Mailbox> = mailboxes
): Topology => ({
  streams: topology(replicas, layout),
  consumers: [
    ...readers,
    sharedConsumerOf(timersConsumer),
    ...outboundActors({ gateways: [], allowPrivateWebhooks: false }).map((actor) =>
      sharedConsumerOf(outboundConsumer(actor, places.streamOf(actor.family)!))
    )
  ]
})

/**
 * The plan, where the mailboxes hold the families and have as many partitions as this process reckons with.
 * Whoever went on with another number would put keys where their former messages are not.
 */
export const agreed = (plan: Plan): Plan => {
  for (const step of grouped(plan).steps) {
    if (step.action === "create") continue
    const apart = step.differences.find(({ setting }) => setting === PARTITIONS_SETTING)
    if (apart === undefined) continue
    throw new StackError(
      `the mailboxes were made with ${apart.found} partitions each, and this process reckons with ` +
        `${apart.declared}; that is fixed from the first start on: set LASTRO_PARTITIONS=${apart.found}.`
    )
  }
  return plan
}

/** One connection under a role's rights, for as long as `use` takes. */
export const connectedAs = <A, E extends { readonly message: string }>(
  stack: Stack,
  role: NatsRole,
  use: (nc: BusClient) => Effect.Effect<A, E>
): Promise<A> => {
  const { password, user } = stack.nats[role]
  const name = `LASTRO_NATS_${role.toUpperCase()}`
  return Effect.runPromise(Effect.scoped(
    open({ urls: stack.natsUrls, user, password, name: `lastro-${role}` }).pipe(
      Effect.mapError(({ detail }) =>
        new StackError(
          `${detail}. ${name}_USER and ${name}_PASSWORD, or LASTRO_NATS_PASSWORDS_FILE, say who this is.`
        )
      ),
      Effect.flatMap(({ nc }) =>
        use(nc).pipe(
          Effect.mapError(({ message }) =>
            new StackError(
              `JetStream did not do what ${user} asked: ${message}.` +
                (/no suitable peers|insufficient/i.test(message)
                  ? ` ${ROOM_REMEDY}`
                  : " Where a server only starts or ends, begin again when its /healthz is well.")
            )
          )
        )
      )
    )
  ))
}

export const planAs = (
  stack: Stack,
  role: NatsRole,
  layout: ReadonlyArray<Mailbox> = mailboxes
): Promise<Plan> =>
  connectedAs(
    stack,
    role,
    (nc) => planTopology(nc, declaredTopology(replicasOf(nc), layout), Date.now())
  )
