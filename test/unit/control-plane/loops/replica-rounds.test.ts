import assert from 'node:assert/strict';
import {
  RESTING_PER_LOOK_MAX,
  workloadsDue,
} from '../../../../control-plane/loops/replica-rounds.ts';
import { ReplicaWatch } from '../../../../control-plane/loops/replica-watch.ts';
import type { SeenReplicas } from '../../../../control-plane/loops/sight.ts';
import type { ReplicaPhase } from '../../../../control-plane/model/workload.ts';
import { createScalePlane } from '../../../support/scale-plane.ts';
import type { ScalePlane } from '../../../support/scale-plane.ts';

describe('the rounds between two ticks', () => {
  let p: ScalePlane;
  let watch: ReplicaWatch;

  beforeEach(() => {
    p = createScalePlane();
    watch = new ReplicaWatch();
  });
  afterEach(() => p.stop());

  const put = async (count: number): Promise<void> => {
    for (let at = 0; at < count; at += 1) {
      await p.put(`w-${String(at).padStart(4, '0')}`, {});
    }
  };
  const names = () => Object.keys(p.memory.readState().workloads);
  const due = () => workloadsDue(p.memory.readState(), watch).map(({ id }) => id);
  const withPhases = (workloadId: string, ...phases: readonly ReplicaPhase[]): SeenReplicas => ({
    kind: 'seen',
    replicas: phases.map((phase, at) => ({
      replicaId: `${workloadId}-${at}`,
      workloadId,
      address: '127.0.0.1:1',
      metricsPath: '/metrics',
      phase,
      startedAtMs: 0,
    })),
  });
  const allAtRest = (atMs: number): void =>
    watch.saw(new Map(names().map((id) => [id, withPhases(id, 'ready')])), atMs);

  it('look at all workloads before there was a look', async () => {
    await put(3);
    assert.deepEqual(due(), names());
  });

  it('look at each workload that is at rest, while they are few', async () => {
    await put(3);
    allAtRest(1);
    assert.deepEqual(due().sort(), names());
  });

  it('go round a large fleet at rest, longest not looked at first, and take what moves every time', async () => {
    await put(RESTING_PER_LOOK_MAX + 5);
    const all = names();
    allAtRest(1);
    const [lacking = '', starting = '', stopping = '', lost = ''] = all.slice(-4);
    const moving = [lacking, starting, stopping, lost];
    watch.sawSome(
      new Map([
        [lacking, withPhases(lacking)],
        [starting, withPhases(starting, 'starting')],
        [stopping, withPhases(stopping, 'stopping')],
        [lost, { kind: 'unseen', detail: 'away' }],
      ]),
      2,
    );
    const look = (atMs: number): readonly string[] => {
      const found = due();
      assert.equal(found.length, RESTING_PER_LOOK_MAX + moving.length);
      for (const id of moving) assert.ok(found.includes(id), id);
      const resting = found.filter((id) => !moving.includes(id));
      watch.sawSome(new Map(resting.map((id) => [id, withPhases(id, 'ready')])), atMs);
      return resting;
    };
    const first = look(3);
    const left = all.filter((id) => !first.includes(id) && !moving.includes(id));
    assert.equal(left.length, 1);
    assert.deepEqual(look(4).slice(0, 1), left);
  });

  it('look at a workload that is new, and at one whose action is under way', async () => {
    await put(RESTING_PER_LOOK_MAX + 1);
    const [acting = ''] = names();
    allAtRest(1);
    watch.sawSome(new Map([[acting, withPhases(acting, 'ready')]]), 2);
    assert.ok(!due().includes(acting));
    p.source.loads.set(acting, 30);
    await p.tick();
    watch.sawSome(new Map([[acting, withPhases(acting, 'ready', 'ready', 'ready')]]), 3);
    assert.notEqual(p.memory.readState().workloads[acting]?.inFlight, null);
    assert.ok(due().includes(acting));
    await p.put('x', {});
    assert.ok(due().includes('x'));
  });
});
