import assert from 'node:assert/strict';
import { decodeState, encodeState } from '../../../../control-plane/state/snapshot.ts';
import { AT_MS, workload } from '../../../support/log-commands.ts';
import { assertRefused, done, planeOfFormat4 } from '../../../support/state-plane.ts';

const PAUSE = { direction: 'in', sinceMs: AT_MS, untilMs: null, note: 'a launch' } as const;
const OVERRIDE = { replicas: 7, sinceMs: AT_MS, untilMs: AT_MS + 60_000, note: '' } as const;

for (const [title, kind, field, value, other] of [
  ['a pause', 'set_pause', 'pause', PAUSE, { ...PAUSE, direction: 'both' }],
  ['an override', 'set_override', 'override', OVERRIDE, { ...OVERRIDE, replicas: 0 }],
] as const) {
  const set = (content: unknown, workloadId = 'w') =>
    ({ kind, workloadId, [field]: content }) as never;

  describe(title, () => {
    it('is set, replaced and taken back, and counts as a change of the workload', () => {
      const plane = planeOfFormat4();
      assert(!Object.hasOwn(plane.workload(), field));
      assert.deepEqual(plane.apply(set(value)), done(2));
      assert.deepEqual(plane.workload()[field], value);
      assert.deepEqual(plane.apply(set(other)), done(3));
      assert.deepEqual(plane.workload()[field], other);
      assert.deepEqual(plane.apply(set(null)), done(4));
      assert(!Object.hasOwn(plane.workload(), field));
    });

    it('changes nothing when the same is there, or none is', () => {
      const plane = planeOfFormat4();
      const before = plane.state.workloads;
      assert.deepEqual(plane.apply(set(null)), done(1));
      assert.equal(plane.state.workloads, before);
      plane.apply(set(value));
      const { workloads } = plane.state;
      assert.deepEqual(plane.apply(set({ ...value })), done(2));
      assert.equal(plane.state.workloads, workloads);
    });

    it('needs its workload', () => {
      assertRefused(planeOfFormat4().apply(set(value, 'gone')), 'workload_not_found');
      assertRefused(planeOfFormat4().apply(set(null, 'gone')), 'workload_not_found');
    });

    it('leaves what is desired, and what is under way, to the decider', () => {
      const plane = planeOfFormat4();
      plane.act(2, 5);
      const before = plane.workload();
      plane.apply(set(value));
      const expected = { ...before, version: before.version + 1, [field]: value };
      assert.deepEqual(plane.workload(), expected);
    });

    it('outlives changes of the workload, actions and a snapshot, and ends with the workload', () => {
      const plane = planeOfFormat4();
      plane.apply(set(value));
      plane.putWorkload(workload('w', { description: 'x' }));
      plane.apply({ kind: 'set_workload_mode', workloadId: 'w', mode: 'advise' });
      plane.act(2, 5);
      plane.finish('failed', 3);
      plane.state = decodeState(encodeState(plane.state));
      assert.deepEqual(plane.workload()[field], value);
      plane.apply({ kind: 'remove_policy', policyId: 'p', expectedVersion: null });
      plane.apply({ kind: 'remove_workload', workloadId: 'w', expectedVersion: null });
      plane.putWorkload();
      assert(!Object.hasOwn(plane.workload(), field));
    });
  });
}
