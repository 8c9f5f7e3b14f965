import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { followLeader, parseLeader } from '../../../../demo/launcher/leader-feed.ts';
import { listenLocally, pollUntil } from '../../../support/process.ts';

describe('the feed of leaders', () => {
  const servers: Server[] = [];

  afterEach(() => {
    for (const server of servers.splice(0)) server.close().closeAllConnections();
  });

  async function member(answer: () => readonly [status: number, body: unknown]): Promise<string> {
    const server = createServer((_request, response) => {
      const [status, body] = answer();
      response.writeHead(status).end(JSON.stringify(body));
    });
    servers.push(server);
    const port = await listenLocally(server);
    return `http://127.0.0.1:${port}`;
  }

  it('tells each leader once, goes round members that do not answer, and back to no earlier term', async () => {
    let view: readonly [number, unknown] = [200, { leaderId: 'a', term: 1 }];
    const urls = [await member(() => [503, {}]), await member(() => view)];
    const stop = new AbortController();
    const told: string[] = [];
    const following = followLeader(
      {
        planeUrls: ['http://127.0.0.1:9', ...urls],
        intervalMs: 2,
        onLeader: ({ leaderId, term }) => told.push(`${leaderId} ${term}`),
      },
      stop.signal,
    );
    await pollUntil('a leads', 2000, () => told.length === 1);
    for (const [leaderId, term] of [
      ['b', 3],
      ['a', 2],
      ['b', 4],
    ] as const) {
      view = [200, { leaderId, term }];
      if (term !== 2)
        await pollUntil(`${leaderId} leads`, 2000, () => told.at(-1) === `${leaderId} ${term}`);
    }
    stop.abort();
    await following;
    assert.deepEqual(told, ['a 1', 'b 3', 'b 4']);
  });

  it('takes no leader from a body that names none', () => {
    for (const body of [null, 'x', {}, { leaderId: null, term: 1 }, { leaderId: 'a' }]) {
      assert.equal(parseLeader(body), null);
    }
    assert.deepEqual(parseLeader({ leaderId: 'a', term: 2, items: [] }), {
      leaderId: 'a',
      term: 2,
    });
  });
});
