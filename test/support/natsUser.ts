import { connect, type NatsConnection } from "@nats-io/transport-node"
import type { NatsCredentials, Stack } from "../../src/stack/stack.ts"

/** A connection with one user's rights and its inbox. */
export const connectAs = (
  stack: Pick<Stack, "natsUrls">,
  { password, user }: NatsCredentials
): Promise<NatsConnection> =>
  connect({ servers: [...stack.natsUrls], user, pass: password, inboxPrefix: `_INBOX.${user}` })
