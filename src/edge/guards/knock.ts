/** A request as it stands at the door: nothing of it has been parsed yet. */
export interface Knock {
  readonly method: string
  /** As it came: no dot and no slash was taken out. */
  readonly path: string
  /** Names and values in turn, as they came. */
  readonly head: ReadonlyArray<string>
  /** Of the caller, beyond the proxies that are trusted; undefined where none came over a socket. */
  readonly address: string | undefined
  readonly userAgent: string
}

/** Rules at the door, each of which can be told to watch only. */
export const guardNames = ["head", "method", "path", "address", "scanner"] as const
export type GuardName = typeof guardNames[number]

/** What a rule has against a request, or nothing. */
export interface Guard {
  readonly name: GuardName
  readonly against: (knock: Knock) => Refusal | undefined
}

export interface Refusal {
  readonly code: "headers_too_large" | "method_not_allowed" | "request_refused" | "route_not_found"
  readonly detail: string
}
