import { currencyCodes, exponentOf } from "../domain/currency.ts"
import { operatorPageLists } from "./operatorPageLists.ts"
import { operatorPageParts } from "./operatorPageParts.ts"
import { operatorPageScript } from "./operatorPageScript.ts"
import { operatorPageStyle } from "./operatorPageStyle.ts"

/** Every word of the interface: English, Brazilian Portuguese. `{n}` and its like are filled in. */
const words: Readonly<Record<string, readonly [english: string, portuguese: string]>> = {
  operations: ["operations", "operação"],
  skip: ["Skip to the readings", "Ir para as leituras"],
  language: ["Português", "English"],
  sections: ["Sections", "Seções"],
  waiting: ["Waiting for the first reading", "Aguardando a primeira leitura"],
  live: ["Live, {time}", "Ao vivo, {time}"],
  down: ["No connection", "Sem conexão"],
  old: ["Not current", "Desatualizado"],
  down_long: ["The server cannot be reached.", "Não é possível alcançar o servidor."],
  down_status: [
    "The server answers, but cannot give its readings ({status}).",
    "O servidor responde, mas não consegue dar as leituras ({status})."
  ],
  down_key: [
    "The server does not accept this key for operators ({status}). Reload the page to sign in.",
    "O servidor não aceita esta chave para operadores ({status}). Recarregue a página para entrar."
  ],
  down_parse: [
    "The server's answer cannot be understood.",
    "A resposta do servidor não pôde ser entendida."
  ],
  down_frozen: [
    "The server answers, but its readings stand still.",
    "O servidor responde, mas as leituras estão paradas."
  ],
  stale_age: [
    "What you see is {age} old; still trying.",
    "O que você vê é de {age} atrás; tentando de novo."
  ],
  stale_none: [
    "Nothing has been read yet; still trying.",
    "Nada foi lido ainda; tentando de novo."
  ],
  restored: ["Connection restored.", "Conexão restabelecida."],
  commands: ["Commands per second", "Comandos por segundo"],
  captured_rate: ["Captured per second", "Capturados por segundo"],
  latency: ["Latency, command to outcome", "Latência, do comando ao resultado"],
  backlog: ["Backlog of all partitions", "Fila de todas as partições"],
  no_outcome: ["no outcome yet", "nenhum resultado ainda"],
  median: ["p50", "p50"],
  tail: ["p99", "p99"],
  window: ["last 60 s", "últimos 60 s"],
  peak: ["peak {n}", "pico {n}"],
  spark: [
    "{name}, last 60 s: now {now}, peak {peak}",
    "{name}, últimos 60 s: agora {now}, pico {peak}"
  ],
  partitions: ["Partitions", "Partições"],
  partitions_jump: ["partitions need a look", "partições pedem atenção"],
  partition: ["Partition {n}", "Partição {n}"],
  messages: ["{n} messages", "{n} mensagens"],
  messages_one: ["1 message", "1 mensagem"],
  oldest: ["oldest {age}", "mais antiga {age}"],
  parked: ["{n} keys parked", "{n} chaves estacionadas"],
  parked_one: ["1 key parked", "1 chave estacionada"],
  lag_short: ["{n} msg", "{n} msg"],
  parked_short: ["{n} parked", "{n} estacionadas"],
  parked_short_one: ["1 parked", "1 estacionada"],
  keeps_up: ["keeping up", "em dia"],
  behind: ["behind", "atrasada"],
  far_behind: ["far behind", "muito atrasada"],
  has_parked: ["parked keys", "estacionadas"],
  no_owner: ["no owner", "sem dono"],
  owned_by: ["owner {name}", "dono {name}"],
  look: ["{n} need a look", "{n} pedem atenção"],
  all_well: ["all keeping up", "todas em dia"],
  meter_good: [
    "Exactly once: {n} messages compared, none missing, none twice",
    "Exatamente uma vez: {n} mensagens comparadas, nenhuma em falta, nenhuma repetida"
  ],
  meter_bad: [
    "Exactly once is broken: {gaps} missing, {repeats} twice. First look: {where}",
    "Exatamente uma vez foi violado: {gaps} em falta, {repeats} repetidas. Veja primeiro: {where}"
  ],
  no_partitions: ["No partition has been owned yet", "Nenhuma partição teve dono ainda"],
  payments: ["Recent payments", "Pagamentos recentes"],
  payments_hint: [
    "Enter or click opens a payment's trace; arrow keys move.",
    "Enter ou clique abre o percurso do pagamento; as setas movem."
  ],
  payments_none: ["No payments yet", "Nenhum pagamento ainda"],
  pause: ["Pause list", "Pausar lista"],
  held: ["Held while you are in the list", "Parada enquanto você está na lista"],
  paused: ["Paused", "Pausada"],
  newer: ["{n} newer", "{n} mais recentes"],
  time: ["Time", "Hora"],
  payment: ["Payment", "Pagamento"],
  merchant: ["Merchant", "Lojista"],
  status: ["Status", "Situação"],
  amount: ["Amount", "Valor"],
  reviews: ["Review queue", "Fila de revisão"],
  reviews_jump: ["waiting for review", "aguardando revisão"],
  reviews_none: ["Nothing waits for a decision", "Nada aguarda decisão"],
  score: ["Score and reasons", "Pontuação e motivos"],
  waits: ["Waiting", "Espera"],
  decision: ["Decision", "Decisão"],
  approve: ["Approve", "Aprovar"],
  reject: ["Reject", "Rejeitar"],
  sending: ["Sending…", "Enviando…"],
  sent_approve: ["Approved", "Aprovado"],
  sent_reject: ["Rejected", "Rejeitado"],
  taken_approve: ["Approval accepted, outcome pending", "Aprovação aceita, resultado pendente"],
  taken_reject: ["Rejection accepted, outcome pending", "Rejeição aceita, resultado pendente"],
  refused: ["Not done: {why}", "Não feito: {why}"],
  unsure: [
    "No answer: it may or may not have been taken. Pressing the same button again is safe.",
    "Sem resposta: pode ou não ter sido aceito. Apertar o mesmo botão de novo é seguro."
  ],
  left: ["No longer waiting", "Não aguarda mais"],
  dead: ["Dead letters", "Mensagens mortas"],
  dead_jump: ["dead letters", "mensagens mortas"],
  dead_none: ["No dead letters", "Nenhuma mensagem morta"],
  letter: ["Message", "Mensagem"],
  cause: ["Cause", "Causa"],
  breaks: ["Reconciliation breaks", "Divergências de conciliação"],
  breaks_jump: ["reconciliation breaks", "divergências"],
  breaks_none: ["No breaks", "Nenhuma divergência"],
  kind: ["Kind", "Tipo"],
  source: ["Source", "Origem"],
  date: ["Date", "Data"],
  charge: ["Charge", "Cobrança"],
  reason: ["Reason", "Motivo"],
  balance: ["Trial balance", "Balancete"],
  balance_none: ["No journal entries yet", "Nenhum lançamento ainda"],
  balance_good: ["ledger balanced", "razão equilibrada"],
  balance_bad: ["ledger out of balance", "razão desequilibrada"],
  currency: ["Currency", "Moeda"],
  debits: ["Debits", "Débitos"],
  credits: ["Credits", "Créditos"],
  difference: ["Difference", "Diferença"],
  balanced: ["balanced", "equilibrada"],
  unbalanced: ["out of balance", "desequilibrada"],
  trace: ["Trace of a payment", "Percurso de um pagamento"],
  close: ["Close", "Fechar"],
  trace_reading: ["Reading the trace…", "Lendo o percurso…"],
  trace_failed: ["The trace cannot be read: {why}", "O percurso não pôde ser lido: {why}"],
  trace_none: ["Nothing is recorded yet", "Nada registrado ainda"],
  no_answer: ["the server did not answer", "o servidor não respondeu"],
  family_payments: ["payments", "pagamentos"],
  family_fraud: ["fraud", "fraude"],
  family_gateway: ["gateway", "gateway"],
  family_messaging: ["messaging", "mensageria"],
  family_delivery: ["delivery", "entrega"],
  family_reconciliation: ["reconciliation", "conciliação"],
  status_received: ["received", "recebido"],
  status_screening: ["screening", "em triagem"],
  status_rejected: ["rejected", "rejeitado"],
  status_in_review: ["in review", "em revisão"],
  status_processing: ["processing", "em processamento"],
  status_requires_action: ["requires action", "requer ação"],
  status_authorized: ["authorized", "autorizado"],
  status_partially_captured: ["partially captured", "capturado em parte"],
  status_captured: ["captured", "capturado"],
  status_failed: ["failed", "falhou"],
  status_unknown: ["unknown", "desconhecido"],
  status_voided: ["voided", "cancelado"],
  status_expired: ["expired", "expirado"],
  kind_command: ["command", "comando"],
  kind_score: ["score", "pontuação"],
  kind_attempt: ["attempt", "tentativa"],
  kind_posting: ["posting", "partida"],
  kind_event: ["event", "evento"],
  kind_delivery: ["delivery", "entrega"],
  kind_notification: ["notification", "notificação"],
  kind_missing: ["missing", "ausente"],
  kind_unexpected: ["unexpected", "inesperada"],
  kind_amount: ["amount", "valor"],
  kind_duplicate: ["duplicate", "duplicada"],
  kind_malformed: ["malformed", "malformada"]
}

/** Two decimals are the rule: the page needs the exceptions only. */
const exponents = Object.fromEntries(
  currencyCodes.map((code) => [code, exponentOf(code)] as const).filter(([, digits]) =>
    digits !== 2
  )
)

/** JSON inside a script element: a `<` could end it. */
const embedded = (value: unknown): string => JSON.stringify(value).replaceAll("<", "\\u003c")

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

/** The script fills in the header and the rows. */
const panel = (id: string, head = ""): string => `
<section class="panel" id="${id}" aria-labelledby="${id}-name">
  <div class="head"><h2 id="${id}-name" tabindex="-1" data-t="${id}"></h2>${head}</div>
  <div class="scroll" id="${id}-scroll" hidden><table role="table" aria-labelledby="${id}-name">
    <thead role="rowgroup"><tr role="row"></tr></thead><tbody role="rowgroup"></tbody>
  </table></div>
  <p class="nothing" data-t="${id}_none"></p>
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
  <div id="banner" hidden><p><b id="banner-what"></b> <span id="banner-age"></span></p></div>
</header>
<p class="vh" id="announce" role="status" aria-live="polite"></p>
<noscript><p>This page needs JavaScript. / Esta página precisa de JavaScript.</p></noscript>
<nav id="jump">
  ${jump("reviews")}${jump("partitions")}${jump("dead")}${jump("breaks")}
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
    <div id="families"></div>
    <p class="nothing" id="families-none" data-t="no_partitions"></p>
  </section>
  <div class="columns">${panel("dead")}${panel("breaks")}</div>
</main>
<dialog id="trace" aria-labelledby="trace-name">
  <div class="head">
    <h2 id="trace-name" tabindex="-1" data-t="trace"></h2>
    <button type="button" id="trace-close" data-t="close"></button>
  </div>
  <div class="about">
    <p class="mono" id="trace-id"></p><p id="trace-about"></p>
    <p class="muted" id="trace-state" role="status"></p>
  </div>
  <ol id="steps"></ol>
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
<style>${operatorPageStyle}</style>
</head>
<body class="empty">${body}
<script type="application/json" id="words">${embedded(words)}</script>
<script type="application/json" id="exponents">${embedded(exponents)}</script>
<script>"use strict"
{${operatorPageParts}${operatorPageLists}${operatorPageScript}}</script>
</body>
</html>
`
