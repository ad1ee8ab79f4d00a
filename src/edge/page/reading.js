/** What the server said last, and who is told when what is shown is out of date. */

/** @type {any} */
export let overview = null
export let receivedAt = 0
export const take = (reading) => {
  overview = reading
  receivedAt = Date.now()
}

/** The server's clock, so that ages do not depend on this machine's. */
const serverNow = () => new Date(overview.at).getTime() + Date.now() - receivedAt
export const secondsSince = (iso) => (serverNow() - new Date(iso).getTime()) / 1000

const page = new EventTarget()
/** A language or an action changed what is to be shown. */
export const changed = () => page.dispatchEvent(new Event("changed"))
export const whenChanged = (show) => page.addEventListener("changed", () => show())
/** Something was done: the next reading is wanted now. */
export const outdated = () => page.dispatchEvent(new Event("outdated"))
export const whenOutdated = (read) => page.addEventListener("outdated", () => read())
