/**
 * What every answer tells a browser: to take it for what it says that it is, to keep nothing of it, to run
 * nothing in it and to tell no other site where it comes from. Pages say otherwise where they are to be shown.
 */
export const guardedHeaders: Readonly<Record<string, string>> = {
  "x-content-type-options": "nosniff",
  "cache-control": "no-store",
  "referrer-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'"
}

/** Two years, as browsers' own lists ask for it. Only said where the connection is encrypted. */
export const STRICT_TRANSPORT = "max-age=63072000; includeSubDomains"
