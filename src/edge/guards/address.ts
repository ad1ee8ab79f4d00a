import { isWithin } from "./ranges.ts"
import type { Guard } from "./knock.ts"

export interface AddressLists {
  /** Nobody else is let in, where there are any. */
  readonly allowed: ReadonlyArray<string>
  readonly denied: ReadonlyArray<string>
}

/** Addresses that are let in at all, whatever key they have. */
export const address = ({ allowed, denied }: AddressLists): Guard => ({
  name: "address",
  against: ({ address }) =>
    !isWithin(address, denied) && (allowed.length === 0 || isWithin(address, allowed))
      ? undefined
      : { code: "request_refused", detail: "this address is not let in" }
})
