import { createHash } from "node:crypto"
import { escape } from "../docs/html.ts"
import type { Answer, Asked } from "../route.ts"

const STYLE = `:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;display:grid;min-height:100vh;margin:0;place-content:center}
main{width:min(22rem,90vw)}label,input,button{display:block;width:100%;box-sizing:border-box;font:inherit}
input,button{padding:.6rem;margin:.3rem 0 1rem}.wrong{color:light-dark(#b00020,#ff8a80)}`

const hash = createHash("sha256").update(STYLE).digest("base64")
/** The address that a form may go to stands in it, and no script. */
const policyWith = (sentTo: string): string =>
  `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; ` +
  `form-action 'self'${sentTo}; frame-ancestors 'none'`

const WORDS = {
  en: {
    title: "Sign in",
    key: "Key",
    wrong: "This key is not known, was revoked or has ended.",
    once: "It is used once, and exchanged for a session of eight hours.",
    company: "Continue with the company's account"
  },
  pt: {
    title: "Entrar",
    key: "Chave",
    wrong: "Esta chave não é conhecida, foi revogada ou expirou.",
    once: "Ela é usada uma vez e trocada por uma sessão de oito horas.",
    company: "Continuar com a conta da empresa"
  }
} as const

/** A page of ours with a form, readable without script. */
export const formPage = (
  { body, language, sentTo, status, title }: {
    readonly status: number
    readonly language: string
    readonly title: string
    /** Another origin that the form's answer leads to. */
    readonly sentTo?: string
    /** HTML. */
    readonly body: string
  }
): Answer => ({
  status,
  raw: `<!doctype html><html lang="${language}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>${escape(title)} · Lastro</title>
<style>${STYLE}</style></head><body><main><h1>${escape(title)}</h1>
${body}
</main></body></html>`,
  headers: {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": policyWith(sentTo === undefined ? "" : ` ${sentTo}`),
    "cache-control": "no-store"
  }
})

export const languageOf = ({ header }: Asked): "en" | "pt" =>
  /^\s*pt\b/i.test(header("accept-language") ?? "") ? "pt" : "en"

const companyLink = (text: string, next: string): string =>
  `<p><a id="company" href="/sign-in/company?next=${encodeURIComponent(next)}">${text}</a></p>`

/**
 * Whoever comes from another site is not given a SameSite=Strict cookie back at once, redirects included: a
 * page of ours begins anew.
 */
export const backPage = (next: string, cookie: string): Answer => {
  const page = formPage({
    status: 200,
    language: "en",
    title: "Lastro",
    body: `<meta http-equiv="refresh" content="0;url=${escape(next)}"><a href="${
      escape(next)
    }">…</a>`
  })
  return { ...page, headers: { ...page.headers, "set-cookie": cookie } }
}

export const signInPage = (
  { asked, company, next, status, wrong }: {
    readonly asked: Asked
    readonly status: number
    /** Where it goes on. */
    readonly next: string
    readonly wrong: boolean
    /** People sign in through the company's provider, and with no key. */
    readonly company: boolean
  }
): Answer => {
  const language = languageOf(asked)
  const words = WORDS[language]
  return formPage({
    status,
    language: language === "pt" ? "pt-BR" : "en",
    title: words.title,
    body: company
      ? companyLink(words.company, next)
      : `${wrong ? `<p class="wrong" role="alert">${words.wrong}</p>` : ""}
<form method="post" action="/sign-in"><input type="hidden" name="next" value="${escape(next)}">
<label for="key">${words.key}</label>
<input id="key" name="key" type="password" autocomplete="current-password" required autofocus>
<button>${words.title}</button></form><p>${words.once}</p>`
  })
}

/** Where to go after signing in: a path of ours, whatever is asked for. */
export const nextOf = (path: string | null | undefined): string =>
  path != null && /^\/(?![/\\])[\x21-\x7e]*$/.test(path) ? path : "/"

export const led = (location: string, cookie?: string): Answer => ({
  status: 303,
  raw: "",
  headers: { location, "cache-control": "no-store", ...(cookie && { "set-cookie": cookie }) }
})
