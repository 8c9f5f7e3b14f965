/** Something for a real Prometheus to scrape: a server of loopback whose text the test may change. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Exporter {
  /** host:port */
  readonly address: string;
  /** The exposition that the next scrapes get. */
  text: string;
  stop(): Promise<void>;
}

export async function startExporter(text: string): Promise<Exporter> {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' });
    response.end(exporter.text);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const exporter: Exporter = {
    text,
    address: `127.0.0.1:${port}`,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return exporter;
}
