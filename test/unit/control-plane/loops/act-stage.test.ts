import assert from 'node:assert/strict';
import { dockerWorkload } from '../../../support/docker-workload.ts';
import { createMemoryScaleTarget } from '../../../support/memory-scale-target.ts';
import { createScalePlane } from '../../../support/scale-plane.ts';

describe('telling the scaling targets', () => {
  it('moves a workload to another target: its replicas there, and none where it was', async () => {
    const local = createMemoryScaleTarget();
    const docker = createMemoryScaleTarget();
    const p = createScalePlane({ targets: { local_process: local, docker } });
    const running = async () =>
      Promise.all(
        [local, docker].map(async (target) => {
          const replicas = await target.readReplicas(dockerWorkload('w'), p.signal);
          return replicas.length;
        }),
      );
    await p.put('w', {});
    await p.tick();
    assert.deepEqual(await running(), [1, 0]);
    await p.propose({ kind: 'raise_format', formatVersion: 3 });
    const put = { kind: 'put_workload', source: 'api', expectedVersion: null } as const;
    await p.propose({ ...put, workload: dockerWorkload('w') });
    await p.tick();
    assert.deepEqual(await running(), [0, 1]);
    await p.put('w', {});
    await p.tick();
    assert.deepEqual(await running(), [1, 0]);
    p.stop();
  });
});
