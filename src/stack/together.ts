/**
 * Begins servers at the same time. Where one fails the others are awaited before it is told, so that
 * whoever stops what was started misses none that was still on its way.
 */
export const together = async <A extends ReadonlyArray<unknown>>(
  starts: { readonly [Index in keyof A]: Promise<A[Index]> }
): Promise<A> => {
  await Promise.allSettled(starts)
  return await Promise.all(starts) as unknown as A
}
