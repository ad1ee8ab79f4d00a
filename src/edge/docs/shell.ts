import { createHash } from "node:crypto"
import type { Answer } from "../route.ts"
import { escape } from "./html.ts"

/** What a page of the reference shows between its frame. */
interface DocsPage {
  readonly title: string
  /** HTML. */
  readonly body: string
}

const STYLE = `:root{color-scheme:light dark;--line:#8884;--soft:#8881}
*{box-sizing:border-box}body{font:16px/1.55 system-ui,sans-serif;margin:0}
a{color:inherit;text-underline-offset:.2em}header{padding:.8rem 1.5rem;border-bottom:1px solid var(--line)}
header nav a{margin-right:1.2rem}main{max-width:52rem;padding:1rem 1.5rem 4rem;margin:0 auto}
h1{font-size:1.6rem}h2{font-size:1.15rem;margin-top:2rem}code,pre{font:.92em/1.5 ui-monospace,monospace}
pre{overflow:auto;background:var(--soft);padding:1rem;border-radius:.4rem}
table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.35rem .6rem .35rem 0;border-bottom:1px solid var(--line)}
dt{font-weight:600;margin-top:.6rem}dd{margin:0 0 0 1rem}.status{opacity:.75}
input{font:inherit;padding:.3rem .5rem;width:min(24rem,60vw)}summary{cursor:pointer;font-weight:600}`

const hash = createHash("sha256").update(STYLE).digest("base64")
/** The pages have no script, and no style but this one. */
const POLICY = `default-src 'none'; style-src 'sha256-${hash}'; img-src data:; base-uri 'none'; ` +
  "form-action 'self'; frame-ancestors 'none'"

const LINKS = [["/docs", "Reference"], ["/docs/errors", "Errors"], ["/openapi.json", "OpenAPI"]]

export const docsAnswer = ({ body, title }: DocsPage): Answer => ({
  status: 200,
  raw: `<!doctype html><html lang="en"><head><meta charset="utf-8">
<title>${escape(title)} · Lastro API</title>
<meta name="viewport" content="width=device-width"><style>${STYLE}</style></head><body>
<header><nav>${
    LINKS.map(([address, name]) => `<a href="${address}">${name}</a>`).join("")
  }</nav></header><main>
${body}
</main></body></html>`,
  headers: { "content-type": "text/html; charset=utf-8", "content-security-policy": POLICY }
})
