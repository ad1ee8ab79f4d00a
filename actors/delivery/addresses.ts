import { lookup as systemLookup, type LookupAddress } from "node:dns"
import type { LookupFunction } from "node:net"
import ipaddr from "ipaddr.js"

/** Only addresses of the public internet may be called: not loopback, private, link-local, metadata … */
const isPublic = (address: string): boolean =>
  ipaddr.isValid(address) && ipaddr.process(address).range() === "unicast"

export class AddressRefused extends Error {
  readonly _tag = "AddressRefused"
}

/**
 * Checks what the name resolves to at the moment of the connection, so that a name which changes
 * its address after registration gains nothing.
 */
export const guardedLookup: LookupFunction = (hostname, options, callback) => {
  systemLookup(hostname, { ...options, all: true }, (error, found) => {
    const addresses = found as unknown as ReadonlyArray<LookupAddress>
    if (error !== null) return callback(error, "", 0)
    if (addresses.length === 0 || addresses.some(({ address }) => !isPublic(address))) {
      return callback(new AddressRefused(`${hostname} leads to a private address`), "", 0)
    }
    if (options.all === true) return callback(null, addresses as Array<LookupAddress>)
    callback(null, addresses[0]!.address, addresses[0]!.family)
  })
}

/** A literal address skips the lookup on every client, so it is checked on its own. */
export const literalProblem = (url: URL): string | undefined => {
  const host = url.hostname.replace(/^\[|\]$/g, "")
  return ipaddr.isValid(host) && !isPublic(host) ? `${host} is a private address` : undefined
}
