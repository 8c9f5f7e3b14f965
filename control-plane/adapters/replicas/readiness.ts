/**
 * Asks a replica whether it can serve: one GET, 200 means yes, anything else and silence until the
 * deadline mean no. It follows no redirect and reads no body.
 */

import { get } from 'node:http';

/** `address` is host:port. Never rejects. */
export function probeReadiness(address: string, path: string, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const [host, port] = address.split(':');
    const request = get({ host, port: Number(port), path, signal, agent: false }, (response) => {
      resolve(response.statusCode === 200);
      response.destroy();
    });
    request.once('error', () => resolve(false));
    request.once('close', () => resolve(false));
  });
}
