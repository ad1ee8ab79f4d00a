/**
 * The page's parts. What comes from the server enters the page through `textContent` and attributes
 * set by name only. Rows are kept by key and changed in place: focus, selection and the pointer stay
 * where they are while readings arrive.
 */

/** Proves that what asks for a change is this page. */
export const csrf = document.querySelector('meta[name="csrf"]')?.getAttribute("content") ?? ""

/** @type {(id: string) => HTMLElement} */
export const el = (id) => {
  const found = document.getElementById(id)
  if (found === null) throw new Error("the page has no #" + id)
  return found
}
/** @type {(id: string) => HTMLDialogElement} */
export const dialogOf = (id) => /** @type {HTMLDialogElement} */ (el(id))
/** @type {(value: unknown) => Array<any>} */
export const list = (value) => Array.isArray(value) ? value : []
export const put = (node, text) => {
  if (node.textContent !== String(text)) node.textContent = String(text)
}
export const mark = (node, name, value) => {
  if (value === null || value === undefined) node.removeAttribute(name)
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, String(value))
}
export const make = (tag, classes, parent) => {
  const node = document.createElement(tag)
  if (classes) node.className = classes
  if (parent) parent.append(node)
  return node
}
/** Parts made once per node: part(td, "sub", () => make(…)). */
export const part = (node, name, create) => (node.parts ??= {})[name] ??= create()
export const line = (cell, name, classes, text, title) => {
  const node = part(cell, name, () => make("span", classes, cell))
  put(node, text)
  mark(node, "title", title)
  return node
}
export const button = (cell, name, classes, act) =>
  part(cell, name, () => {
    const node = make("button", classes, cell)
    node.type = "button"
    node.addEventListener("click", (event) => {
      event.stopPropagation()
      act(node)
    })
    return node
  })
export const announce = (text) => put(el("announce"), text)

/** Makes the children of parent those of items, in order, each kept by its key and updated. */
export const sync = (parent, items, keyOf, create, update) => {
  const nodes = part(parent, "nodes", () => new Map())
  const wanted = new Map()
  items.forEach((item, index) => {
    let key = String(keyOf(item, index))
    while (wanted.has(key)) key += "'"
    wanted.set(key, item)
  })
  const focused = parent.contains(document.activeElement)
    ? /** @type {HTMLElement} */ (document.activeElement)
    : null
  for (const [key, node] of nodes) {
    if (!wanted.has(key)) {
      node.remove()
      nodes.delete(key)
    }
  }
  let next = parent.firstChild
  for (const [key, item] of wanted) {
    let node = nodes.get(key)
    if (!node) {
      node = create(item)
      nodes.set(key, node)
    }
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
export const chip = (cell, text, tone) => mark(line(cell, "chip", "chip", text), "data-tone", tone)
