import { isRetryable, type ProblemCode, problemCodes, problemKinds } from "../problem.ts"
import { titles } from "../problems/kind.ts"
import { escape, words } from "./html.ts"

/** Whether to repeat, in words. */
const repeating = (status: number, code: string): string =>
  isRetryable(status, code)
    ? "Yes: the same request, as it is, a little later and with the same Idempotency-Key."
    : status === 500 || status === 408
    ? "Yes, with the same Idempotency-Key: it takes effect once."
    : "No: as it is, it would be refused again."

/** What one code means, whether to repeat, and the request that mends it. */
export const errorPage = (code: ProblemCode) => {
  const { means, mends, request, status } = problemKinds[code]
  return {
    title: code,
    body: `<h1><code>${code}</code></h1>
<p class="status">${status} ${titles[status]}</p>
<h2>What it means</h2><p>${words(means)}</p>
<h2>Whether to repeat</h2><p>${repeating(status, code)}</p>
<h2>What mends it</h2><p>${words(mends)}</p>${
      request === undefined ? "" : `\n<pre>${escape(request)}</pre>`
    }`
  }
}

export const errorsPage = () => ({
  title: "Errors",
  body: `<h1>Errors</h1>
<p>What is refused is told as <code>application/problem+json</code> (RFC 9457). Programs compare
<code>code</code>; <code>type</code> leads here, and <code>retryable</code> says whether the same request again
is right. <code>instance</code> is the request's number.</p>
<table><thead><tr><th>code</th><th>status</th><th>means</th></tr></thead><tbody>${
    problemCodes.map((code) => {
      const { means, status } = problemKinds[code]
      return `<tr><td><a href="/docs/errors/${code}"><code>${code}</code></a></td><td>${status}</td>` +
        `<td>${words(means)}</td></tr>`
    }).join("\n")
  }</tbody></table>`
})
