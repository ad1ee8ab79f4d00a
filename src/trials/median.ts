/** Half of the values are not above it; 0 where there are none. */
export const median = (values: ReadonlyArray<number>): number =>
  values.toSorted((one, other) => one - other)[(values.length - 1) >> 1] ?? 0
