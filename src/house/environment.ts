/** What a process was told when it was started. */
export type Environment = Readonly<Record<string, string | undefined>>
