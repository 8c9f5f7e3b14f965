import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { createReplicaLister } from '../../../../demo/traffic/replica-list.ts';

describe('the list of replicas', () => {
  it('is asked for with the key, and names the ready ones', async () => {
    const asked: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      asked.push(request.headers.authorization);
      const replicas = [
        { address: '10.0.0.1:8080', phase: 'ready' },
        { address: '10.0.0.2:8080', phase: 'starting' },
      ];
      response.end(JSON.stringify({ replicas }));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    assert.ok(typeof address === 'object' && address !== null);
    const planeUrls = [`http://127.0.0.1:${(address satisfies AddressInfo).port}`];
    for (const key of ['omk_x', null]) {
      const listing = await createReplicaLister({ planeUrls, key }, 'w', 5000)();
      assert.deepEqual(listing, { kind: 'known', addresses: ['10.0.0.1:8080'] });
    }
    assert.deepEqual(asked, ['Bearer omk_x', undefined]);
    server.close();
    server.closeAllConnections();
  });
});
