import { lookup as systemLookup, type LookupAddress } from "node:dns"
import type { LookupFunction } from "node:net"
import ipaddr from "ipaddr.js"

/** The only IPv6 addresses that are given out for the public internet. */
const GLOBAL_UNICAST = ipaddr.IPv6.parseCIDR("2000::/3")
/** Parts of an address that say that the last 32 bits are an IPv4 address of the same network (ISATAP). */
const ISATAP: ReadonlyArray<number> = [0x0000, 0x0200]
const ISATAP_NEXT = 0x5efe

/**
 * Only addresses of the public internet may be called: not loopback, private, link-local, metadata … An
 * IPv6 address that holds an IPv4 address (compatible, mapped, 6to4, NAT64, Teredo, ISATAP) leads there,
 * and is none that is given to a server.
 */
const isPublic = (address: string): boolean => {
  if (!ipaddr.isValid(address)) return false
  const parsed = ipaddr.parse(address)
  if (parsed.range() !== "unicast") return false
  if (parsed.kind() === "ipv4") return true
  const { parts } = parsed as ipaddr.IPv6
  return parsed.match(GLOBAL_UNICAST) &&
    !(ISATAP.includes(parts[4]!) && parts[5] === ISATAP_NEXT)
}

class AddressRefused extends Error {
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
