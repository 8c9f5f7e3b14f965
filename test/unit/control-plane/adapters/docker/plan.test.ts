import assert from 'node:assert/strict';
import fc from 'fast-check';
import { planCalls } from '../../../../../control-plane/adapters/docker/plan.ts';
import type {
  MadeReplica,
  PlannedReplica,
} from '../../../../../control-plane/adapters/docker/plan.ts';

const NOW_MS = 1_000;

function replica(number: number, more: Partial<PlannedReplica> = {}): PlannedReplica {
  return {
    ...{ id: `c${number}`, number, replaces: null, condition: 'running', failed: false },
    ...{ replaceAtMs: 0, busy: false, ...more },
  };
}

function plan(
  wanted: number,
  replicas: readonly PlannedReplica[],
  making: readonly MadeReplica[] = [],
): readonly string[] {
  return planCalls(wanted, replicas, making, NOW_MS).calls.map((call) =>
    call.kind === 'create'
      ? `create${call.replaces === null ? '' : ` for ${call.replaces.number}`}`
      : `${call.kind} ${call.replica.number}`,
  );
}

describe('the plan of the Docker target', () => {
  it('makes what is missing, and leaves what is there', () => {
    assert.deepEqual(plan(3, [replica(1)]), ['create', 'create']);
    assert.deepEqual(plan(1, [replica(1)]), []);
  });

  it('does not make again what is being made', () => {
    assert.deepEqual(plan(2, [replica(1)], [{ number: 2, replaces: null }]), []);
  });

  it('starts what was made and not started, as by a plane that died in between', () => {
    assert.deepEqual(plan(1, [replica(1, { condition: 'created' })]), ['start 1']);
  });

  it('stops the newest, and removes what has stopped', () => {
    assert.deepEqual(plan(1, [replica(1), replica(2), replica(3)]), ['stop 2', 'stop 3']);
    const stopped = [replica(1), replica(2, { condition: 'ended' })];
    assert.deepEqual(plan(1, stopped), ['remove 2']);
    assert.deepEqual(
      [...planCalls(1, [replica(1), replica(2)], [], NOW_MS).surplus],
      [2],
      'and says which shall go',
    );
  });

  it('keeps what runs before what has ended, whatever their age', () => {
    assert.deepEqual(plan(1, [replica(1, { condition: 'ended' }), replica(2)]), ['remove 1']);
  });

  it('replaces what ended once its back-off is over, and makes nothing else in its place', () => {
    const ended = { condition: 'ended', replaceAtMs: NOW_MS + 1 } as const;
    assert.deepEqual(plan(1, [replica(1, ended)]), []);
    assert.deepEqual(plan(1, [replica(1, { ...ended, replaceAtMs: NOW_MS })]), ['create for 1']);
  });

  it('removes what ended only when its replacement is there', () => {
    const ended = replica(1, { condition: 'ended' });
    assert.deepEqual(plan(1, [ended], [{ number: 2, replaces: 1 }]), []);
    const replacement = replica(2, { condition: 'created', replaces: 1 });
    assert.deepEqual(plan(1, [ended, replacement]), ['remove 1', 'start 2']);
  });

  it('stops what was not ready in time, and replaces what could not be started', () => {
    assert.deepEqual(plan(1, [replica(1, { failed: true })]), ['stop 1']);
    const unstarted = replica(1, { condition: 'created', failed: true });
    assert.deepEqual(plan(1, [unstarted]), ['create for 1']);
  });

  it('leaves alone what a call is under way for', () => {
    assert.deepEqual(plan(0, [replica(1, { busy: true }), replica(2)]), ['stop 2']);
  });

  it('comes to rest at the number wanted from wherever it begins', () => {
    const state = fc.record({
      condition: fc.constantFrom('created' as const, 'running' as const, 'ended' as const),
      failed: fc.boolean(),
    });
    const property = fc.property(
      fc.array(state, { maxLength: 8 }),
      fc.nat({ max: 6 }),
      (states, wanted) => {
        let replicas = states.map((one, at) => replica(at + 1, one));
        let next = states.length + 1;
        for (let look = 0; look < 20; look += 1) {
          const { calls } = planCalls(wanted, replicas, [], NOW_MS);
          if (calls.length === 0) break;
          for (const call of calls) {
            if (call.kind === 'create') {
              const replaces = call.replaces?.number ?? null;
              replicas.push(replica(next, { condition: 'created', replaces }));
              next += 1;
              continue;
            }
            const { number } = call.replica;
            if (call.kind === 'remove') replicas = replicas.filter((one) => one.number !== number);
            const condition = call.kind === 'start' ? 'running' : 'ended';
            replicas = replicas.map((one) => (one.number === number ? { ...one, condition } : one));
          }
        }
        assert.deepEqual(planCalls(wanted, replicas, [], NOW_MS).calls, []);
        assert.equal(replicas.length, wanted);
        assert.ok(replicas.every((one) => one.condition === 'running' && !one.failed));
      },
    );
    fc.assert(property, { numRuns: 500 });
  });
});
