/** Somebody who came in: with a key, a session or a token. */
export interface Caller {
  readonly id: string
  /** What the audit calls them. */
  readonly name: string
  /** Empty for the platform's own people. */
  readonly merchant: string
  readonly granted: ReadonlySet<string>
  readonly expiresAt: Date | null
  readonly addresses: ReadonlyArray<string>
  readonly requestsPerSecond: number | null
  /** What this one depends on: it ends with that. */
  readonly from?: string | undefined
  /** A browser's: what a request that changes anything has to carry, so that no other site's page can ask. */
  readonly csrf?: string | undefined
}
