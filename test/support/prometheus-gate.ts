/**
 * Stands between members and a real Prometheus and passes everything on, but for questions for a history,
 * which it holds back while it is shut: so that a test sees what happens until the history was read.
 */

import { createServer, request } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { listenLocally } from './process.ts';

export interface PrometheusGate {
  readonly url: string;
  /** Questions for a history that wait at this moment. */
  waiting(): number;
  shut(): void;
  open(): void;
  stop(): Promise<void>;
}

export async function startPrometheusGate(upstream: string): Promise<PrometheusGate> {
  let isShut = false;
  const held = new Set<() => void>();
  const server = createServer((from, to) => {
    const pass = (): void => passOn(upstream, from, to);
    if (!isShut || !(from.url ?? '').startsWith('/api/v1/query_range')) {
      pass();
      return;
    }
    held.add(pass);
    to.on('close', () => held.delete(pass));
  });
  const port = await listenLocally(server);
  const open = (): void => {
    isShut = false;
    for (const pass of held) pass();
    held.clear();
  };
  return {
    url: `http://127.0.0.1:${port}`,
    waiting: () => held.size,
    shut: () => {
      isShut = true;
    },
    open,
    stop: async () => {
      open();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function passOn(upstream: string, from: IncomingMessage, to: ServerResponse): void {
  const { method, headers } = from;
  const onward = request(new URL(from.url ?? '/', upstream), { method, headers }, (answer) => {
    to.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(to);
  });
  onward.on('error', () => to.destroy());
  from.pipe(onward);
}
