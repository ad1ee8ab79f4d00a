import { currencyCodes, exponentOf } from "../domain/currency.ts"
import { operatorPageActions } from "./operatorPageActions.ts"
import { operatorPageLists } from "./operatorPageLists.ts"
import { operatorPageParts } from "./operatorPageParts.ts"
import { operatorPageScript } from "./operatorPageScript.ts"
import { operatorPageStyle } from "./operatorPageStyle.ts"
import { operatorPageWords } from "./operatorPageWords.ts"

/** Two decimals are the rule: the page needs the exceptions only. */
const exponents = Object.fromEntries(
  currencyCodes.map((code) => [code, exponentOf(code)] as const).filter(([, digits]) =>
    digits !== 2
  )
)

/** Comments and indentation are for those who read the source. */
const compact = (text: string): string =>
  text.replaceAll(/^[ \t]*(?:\/\/.*|\/\*[\s\S]*?\*\/[ \t]*)$/gm, "").replaceAll(/\n\s*/g, "\n")

/** So are spaces and line ends beside signs, except in strings: the page's scripts quote with `"` only. */
const compactScript = (text: string): string =>
  compact(text).split(/("(?:[^"\\\n]|\\.)*")/).map((part, index) =>
    index % 2 === 1 ? part : part.replaceAll(/ *([=<>+?:,{}()|&;!*]+) */g, "$1")
      .replaceAll(/([{([,])\n/g, "$1").replaceAll(/\n([}\]).?:+&|])/g, "$1")
  ).join("")

const compactStyle = (text: string): string =>
  compact(text).replaceAll(/\s*([{};,])\s*/g, "$1").replaceAll(/: /g, ":")

/** JSON inside a script element: a `<` could end it. */
const embedded = (value: unknown): string => JSON.stringify(value).replaceAll("<", "\\u003c")

/** One line a word: as JSON they would be a fifth longer. */
const words = Object.entries(operatorPageWords)
  .map(([key, pair]) => [key, ...pair].join("|")).join("\n")

const icon = "data:image/svg+xml," + encodeURIComponent(
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path d="M2 12h12L11 4H5z" fill="#4a8ab5"/></svg>`
)

const tile = (id: string, figure: string): string => `
<section class="tile" aria-labelledby="${id}-name">
  <h2 id="${id}-name" data-t="${id}"></h2>
  ${figure}
</section>`

const trend = (id: string): string => `
  <svg id="${id}-spark" class="spark" role="img" viewBox="0 0 240 40" preserveAspectRatio="none">
    <path class="base" d="M0 40H240"/><path class="area"/><path class="trend"/>
  </svg>
  <p class="scale"><span data-t="window"></span><span id="${id}-peak"></span></p>`

const rate = (id: string): string =>
  tile(id, `<p class="figure"><span id="${id}-now">–</span> <small>/s</small></p>${trend(id)}`)

/** The script makes its table. */
const panel = (id: string, head = ""): string => `
<section class="panel listed" id="${id}" aria-labelledby="${id}-name">
  <div class="head"><h2 id="${id}-name" tabindex="-1" data-t="${id}"></h2>${head}</div>
</section>`

const jump = (id: string): string =>
  `<a href="#${id}" id="${id}-jump"><b>–</b> <span data-t="${id}_jump"></span></a>`

const body = `
<a class="skip vh" href="#main" data-t="skip"></a>
<header class="top">
  <div class="bar">
    <h1>Lastro <span data-t="operations"></span></h1>
    <p id="link" data-tone="muted"><span class="dot" aria-hidden="true"></span><span></span></p>
    <button type="button" id="language" data-t="language"></button>
  </div>
  <div id="health" role="status" hidden><p><b id="health-what"></b> <span id="health-found"></span></p></div>
  <div id="banner" hidden><p><b id="banner-what"></b> <span id="banner-age"></span></p></div>
</header>
<p class="vh" id="announce" role="status" aria-live="polite"></p>
<noscript><p>This page needs JavaScript. / Esta página precisa de JavaScript.</p></noscript>
<nav id="jump">
  ${jump("reviews")}${jump("partitions")}${jump("dead")}${jump("keys")}${jump("breaks")}
  <a href="#balance" id="balance-jump"><b>–</b></a>
</nav>
<main id="main" tabindex="-1">
  <div class="tiles">
    ${rate("commands")}${rate("captured_rate")}
    ${
  tile(
    "latency",
    `<div class="pair">
      <p class="figure"><small data-t="median"></small> <span id="p50">–</span></p>
      <p class="figure"><small data-t="tail"></small> <span id="p99">–</span></p>
    </div>${trend("latency")}`
  )
}
    ${
  tile(
    "backlog",
    `<p class="figure" id="backlog-messages">–</p>
    <p id="backlog-oldest" class="muted"></p><p id="backlog-parked" class="muted"></p>`
  )
}
  </div>
  <div class="columns">
    ${
  panel(
    "payments",
    `<span class="note" id="payments-note"></span>
    <button type="button" id="pause" aria-pressed="false" data-t="pause"></button>
    <p class="note" id="payments-hint" data-t="payments_hint"></p>`
  )
}
    <div class="stack">
      ${panel("reviews", `<span class="note" id="reviews-note"></span>`)}
      ${panel("balance")}
    </div>
  </div>
  <section class="panel" id="partitions" aria-labelledby="partitions-name">
    <div class="head">
      <h2 id="partitions-name" tabindex="-1" data-t="partitions"></h2>
      <span class="note" id="meter"></span>
    </div>
    <p class="said note" id="families-note"></p>
    <div id="families"></div>
    <p class="nothing" id="families-none" data-t="no_partitions"></p>
  </section>
  ${panel("dead", `<span class="note" id="dead-note"></span>`)}
  <div class="columns">
    ${panel("keys", `<span class="note" id="keys-note"></span>`)}${panel("breaks")}
  </div>
</main>
<dialog id="trace" aria-labelledby="trace-name">
  <div class="head">
    <h2 id="trace-name" tabindex="-1" data-t="trace"></h2>
    <button type="button" id="trace-close" data-t="close"></button>
  </div>
  <div class="about">
    <p class="mono" id="trace-id"></p><p id="trace-about"></p>
    <p class="muted" id="trace-state" role="status"></p>
    <div id="trace-acts"></div><p class="note" id="trace-note"></p>
  </div>
  <ol id="steps"></ol>
</dialog>
<dialog id="letter" aria-labelledby="letter-name">
  <div class="head">
    <h2 id="letter-name" tabindex="-1" data-t="letter_title"></h2>
    <button type="button" id="letter-close" data-t="close"></button>
  </div>
  <div class="about">
    <p class="mono" id="letter-id"></p><p id="letter-about"></p>
    <p class="muted" id="letter-state" role="status"></p>
    <div id="letter-acts"></div>
  </div>
  <div id="letter-parts"></div>
</dialog>
<dialog id="ask" aria-labelledby="ask-name" aria-describedby="ask-means">
  <form method="dialog">
    <h2 id="ask-name"></h2><p class="muted" id="ask-means"></p>
    <label for="ask-why" data-t="why"></label>
    <input id="ask-why" required pattern=".*\\S.*" maxlength="200" autocomplete="off">
    <div class="actions">
      <button value="do" id="ask-do"></button>
      <button type="button" id="ask-cancel" data-t="cancel"></button>
    </div>
  </form>
</dialog>`

/**
 * The operator page: one document without any other resource, so that a policy of
 * `default-src 'none'` with inline style and script is enough. It reads
 * `GET /v1/operations/overview` every second.
 */
export const operatorPage: string = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Lastro</title>
<link rel="icon" href="${icon}">
<style>${compactStyle(operatorPageStyle)}</style>
</head>
<body class="empty">${compact(body)}
<script type="text/plain" id="words">${words}</script>
<script type="application/json" id="exponents">${embedded(exponents)}</script>
<script>"use strict"
{${
  compactScript(operatorPageParts + operatorPageLists + operatorPageActions + operatorPageScript)
}}</script>
</body>
</html>
`
