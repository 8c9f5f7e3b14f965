import assert from 'node:assert/strict';
import { replicaGroups } from '../../../../control-plane/loops/discovery.ts';
import { readReplicas, TARGET_SWITCHES } from '../../../../control-plane/loops/sight.ts';
import { TARGET_KINDS } from '../../../../control-plane/model/workload.ts';
import { SETTINGS } from '../../../../control-plane/settings.ts';
import { createMemoryScaleTarget } from '../../../support/memory-scale-target.ts';
import { createScalePlane } from '../../../support/scale-plane.ts';
import { webhookWorkload } from '../../../support/webhook-workload.ts';

describe('a target that is switched off', () => {
  const put = { kind: 'put_workload', source: 'api', expectedVersion: null } as const;
  const chat = webhookWorkload('chat', { url: 'https://scaler.example/chat' });

  it('has its workloads hold, and say which setting switches it on', async () => {
    for (const targets of [{ webhook: null }, {}]) {
      const p = createScalePlane({ targets });
      await p.propose({ kind: 'raise_format', formatVersion: 4 });
      await p.propose({ ...put, workload: chat });
      const workloads = Object.values(p.memory.readState().workloads).map((one) => one.workload);
      const seen = await readReplicas(workloads, targets, 1_000, p.signal);
      assert.deepEqual(seen.get('chat'), {
        kind: 'unseen',
        detail:
          'the target webhook is switched off here; OMNIMIND_WEBHOOK_SECRETS_DIR switches it on',
      });
      p.stop();
    }
  });

  it('has a setting that switches it on, whichever it is', () => {
    const names = new Set<string>(SETTINGS.map(({ name }) => name));
    assert.deepEqual(Object.keys(TARGET_SWITCHES).sort(), [...TARGET_KINDS].sort());
    assert.deepEqual(
      Object.values(TARGET_SWITCHES).filter((name) => !names.has(name)),
      [],
    );
  });

  it('does not keep the replicas of other targets from being scraped', async () => {
    const local = createMemoryScaleTarget();
    const targets = { local_process: local };
    const p = createScalePlane({ targets });
    await p.put('w', {});
    await p.propose({ kind: 'raise_format', formatVersion: 4 });
    await p.propose({ ...put, workload: chat });
    await p.tick();
    await p.tick();
    const groups = replicaGroups(p.memory.readState(), targets, {
      of: (id) => p.replicas.of(id),
      isMissing: (id) => id === 'chat',
    });
    assert.equal(groups?.length, 1);
    p.stop();
  });
});
