import assert from 'node:assert/strict';
import { agentGroups, replicaGroups } from '../../../../control-plane/loops/discovery.ts';
import type { Replica, ReplicaPhase } from '../../../../control-plane/model/workload.ts';
import { INITIAL_STATE } from '../../../../control-plane/state/state.ts';
import type { PlaneState, WorkloadState } from '../../../../control-plane/state/state.ts';
import { registration, workload } from '../../../support/log-commands.ts';

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
    const groups = replicaGroups(state, () => replicas);
    assert.deepEqual(
      groups.map(({ targets }) => targets),
      [['127.0.0.1:1'], ['127.0.0.1:3']],
    );
    const labels = { workload: 'w', replica: '1', __metrics_path__: '/own/metrics' };
    assert.deepEqual(groups[0]?.labels, labels);
  });

  it('lists no replica of a workload that is not in the state', () => {
    assert.deepEqual(
      replicaGroups(INITIAL_STATE, () => [replica('1', 'ready')]),
      [],
    );
  });
});
