/** One kind of problem: what programs compare by its code, and what people read under `/docs/errors/`. */
export interface ProblemKind {
  readonly status: ProblemStatus
  readonly means: string
  /** What the caller does about it. */
  readonly mends: string
  /** The request that goes through then, where it can be told in general. */
  readonly request?: string
}

/** RFC 9110's words, shortened. They are the `title` of a problem. */
export const titles = {
  400: "Bad request",
  401: "Not authenticated",
  403: "Not allowed",
  404: "Not found",
  405: "Method not allowed",
  406: "Not acceptable",
  408: "Request timeout",
  409: "Conflict",
  412: "Precondition failed",
  413: "Too large",
  415: "Unsupported media type",
  422: "Unprocessable",
  429: "Too many requests",
  431: "Headers too large",
  500: "Internal error",
  503: "Unavailable"
} as const
type ProblemStatus = keyof typeof titles
