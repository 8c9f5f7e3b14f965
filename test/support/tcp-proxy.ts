/**
 * A TCP proxy in front of one member's Raft listener, through which the others reach it, so that a test
 * can cut members off from each other: what is on its way stands still, as when a network loses every
 * packet, and goes on, or breaks, once the cut is healed. Who dials is read from the first bytes, in
 * which a member says its id.
 */

import { createConnection, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

interface Passage {
  readonly client: Socket;
  readonly server: Socket;
  from: string | null;
}

export interface TcpProxy {
  readonly port: number;
  /** Nothing passes any more between the member behind the proxy and these. */
  cut(from: readonly string[]): void;
  /** Everything passes again; connections that stood still are broken when `breaking`. */
  heal(breaking: boolean): void;
  stop(): Promise<void>;
}

/**
 * @param memberId behind the proxy
 * @param others ids that may dial
 * @param targetPort of its real listener on loopback
 */
export async function startTcpProxy(
  memberId: string,
  others: readonly string[],
  targetPort: () => number,
): Promise<TcpProxy> {
  const passages = new Set<Passage>();
  let cutOff: readonly string[] = [];
  const isCut = (passage: Passage): boolean =>
    passage.from !== null && cutOff.includes(passage.from);
  const pass = (passage: Passage, from: Socket, to: Socket, bytes: string | Buffer): void => {
    if (to.write(bytes)) return;
    from.pause();
    to.once('drain', () => {
      if (!isCut(passage)) from.resume();
    });
  };
  const server: Server = createServer((client) => {
    const upstream = createConnection({ host: '127.0.0.1', port: targetPort() });
    const passage: Passage = { client, server: upstream, from: null };
    passages.add(passage);
    const end = (): void => {
      passages.delete(passage);
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true);
      socket.on('error', end);
      socket.on('close', end);
    }
    client.on('data', (bytes) => {
      passage.from ??= dialer(bytes, memberId, others);
      if (isCut(passage)) {
        freeze(passage);
        // A connection that is made during the cut gets nothing through either.
        client.unshift(bytes);
      } else {
        pass(passage, client, upstream, bytes);
      }
    });
    upstream.on('data', (bytes) => pass(passage, upstream, client, bytes));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    cut: (from) => {
      cutOff = from;
      for (const passage of passages) if (isCut(passage)) freeze(passage);
    },
    heal: (breaking) => {
      const frozen = [...passages].filter(isCut);
      cutOff = [];
      for (const { client, server: upstream } of frozen) {
        if (breaking) client.destroy();
        client.resume();
        upstream.resume();
      }
    },
    stop: async () => {
      for (const { client, server: upstream } of passages) {
        client.destroy();
        upstream.destroy();
      }
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function freeze({ client, server }: Passage): void {
  client.pause();
  server.pause();
}

/** A hello names the member that is dialled as well: it is not the one. */
function dialer(
  bytes: string | Buffer,
  memberId: string,
  others: readonly string[],
): string | null {
  const text = bytes.toString('latin1');
  return others.find((id) => id !== memberId && text.includes(id)) ?? null;
}
