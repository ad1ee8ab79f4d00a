/** Wrong arguments: told in one sentence. */
export class UsageError extends Error {}
