/** What is in `left` more often than in `right`. */
export const surplus = (
  left: ReadonlyArray<string>,
  right: ReadonlyArray<string>
): ReadonlyArray<string> => {
  const others = new Map<string, number>()
  for (const name of right) others.set(name, (others.get(name) ?? 0) + 1)
  return left.filter((name) => {
    const count = others.get(name) ?? 0
    others.set(name, count - 1)
    return count <= 0
  })
}
