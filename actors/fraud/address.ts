import ipaddr from "ipaddr.js"

/** One spelling per address, so that `::ffff:203.0.113.66` is no way round a list or a count. */
export const canonicalIp = (ip: string): string =>
  ipaddr.isValid(ip) ? ipaddr.process(ip).toString() : ip.toLowerCase()
