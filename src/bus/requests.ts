import {
  ClosedConnectionError,
  type Msg,
  type NatsConnection,
  NoRespondersError,
  nuid,
  PermissionViolationError,
  TimeoutError
} from "@nats-io/transport-node"

/** How often it is looked for requests whose time is over. */
const SWEEP_MILLIS = 100
/** The client's own default. */
const TIMEOUT_MILLIS = 1_000
const NO_RESPONDERS = 503

interface Waiting {
  readonly subject: string
  readonly deadline: number
  readonly resolve: (answer: Msg) => void
  readonly reject: (error: Error) => void
}

/**
 * Requests of one connection. The client's own make a timer, two promises and an error with its stack
 * for each, which cost two thirds of what an append costs this process (measured); here one timer
 * watches all of them.
 */
export const requestsOf = (nc: NatsConnection, inboxPrefix: string): NatsConnection["request"] => {
  const inbox = `${inboxPrefix}.${nuid.next()}`
  const waiting = new Map<string, Waiting>()
  let subscribed = false
  let sweeping = false
  let next = 0

  const receive = (message: Msg) => {
    const token = message.subject.slice(inbox.length + 1)
    const one = waiting.get(token)
    // Whoever asked has given up.
    if (one === undefined) return
    waiting.delete(token)
    if (message.data.length === 0 && message.headers?.code === NO_RESPONDERS) {
      one.reject(new NoRespondersError(one.subject))
    } else one.resolve(message)
  }

  const sweep = () => {
    const now = performance.now()
    for (const [token, { deadline, reject }] of waiting) {
      if (deadline > now) continue
      waiting.delete(token)
      reject(new TimeoutError())
    }
    sweeping = waiting.size > 0
    if (sweeping) setTimeout(sweep, SWEEP_MILLIS)
  }

  const giveUp = (error: Error, concerns: (one: Waiting) => boolean = () => true) => {
    for (const [token, one] of waiting) {
      if (!concerns(one)) continue
      waiting.delete(token)
      one.reject(error)
    }
  }

  /** What the server does not let through it does not answer either: it tells the connection. */
  const watch = async () => {
    for await (const status of nc.status()) {
      if (status.type !== "error" || !(status.error instanceof PermissionViolationError)) continue
      const { error } = status
      if (error.operation === "publish") giveUp(error, ({ subject }) => subject === error.subject)
    }
    giveUp(new ClosedConnectionError())
  }

  return (subject, payload, options = { timeout: TIMEOUT_MILLIS }) =>
    new Promise((resolve, reject) => {
      if (!subscribed) {
        subscribed = true
        nc.subscribe(`${inbox}.*`, {
          callback: (error, message) => error === null ? receive(message) : giveUp(error)
        })
        void watch()
      }
      const token = (next++).toString(36)
      nc.publish(subject, payload, { ...options, reply: `${inbox}.${token}` })
      const deadline = performance.now() + options.timeout
      waiting.set(token, { subject, deadline, resolve, reject })
      if (sweeping) return
      sweeping = true
      setTimeout(sweep, SWEEP_MILLIS)
    })
}
