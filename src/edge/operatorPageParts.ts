/**
 * Words, numbers and rows of the operator page, as the browser runs them. What comes from the server
 * enters the page through `textContent` and attributes set by name only. Rows are kept by key and
 * changed in place: focus, selection and the pointer stay where they are while readings arrive.
 */
export const operatorPageParts = String.raw`
const el = (id) => document.getElementById(id)
const list = (value) => Array.isArray(value) ? value : []
const WORDS = Object.fromEntries(el("words").textContent.split("\n").map((line) => {
  const [key, ...pair] = line.split("|")
  return [key, pair]
}))
const EXPONENTS = JSON.parse(el("exponents").textContent)

// Words, numbers, times

const remembered = () => { try { return localStorage.getItem("lastro.language") } catch { return null } }
let language = remembered() || (/^pt\b/i.test(navigator.language) ? "pt-BR" : "en")
const t = (key, values = {}) => {
  const pair = WORDS[key]
  if (!pair) return key
  return pair[language === "pt-BR" ? 1 : 0].replace(/\{(\w+)\}/g, (_, name) => String(values[name]))
}
/** A word the server chose: translated where it is known, else as it came. */
const named = (prefix, value) => {
  const text = String(value ?? "–")
  return Object.hasOwn(WORDS, prefix + text) ? t(prefix + text) : text.replace(/_/g, " ")
}
const plural = (key, count) => count === 1 ? t(key + "_one") : t(key, { n: number(count) })
const number = (value, digits = 0) => typeof value === "number" && Number.isFinite(value)
  ? new Intl.NumberFormat(language, { maximumFractionDigits: digits }).format(value) : "–"
const rate = (value) => number(value, value < 100 ? 1 : 0)
const millis = (value) => typeof value !== "number" ? "–"
  : value < 1000 ? number(value, value < 10 ? 1 : 0) + " ms" : number(value / 1000, 2) + " s"
/** Minor units, a number or beyond 2^53 a string, never through a float. */
const decimal = (value, currency) => {
  let units
  try { units = BigInt(value) } catch { return String(value ?? "–") }
  const digits = EXPONENTS[currency] ?? 2
  const text = String(units < 0n ? -units : units).padStart(digits + 1, "0")
  const whole = new Intl.NumberFormat(language).format(BigInt(text.slice(0, text.length - digits)))
  const point = language === "pt-BR" ? "," : "."
  return (units < 0n ? "−" : "") + whole + (digits ? point + text.slice(-digits) : "")
}
const money = (value, currency) => decimal(value, currency) + " " + (currency ?? "")
const span = (seconds) => {
  if (typeof seconds !== "number" || !Number.isFinite(seconds)) return "–"
  const s = Math.max(0, seconds)
  if (s < 10) return number(s, 1) + " s"
  if (s < 120) return number(Math.round(s)) + " s"
  if (s < 7200) return number(Math.floor(s / 60)) + " min"
  return s < 172800 ? number(Math.floor(s / 3600)) + " h" : number(Math.floor(s / 86400)) + " d"
}
const clock = (iso, fraction) => {
  const date = new Date(iso)
  if (Number.isNaN(date.getTime())) return String(iso ?? "–")
  return new Intl.DateTimeFormat(language, {
    hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
    ...(fraction && { fractionalSecondDigits: 3 }),
    ...(date.toDateString() !== new Date().toDateString() && { day: "2-digit", month: "short" })
  }).format(date)
}
const short = (id) => {
  const text = String(id ?? "–")
  return text.length > 22 ? text.slice(0, 12) + "…" + text.slice(-6) : text
}

// The page's parts

const put = (node, text) => {
  if (node.textContent !== String(text)) node.textContent = String(text)
}
const mark = (node, name, value) => {
  if (value === null || value === undefined) node.removeAttribute(name)
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, String(value))
}
const make = (tag, classes, parent) => {
  const node = document.createElement(tag)
  if (classes) node.className = classes
  if (parent) parent.append(node)
  return node
}
/** Parts made once per node: part(td, "sub", () => make(…)). */
const part = (node, name, create) => (node.parts ??= {})[name] ??= create()
const line = (cell, name, classes, text, title) => {
  const node = part(cell, name, () => make("span", classes, cell))
  put(node, text)
  mark(node, "title", title)
  return node
}
const button = (cell, name, classes, act) => part(cell, name, () => {
  const node = make("button", classes, cell)
  node.type = "button"
  node.addEventListener("click", (event) => { event.stopPropagation(); act(node) })
  return node
})
const announce = (text) => put(el("announce"), text)

/** Makes the children of parent those of items, in order, each kept by its key and updated. */
const sync = (parent, items, keyOf, create, update) => {
  const nodes = part(parent, "nodes", () => new Map())
  const wanted = new Map()
  items.forEach((item, index) => {
    let key = String(keyOf(item, index))
    while (wanted.has(key)) key += "'"
    wanted.set(key, item)
  })
  const focused = parent.contains(document.activeElement) ? document.activeElement : null
  for (const [key, node] of nodes) {
    if (!wanted.has(key)) { node.remove(); nodes.delete(key) }
  }
  let next = parent.firstChild
  for (const [key, item] of wanted) {
    let node = nodes.get(key)
    if (!node) { node = create(item); nodes.set(key, node) }
    node.item = item
    if (node === next) next = next.nextSibling
    else parent.insertBefore(node, next)
    update(node, item)
  }
  if (focused && document.activeElement !== focused) {
    if (focused.isConnected) focused.focus()
    else parent.closest("section")?.querySelector("h2").focus()
  }
}
`
