/**
 * The addresses of a receiver's name, where all of them are ones that a receiver may have. Asked when
 * the connection is made, for the addresses that it is made to: a name may mean others a moment later.
 */

import { lookup } from 'node:dns';
import type { LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { addressFault } from '../../schemas/receiver-url.ts';

export const guardedLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error !== null) {
      callback(error, '', 0);
      return;
    }
    const fault = faultOf(hostname, addresses);
    const [first] = addresses;
    if (fault !== null || first === undefined) {
      callback(new Error(fault ?? `${hostname} has no address`), '', 0);
    } else if (options.all === true) {
      callback(null, addresses);
    } else {
      callback(null, first.address, first.family);
    }
  });
};

function faultOf(hostname: string, addresses: readonly LookupAddress[]): string | null {
  for (const { address } of addresses) {
    const fault = addressFault(address);
    if (fault !== null) return `${hostname}: ${fault}`;
  }
  return null;
}
