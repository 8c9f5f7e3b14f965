/** The server of a fake API: on a free port of 127.0.0.1, with requests that a test can hold back. */

import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';

export class FakeServer {
  readonly #server: Server;
  #gate: Promise<undefined> = Promise.resolve(undefined);

  /** @param serve makes the server; plain HTTP when undefined */
  constructor(
    serve: ((listener: RequestListener) => Server) | undefined,
    answer: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
  ) {
    this.#server = (serve ?? createServer)((request, response) => {
      void answer(request, response);
    });
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('not listening');
    return address.port;
  }

  /** Resolves when nothing is held back. */
  get gate(): Promise<undefined> {
    return this.#gate;
  }

  /** From now on what comes waits, until the function that it answers with is called. */
  stall(): () => void {
    const gate = Promise.withResolvers<undefined>();
    this.#gate = gate.promise;
    return () => gate.resolve(undefined);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
