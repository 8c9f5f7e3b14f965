import assert from 'node:assert/strict';
import { verifyAction } from '../../../../control-plane/loops/verification.ts';
import type { SeenReplicas } from '../../../../control-plane/loops/sight.ts';
import type { ReplicaPhase } from '../../../../control-plane/model/workload.ts';

const action = {
  decisionId: 'd',
  workloadId: 'w',
  fromReplicas: 1,
  toReplicas: 2,
  startedAtMs: 0,
  deadlineMs: 1_000,
  token: { term: 1, index: 1 },
};
const seen = (...phases: readonly ReplicaPhase[]): SeenReplicas => ({
  kind: 'seen',
  replicas: phases.map((phase, index) => ({
    replicaId: String(index),
    workloadId: 'w',
    address: '127.0.0.1:1',
    metricsPath: '/metrics',
    phase,
    startedAtMs: 0,
  })),
});
const unseen: SeenReplicas = { kind: 'unseen', detail: 'refused' };

describe('verifyAction', () => {
  it('is verified once as many are ready as wanted and nothing is under way', () => {
    const verified = { kind: 'ended', outcome: 'verified', readyReplicas: 2 };
    assert.deepEqual(verifyAction(action, seen('ready', 'ready'), 500), verified);
    assert.deepEqual(verifyAction(action, seen('ready', 'ready'), 5_000), verified);
  });

  it('waits while a replica starts or stops', () => {
    assert.deepEqual(verifyAction(action, seen('ready', 'starting'), 999), { kind: 'waiting' });
    const stopping = seen('ready', 'ready', 'stopping');
    assert.deepEqual(verifyAction(action, stopping, 999), { kind: 'waiting' });
  });

  it('fails at the deadline with what is ready', () => {
    const failed = { kind: 'ended', outcome: 'failed', readyReplicas: 1 };
    assert.deepEqual(verifyAction(action, seen('ready', 'starting'), 1_000), failed);
  });

  it('waits beyond the deadline while the target does not answer', () => {
    assert.deepEqual(verifyAction(action, unseen, 9_000), { kind: 'waiting' });
    assert.deepEqual(verifyAction(action, undefined, 9_000), { kind: 'waiting' });
  });
});
