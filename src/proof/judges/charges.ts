/** An operation in the gateway's own book. */
interface GatewayOperation {
  readonly kind: string
  readonly status: string
  /** 1 where money is taken or moved. */
  readonly captured: number
  readonly amount: number
}

/** M2: where a payment says something else than the gateway's own memory of it. */
export const chargeAstray = (
  payment: { readonly id: string; readonly captured: bigint; readonly refunded: bigint },
  operations: ReadonlyArray<GatewayOperation>
): ReadonlyArray<string> => {
  const made = operations.filter(({ status }) => status === "approved")
  const charges = made.filter(({ kind }) => kind === "charge").length
  const moved = (kinds: ReadonlyArray<string>) =>
    made.filter(({ captured, kind }) => captured === 1 && kinds.includes(kind))
      .reduce((sum, { amount }) => sum + BigInt(amount), 0n)
  const differs = (what: string, ours: bigint, theirs: bigint) =>
    ours === theirs ? [] : [`${payment.id} ${what} ${ours}, the gateway ${theirs}`]
  return [
    ...(charges > 1 ? [`${payment.id} has ${charges} charges`] : []),
    ...differs("captured", payment.captured, moved(["charge", "capture"])),
    ...differs("refunded", payment.refunded, moved(["refund"]))
  ]
}
