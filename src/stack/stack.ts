export interface NatsCredentials {
  readonly user: string
  readonly password: string
}

export type NatsRole = "admin" | "worker" | "gate" | "edge" | "producer" | "observer"

/** What each role is known by, wherever that comes from. */
export const credentialsBy = (
  of: (role: NatsRole) => NatsCredentials
): Readonly<Record<NatsRole, NatsCredentials>> => ({
  admin: of("admin"),
  worker: of("worker"),
  gate: of("gate"),
  edge: of("edge"),
  producer: of("producer"),
  observer: of("observer")
})

/** A server as it is kept running, for whoever asks how things are. */
export interface KeptServer {
  readonly server: string
  readonly dataFolder: string
  readonly state: "runs" | "starts" | "waits for room" | "given up"
  readonly restarts: ReadonlyArray<{ readonly at: string; readonly why: string }>
}

export interface Keeper {
  readonly now: () => KeptServer
  /** Resolves, with what to say, when the server ended more often than it is started again. */
  readonly givenUp: Promise<StackError>
  /** From now on its end is wanted. */
  readonly release: () => void
}

/** NATS and PostgreSQL, wherever they run. */
export interface Stack {
  readonly natsUrls: ReadonlyArray<string>
  /** The monitoring endpoint (`/varz`): start-up reads the sync mode there. */
  readonly natsMonitorUrl: string
  readonly nats: Readonly<Record<NatsRole, NatsCredentials>>
  readonly databaseUrl: string
  /** By which one merchant publishes its own commands, and nobody else's. */
  readonly merchantCredentials: (merchant: string) => Promise<NatsCredentials>
  /** Merchants' users whose passwords are known here: those can be examined. */
  readonly merchantUsers?: ReadonlyArray<NatsCredentials>
  readonly stop: () => Promise<void>
  /** Where servers of this machine write. */
  readonly disks?: ReadonlyArray<{ readonly server: string; readonly folder: string }>
  /** Servers of our own that are started again when they end. */
  readonly kept?: ReadonlyArray<Keeper>
  /** Resolves, with what to say, when the data folder is this process's no more. */
  readonly lost?: Promise<StackError>
}

/** Something the machine lacks or refuses. The message is one sentence that says what to do. */
export class StackError extends Error {
  readonly _tag = "StackError"
}

export type Progress = (line: string) => void
