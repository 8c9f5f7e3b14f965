/**
 * Asks a replica whether it can serve: one GET on loopback, 200 means yes, anything else and
 * silence until the deadline mean no. It follows no redirect and reads no body.
 */

import { get } from 'node:http';

/** Never rejects. */
export function probeReadiness(port: number, path: string, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const request = get({ host: '127.0.0.1', port, path, signal, agent: false }, (response) => {
      resolve(response.statusCode === 200);
      response.destroy();
    });
    request.once('error', () => resolve(false));
    request.once('close', () => resolve(false));
  });
}
