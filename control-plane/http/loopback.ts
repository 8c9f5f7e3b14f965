/**
 * Which names and addresses are this machine alone. Without keys the server listens on these and
 * answers to these; a name that is not listed counts as beyond loopback, whatever it resolves to.
 */

import { BlockList, isIP, isIPv6 } from 'node:net';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');
LOOPBACK.addSubnet('::ffff:127.0.0.0', 104, 'ipv6');

/** `host` without port: a name, an IPv4 address or an IPv6 address with or without brackets. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/u, '$1');
  if (isIP(bare) === 0) return bare.toLowerCase() === 'localhost';
  return LOOPBACK.check(bare, isIPv6(bare) ? 'ipv6' : 'ipv4');
}

/** The host of a Host header, without port. */
export function hostOf(header: string): string {
  return header.replace(/:\d*$/u, '');
}
