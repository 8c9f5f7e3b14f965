import assert from 'node:assert/strict';
import { agentGroups, replicaGroups } from '../../../../control-plane/loops/discovery.ts';
import { ReplicaWatch } from '../../../../control-plane/loops/replica-watch.ts';
import type { SeenReplicas } from '../../../../control-plane/loops/sight.ts';
import type { Replica, ReplicaPhase } from '../../../../control-plane/model/workload.ts';
import { INITIAL_STATE } from '../../../../control-plane/state/state.ts';
import type { PlaneState, WorkloadState } from '../../../../control-plane/state/state.ts';
import { registration, workload } from '../../../support/log-commands.ts';
import { createMemoryScaleTarget } from '../../../support/memory-scale-target.ts';

const entry: WorkloadState = {
  workload: workload('w'),
  version: 1,
  mode: 'act',
  desired: 1,
  desiredToken: { term: 1, index: 1 },
  inFlight: null,
};
const replica = (replicaId: string, phase: ReplicaPhase): Replica => ({
  replicaId,
  workloadId: 'w',
  address: `127.0.0.1:${replicaId}`,
  metricsPath: '/own/metrics',
  phase,
  startedAtMs: 0,
});

const targets = { local_process: createMemoryScaleTarget(), docker: null };
const unseen: SeenReplicas = { kind: 'unseen', detail: 'away' };

function watching(looks: Readonly<Record<string, SeenReplicas>>): ReplicaWatch {
  const watch = new ReplicaWatch();
  watch.saw(new Map(Object.entries(looks)), 0);
  return watch;
}

describe('discovery', () => {
  it('lists every registered agent with its labels as legal names', () => {
    const labels = { zone: 'a', 'rack.unit-no': '7' };
    const nodes = { n1: { registration: { ...registration('n1'), labels }, registeredAtMs: 0 } };
    const state: PlaneState = { ...INITIAL_STATE, nodes };
    assert.deepEqual(agentGroups(state), [
      {
        targets: ['127.0.0.1:7410'],
        labels: {
          __meta_omnimind_node: 'n1',
          node: 'n1',
          omnimind_label_zone: 'a',
          omnimind_label_rack_unit_no: '7',
        },
      },
    ]);
  });

  it('lists replicas that serve, those that stop included, and not those that start', () => {
    const state: PlaneState = { ...INITIAL_STATE, workloads: { w: entry } };
    const replicas = [replica('1', 'ready'), replica('2', 'starting'), replica('3', 'stopping')];
    const groups = replicaGroups(state, targets, watching({ w: { kind: 'seen', replicas } }));
    assert.deepEqual(
      groups?.map(({ targets }) => targets),
      [['127.0.0.1:1'], ['127.0.0.1:3']],
    );
    const labels = { workload: 'w', replica: '1', __metrics_path__: '/own/metrics' };
    assert.deepEqual(groups[0]?.labels, labels);
  });

  it('lists no replica of a workload that is not in the state', () => {
    const watch = watching({ w: { kind: 'seen', replicas: [replica('1', 'ready')] } });
    assert.deepEqual(replicaGroups(INITIAL_STATE, targets, watch), []);
  });

  it('gives no list before the first look, and none that lacks a workload that was never seen', () => {
    const state: PlaneState = { ...INITIAL_STATE, workloads: { w: entry } };
    assert.equal(replicaGroups(state, targets, new ReplicaWatch()), null);
    assert.equal(replicaGroups(state, targets, watching({ w: unseen })), null);
    const watch = watching({ w: { kind: 'seen', replicas: [replica('1', 'ready')] } });
    watch.saw(new Map([['w', unseen]]), 1);
    assert.equal(replicaGroups(state, targets, watch)?.length, 1, 'what was seen before counts');
  });

  it('waits for no workload that came after the last look, nor for one that nobody runs', () => {
    const state: PlaneState = { ...INITIAL_STATE, workloads: { w: entry } };
    assert.deepEqual(replicaGroups(state, targets, watching({})), []);
    const off = { local_process: null, docker: null };
    assert.deepEqual(replicaGroups(state, off, watching({ w: unseen })), []);
  });
});
