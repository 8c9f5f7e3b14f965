import assert from 'node:assert/strict';
import { parseReadyAddresses } from '../../../../demo/traffic/replica-list.ts';
import { createReplicaPool } from '../../../../demo/traffic/replica-pool.ts';

describe('the front’s pool of replicas', () => {
  it('takes them in turn', () => {
    const pool = createReplicaPool(1000);
    pool.update(['b:1', 'a:1', 'c:1']);
    const chosen = Array.from({ length: 6 }, () => pool.next(0));
    assert.deepEqual(chosen, ['a:1', 'b:1', 'c:1', 'a:1', 'b:1', 'c:1']);
  });

  it('has none to give when there is none', () => {
    const pool = createReplicaPool(1000);
    assert.equal(pool.next(0), null);
    pool.update(['a:1']);
    assert.equal(pool.next(0, 'a:1'), null);
  });

  it('leaves out for the set time one that refused a connection', () => {
    const pool = createReplicaPool(1000);
    pool.update(['a:1', 'b:1']);
    pool.eject('a:1', 5000);
    assert.deepEqual([pool.next(5001), pool.next(5999)], ['b:1', 'b:1']);
    assert.ok([pool.next(6000), pool.next(6000)].includes('a:1'));
  });

  it('reads the ready replicas from the control plane’s view, and no list as null', () => {
    const replicas = [
      { replicaId: 'r1', address: '127.0.0.1:21000', phase: 'ready' },
      { replicaId: 'r2', address: '127.0.0.1:21001', phase: 'starting' },
      { replicaId: 'r3', address: '127.0.0.1:21002', phase: 'stopping' },
      { replicaId: 'r4', phase: 'ready' },
    ];
    assert.deepEqual(parseReadyAddresses({ replicas }), ['127.0.0.1:21000']);
    assert.deepEqual(parseReadyAddresses({ replicas: [] }), []);
    for (const body of [null, 'text', {}, { replicas: 3 }]) {
      assert.equal(parseReadyAddresses(body), null);
    }
  });
});
