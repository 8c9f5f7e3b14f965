import assert from 'node:assert/strict';
import { ReplicaWatch } from '../../../../control-plane/loops/replica-watch.ts';
import type { SeenReplicas } from '../../../../control-plane/loops/sight.ts';

const seen = (...ids: readonly string[]): SeenReplicas => ({
  kind: 'seen',
  replicas: ids.map((replicaId) => ({
    replicaId,
    workloadId: 'w',
    address: '127.0.0.1:1',
    metricsPath: '/metrics',
    phase: 'ready',
    startedAtMs: 0,
  })),
});
const unseen: SeenReplicas = { kind: 'unseen', detail: 'away' };

describe('the watch over replicas', () => {
  const ids = (watch: ReplicaWatch) => watch.of('w').map(({ replicaId }) => replicaId);

  it('is empty before the first look, and then shows the last', () => {
    const watch = new ReplicaWatch();
    assert.deepEqual(ids(watch), []);
    watch.saw(new Map([['w', seen('a')]]), 1);
    watch.saw(new Map([['w', seen('a', 'b')]]), 2);
    assert.deepEqual(ids(watch), ['a', 'b']);
  });

  it('keeps the list of a target that did not answer, and drops a workload that is gone', () => {
    const watch = new ReplicaWatch();
    watch.saw(new Map([['w', seen('a')]]), 1);
    watch.saw(new Map([['w', unseen]]), 2);
    assert.deepEqual(ids(watch), ['a']);
    watch.saw(new Map(), 3);
    watch.saw(new Map([['w', unseen]]), 4);
    assert.deepEqual(ids(watch), []);
  });

  it('misses what no look has seen, and not what it saw empty', () => {
    const watch = new ReplicaWatch();
    assert.equal(watch.isMissing('w'), true, 'before the first look');
    watch.saw(new Map([['w', unseen]]), 1);
    assert.equal(watch.isMissing('w'), true);
    assert.equal(watch.isMissing('newer'), false);
    watch.saw(new Map([['w', seen()]]), 2);
    watch.saw(new Map([['w', unseen]]), 3);
    assert.equal(watch.isMissing('w'), false);
  });

  it('takes a look at some workloads, and leaves the others as they are', () => {
    const watch = new ReplicaWatch();
    watch.saw(
      new Map([
        ['v', seen('other')],
        ['w', seen('a')],
      ]),
      1,
    );
    watch.sawSome(new Map([['w', seen('a', 'b')]]), 2);
    assert.deepEqual(ids(watch), ['a', 'b']);
    assert.equal(watch.of('v').length, 1);
    watch.sawSome(new Map([['w', unseen]]), 3);
    assert.deepEqual(ids(watch), ['a', 'b']);
    assert.deepEqual([watch.seenAtMs('v'), watch.seenAtMs('w')], [1, null]);
  });

  it('keeps of each workload the newest look, whichever ends first', () => {
    const watch = new ReplicaWatch();
    watch.saw(new Map([['w', seen('a')]]), 1);
    watch.sawSome(new Map([['w', seen('newest')]]), 5);
    watch.saw(new Map([['w', seen('older')]]), 4);
    assert.deepEqual(ids(watch), ['newest']);
    watch.sawSome(new Map([['w', seen('oldest')]]), 3);
    assert.deepEqual(ids(watch), ['newest']);
    watch.saw(new Map(), 4.5);
    assert.deepEqual(ids(watch), ['newest'], 'the workload may be newer than that look');
    watch.saw(new Map(), 5);
    assert.deepEqual(ids(watch), []);
  });

  it('has not looked before there was a look at all of them', () => {
    const watch = new ReplicaWatch();
    watch.sawSome(new Map([['w', seen('a')]]), 1);
    assert.equal(watch.hasLooked, false);
    assert.equal(watch.isMissing('w'), true);
    watch.saw(new Map([['w', seen('a')]]), 2);
    assert.equal(watch.hasLooked, true);
    watch.restart(5);
    watch.sawSome(new Map([['w', seen('old')]]), 4);
    assert.deepEqual([watch.hasLooked, ids(watch)], [false, []]);
  });

  it('begins anew when it is restarted, also for a look that had begun before', () => {
    const watch = new ReplicaWatch();
    watch.saw(new Map([['w', seen('a')]]), 1);
    watch.restart(5);
    assert.deepEqual(ids(watch), []);
    assert.equal(watch.isMissing('w'), true);
    watch.saw(new Map([['w', seen('old')]]), 4);
    assert.equal(watch.isMissing('w'), true);
    watch.saw(new Map([['w', seen('b')]]), 5);
    assert.deepEqual(ids(watch), ['b']);
  });

  it('ignores a look that began before the last one, however late it ends', () => {
    const watch = new ReplicaWatch();
    watch.saw(new Map([['w', seen('new')]]), 5);
    watch.saw(new Map([['w', seen('old')]]), 4);
    assert.deepEqual(ids(watch), ['new']);
  });
});
