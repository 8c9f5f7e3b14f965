/**
 * host:port, as nodes and members are reached. Whether anybody listens there is for whoever connects
 * to find out.
 */

import { text } from './document.ts';

/** Host name, IPv4 or bracketed IPv6 address, and port. */
const ADDRESS = /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\]):(\d{1,5})$/u;

export function hostPort() {
  return text('host:port', 262).refine((value) => isAddress(value), {
    error: 'expected host:port with a port from 1 to 65535',
  });
}

function isAddress(value: string): boolean {
  const port = Number(ADDRESS.exec(value)?.[1] ?? 0);
  return port >= 1 && port <= 65_535;
}
