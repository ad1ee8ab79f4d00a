import type { ProblemKind } from "./kind.ts"

const PAGE = "Look for it in the list."

/** What is not where a request looks for it, or cannot be done there: told by the routes themselves. */
export const placeProblems = {
  account_not_found: {
    status: 404,
    means: "This merchant has no account of this name; an account begins with its first posting.",
    mends: PAGE,
    request: "GET /v1/accounts"
  },
  action_not_found: {
    status: 404,
    means: "No operator did anything under this identifier.",
    mends: PAGE,
    request: "GET /v1/operations/actions"
  },
  checkpoint_not_found: {
    status: 404,
    means: "The journal has no signed checkpoint of this size, or none at all yet.",
    mends: "Ask for the newest; sizes that were published once are never forgotten.",
    request: "GET /v1/audit/checkpoint"
  },
  dead_letter_not_found: {
    status: 404,
    means: "There is no dead letter of this identifier.",
    mends: PAGE,
    request: "GET /v1/dead-letters?status=all"
  },
  dead_letter_settled: {
    status: 409,
    means: "The dead letter was replayed or discarded already.",
    mends: "Nothing: read it to see by whom, and what came of it.",
    request: "GET /v1/dead-letters/dl_…"
  },
  endpoint_not_found: {
    status: 404,
    means: "This merchant has no webhook endpoint of this identifier.",
    mends: PAGE,
    request: "GET /v1/webhook-endpoints"
  },
  family_not_found: {
    status: 404,
    means: "There is no family of this name; `detail` lists those that there are.",
    mends: "Name one of them."
  },
  gateway_not_found: {
    status: 404,
    means: "No gateway of this name is configured here, or it sends no webhooks.",
    mends: "Compare the address that was registered at the gateway with the configuration."
  },
  page_file_not_found: {
    status: 404,
    means: "There is no such file or page in the version that runs here.",
    mends: "Load the page that led here again."
  },
  shared_mailbox: {
    status: 409,
    means:
      "The family is decided in the turns of another one, whose mailbox it shares, and stands still only with it.",
    mends:
      "Name one key of it, or the family that `detail` names and with it all that share its mailbox."
  },
  qr_code_not_found: {
    status: 404,
    means: "The payment does not wait for a Pix: it is a card's, was paid, or was given up.",
    mends: "Read the payment; `next_action` is there as long as there is a code.",
    request: "GET /v1/payments/pay_…"
  },
  transfer_not_found: {
    status: 404,
    means: "This merchant has neither sent nor received a transfer of this identifier.",
    mends: PAGE,
    request: "GET /v1/transfers"
  },
  signature_refused: {
    status: 401,
    means: "What came to a gateway's address is not signed as that gateway signs.",
    mends: "Compare the webhook's secret here with the one at the gateway."
  },
  sizes_needed: {
    status: 400,
    means: "A proof of consistency is between two checkpoints, and a size is missing.",
    mends: "Name both.",
    request: "GET /v1/audit/consistency?first=1&second=2"
  },
  source_missing: {
    status: 400,
    means: "Nobody said which gateway the settlement file comes from.",
    mends: "Name it.",
    request: "POST /v1/settlement-files?source=simulator\nContent-Type: text/csv\n\n…"
  },
  date_missing: {
    status: 422,
    means: "No line of the settlement file has a day, and none was named.",
    mends: "Name the day that it settles.",
    request:
      "POST /v1/settlement-files?source=simulator&date=2026-11-01\nContent-Type: text/csv\n\n…"
  },
  unknown_event: {
    status: 422,
    means: "An endpoint asks for an event that is never told. `errors` says which.",
    mends: "Name events of docs/events.md, or a family of them such as `payment.*`."
  },
  url_refused: {
    status: 422,
    means: "Nothing is sent to this address: it is not https, private, or hides what it is.",
    mends: "Name a public address with https.",
    request: "POST /v1/webhook-endpoints\nContent-Type: application/json\n\n" +
      '{"url": "https://example.com/hooks", "events": ["payment.*"]}'
  }
} satisfies Record<string, ProblemKind>
