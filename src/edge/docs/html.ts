const escaped = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" } as const

export const escape = (text: string): string =>
  text.replace(/[&<>"]/g, (one) => escaped[one as keyof typeof escaped])

/** Words of a description, what stands between backticks as code. */
export const words = (text: string): string => escape(text).replace(/`([^`]+)`/g, "<code>$1</code>")
