import assert from 'node:assert/strict';
import type { Command } from '../../../../control-plane/model/command.ts';
import type { ConsensusFailure } from '../../../../control-plane/model/consensus-failure.ts';
import type { Consensus } from '../../../../control-plane/ports/consensus.ts';
import { ConsensusError } from '../../../../control-plane/ports/consensus.ts';
import { ScaleTargetError } from '../../../../control-plane/ports/scale-target.ts';
import { createMemoryDecisionStore } from '../../../support/memory-decision-store.ts';
import { createMemoryScaleTarget } from '../../../support/memory-scale-target.ts';
import { TICK_MS, createScalePlane, never } from '../../../support/scale-plane.ts';
import type { ScaleParts, ScalePlane } from '../../../support/scale-plane.ts';

/** Short enough for a test, for awaits that nothing ends. */
const HANGS_MS = 40;

describe('the scale loop', () => {
  const planes: ScalePlane[] = [];
  const plane = (parts: ScaleParts = {}): ScalePlane => {
    const made = createScalePlane(parts);
    planes.push(made);
    return made;
  };

  /** The workload `w`, scaled out to two replicas in the tick just before. */
  const scaling = async (parts: ScaleParts = {}): Promise<ScalePlane> => {
    const p = plane(parts);
    await p.put('w', {});
    p.source.loads.set('w', 10);
    await p.tick();
    p.source.loads.set('w', 20);
    await p.tick();
    return p;
  };

  /** The same after one tick more, in which the action was verified. */
  const scaledOut = async (parts: ScaleParts = {}): Promise<ScalePlane> => {
    const p = await scaling(parts);
    await p.tick();
    assert.equal(p.entry('w').desired, 2);
    assert.equal(p.entry('w').inFlight, null);
    return p;
  };

  afterEach(() => {
    for (const made of planes.splice(0)) made.stop();
  });

  describe('on a healthy day', () => {
    it('scales out on load, verifies, holds, and scales in after the window', async () => {
      const p = plane();
      await p.put('w', { policy: { stabilizationDownMs: 40_000 } });
      p.source.loads.set('w', 10);
      await p.tick();
      assert.equal(p.running('w'), 1, 'the initial replica is started');
      p.source.loads.set('w', 30);
      await p.tick();
      assert.equal(p.entry('w').desired, 3);
      assert.equal(p.running('w'), 3, 'told in the tick that decided');
      assert.notEqual(p.entry('w').inFlight, null);
      await p.tick();
      assert.equal(p.entry('w').inFlight, null, 'verified by the next look');
      p.source.loads.set('w', 10);
      await p.tick();
      await p.tick();
      await p.tick();
      await p.tick();
      assert.equal(p.running('w'), 1);
      assert.deepEqual(await p.reasons('w'), [
        'within_tolerance',
        'above_target',
        'within_tolerance',
        'stabilizing_down',
        'stabilizing_down',
        'below_target',
        'within_tolerance',
      ]);
      assert.deepEqual(
        await p.metrics('omnimind_actions_total{workload="w",direction="out",outcome="verified"}'),
        ['omnimind_actions_total{workload="w",direction="out",outcome="verified"} 1'],
      );
      assert.deepEqual(p.warnings(), []);
    });

    it('gives an act its token, and a hold none', async () => {
      const p = await scaledOut();
      const [hold, act] = await p.records('w');
      assert.equal(hold?.token, null);
      assert.ok(act?.token !== null && act !== undefined);
      assert.deepEqual(p.entry('w').desiredToken, act.token);
      assert.equal(p.loop.lastDecision('w')?.atMs, p.now.wallMs);
    });

    it('tells the target of a workload without policy, and records nothing for it', async () => {
      const p = plane();
      await p.put('w', {});
      await p.propose({ kind: 'remove_policy', policyId: 'w-load', expectedVersion: null });
      await p.tick();
      assert.equal(p.running('w'), 1, 'told all the same');
      assert.deepEqual(await p.records('w'), []);
    });

    it('shows when the last tick ended', async () => {
      const p = plane();
      assert.equal(p.loop.lastEndedMs, null);
      await p.tick();
      assert.equal(p.loop.lastEndedMs, p.now.monotonicMs);
    });

    it('looks at nothing and tells nothing without a lease, whatever its role', async () => {
      const led: unknown[] = [];
      const p = plane({
        consensus: (real) => ({ ...real, leaseTerm: () => null }),
        onLed: (...tick) => led.push(tick),
      });
      assert.equal(p.memory.status().leadership.kind, 'leader');
      await p.put('w', {});
      const proposed = p.memory.proposed();
      await p.tick();
      assert.equal(p.source.asked, 0);
      assert.equal(p.running('w'), 0);
      assert.equal(p.memory.proposed(), proposed);
      assert.deepEqual(await p.records('w'), []);
      assert.equal(p.loop.lastEndedMs, p.now.monotonicMs, 'it does not stand still');
      assert.deepEqual(led, []);
    });

    it('says of each tick as leader in which term it was, and when', async () => {
      const led: unknown[] = [];
      const p = plane({ onLed: (...tick) => led.push(tick) });
      await p.tick();
      await p.tick();
      assert.deepEqual(led, [
        [1, TICK_MS, TICK_MS],
        [1, 2 * TICK_MS, 2 * TICK_MS],
      ]);
    });
  });

  describe('when leadership changes', () => {
    /** A lease of a term that the test sets; the log itself stays in term 1. */
    const leased = () => {
      const lease = { term: 1 as number | null, proposed: [] as Command[] };
      const hook = hookAfter('record_decisions');
      const consensus = (real: Consensus): Consensus => {
        const hooked = hook.wrap(real);
        return {
          ...hooked,
          leaseTerm: () => lease.term,
          propose: (command, signal) => {
            lease.proposed.push(command);
            return hooked.propose(command, signal);
          },
        };
      };
      return { lease, hook, consensus };
    };
    const decisionsOf = (commands: readonly Command[]) =>
      commands.filter((command) => command.kind === 'record_decisions');

    for (const [what, term] of [
      ['ends', null],
      ['is another term’s', 2],
    ] as const) {
      it(`tells nobody when its lease ${what} before the act, and the state says what to tell`, async () => {
        const { lease, hook, consensus } = leased();
        const p = await scaledOut({ consensus });
        p.source.loads.set('w', 50);
        hook.then = () => {
          lease.term = term;
          return Promise.resolve();
        };
        await p.tick();
        assert.equal(p.entry('w').desired, 5, 'it was committed');
        assert.equal(p.running('w'), 2, 'and not told');
        assert.ok(
          !p.lines.some(({ message, fields }) => message === 'scaling' && fields['to'] === 5),
        );
        assert.deepEqual(p.warnings(), []);
        lease.term = 1;
        await p.tick();
        assert.equal(p.running('w'), 5);
      });
    }

    it('removes nothing when its lease ends while its target lists what it runs', async () => {
      const { lease, consensus } = leased();
      const p = await scaledOut({ consensus });
      await p.propose({ kind: 'remove_policy', policyId: 'w-load', expectedVersion: null });
      await p.propose({ kind: 'remove_workload', workloadId: 'w', expectedVersion: null });
      const whole = createMemoryScaleTarget(p.world);
      p.target.listWorkloads = async () => {
        lease.term = null;
        return whole.listWorkloads();
      };
      await p.tick();
      assert.equal(p.running('w'), 2);
      lease.term = 1;
      p.target.listWorkloads = () => whole.listWorkloads();
      await p.tick();
      assert.equal(p.running('w'), 0);
    });

    it('names the term in the key of a tick, and in the tick once the format has it', async () => {
      const { lease, consensus } = leased();
      const p = plane({ consensus });
      await p.put('w', {});
      await p.tick();
      await p.propose({ kind: 'raise_format', formatVersion: 2 });
      await p.tick();
      const ticks = decisionsOf(lease.proposed);
      assert.deepEqual(
        ticks.map(({ key, atMs }) => key === `tick/${atMs}/1`),
        [true, true],
      );
      assert.deepEqual(
        ticks.map((tick) => tick.decidedInTerm),
        [undefined, 1],
      );
    });

    it('loses a tick that was decided in an earlier term, quietly, and acts on nothing of it', async () => {
      const { lease, consensus } = leased();
      const p = await scaledOut({ consensus });
      await p.propose({ kind: 'raise_format', formatVersion: 2 });
      p.source.loads.set('w', 50);
      // The log has moved on to a term that is not the lease's.
      lease.term = 7;
      await p.tick();
      assert.equal(p.entry('w').desired, 2);
      assert.equal(p.running('w'), 2);
      assert.equal((await p.records('w')).at(-1)?.token, null);
      assert.notEqual(p.loop.lastDecision('w')?.atMs, p.now.wallMs, 'it is no decision');
      assert.deepEqual(p.warnings(), []);
      const lost = p.lines.find(({ message }) => message === 'a tick was lost to an election');
      assert.equal(lost?.level, 'info');
      assert.equal(lost.fields['term'], 7);
      assert.equal(p.loop.lastEndedMs, p.now.monotonicMs);
      const failed = 'omnimind_loop_runs_total{loop="scale",outcome="failed"}';
      assert.deepEqual(await p.metrics(failed), []);
      lease.term = 1;
      await p.tick();
      assert.equal(p.running('w'), 5);
    });
  });

  describe('when the commit fails', () => {
    const failures: readonly ConsensusFailure[] = [
      'not_leader',
      'storage_failed',
      'overloaded',
      'aborted',
    ];
    for (const failure of failures) {
      it(`acts on nothing (${failure}), records what it decided, and goes on after it`, async () => {
        const p = await scaledOut();
        p.source.loads.set('w', 50);
        p.memory.failWith(failure);
        await assert.rejects(p.tick(), { name: 'ConsensusError', failure });
        assert.equal(p.running('w'), 2);
        assert.equal(p.entry('w').inFlight, null);
        const last = (await p.records('w')).at(-1);
        assert.equal(last?.outcome.verdict.reason, 'above_target');
        assert.equal(last.token, null, 'without a token: it may never have come');
        assert.notEqual(p.loop.lastEndedMs, p.now.monotonicMs);
        p.memory.failWith(null);
        await p.tick();
        assert.equal(p.running('w'), 5);
      });
    }

    it('does not wait longer than the deadline for an answer', async () => {
      const p = await scaledOut({ commitTimeoutMs: HANGS_MS });
      p.source.loads.set('w', 50);
      p.memory.failWith('silence');
      await assert.rejects(p.tick());
      assert.equal(p.running('w'), 2);
    });

    it('does not wait for a log that ignores its signal', async () => {
      let hangs = false;
      const p = await scaledOut({
        commitTimeoutMs: HANGS_MS,
        consensus: (real) => ({
          ...real,
          propose: (command, signal) => (hangs ? never() : real.propose(command, signal)),
        }),
      });
      hangs = true;
      await assert.rejects(p.tick(), /no answer within 40 ms/);
    });

    it('acts on nothing when the state machine refuses the tick', async () => {
      const p = await scaledOut({ consensus: refusing('record_decisions') });
      p.source.loads.set('w', 50);
      refuse = true;
      await assert.rejects(p.tick(), /the decisions were refused: said by a test/);
      refuse = false;
      assert.equal(p.running('w'), 2);
      const last = (await p.records('w')).at(-1);
      assert.equal(last?.token, null);
    });

    it('tells what was committed after all, with the next tick', async () => {
      let lost = false;
      const p = await scaledOut({
        consensus: (real) => ({
          ...real,
          propose: async (command, signal) => {
            const committed = await real.propose(command, signal);
            if (lost) throw new ConsensusError('aborted', 'the answer was lost');
            return committed;
          },
        }),
      });
      p.source.loads.set('w', 50);
      lost = true;
      await assert.rejects(p.tick(), /the answer was lost/);
      assert.equal(p.running('w'), 2, 'not in the tick that does not know');
      assert.equal(p.entry('w').desired, 5);
      lost = false;
      await p.tick();
      assert.equal(p.running('w'), 5);
    });
  });

  describe('when an action cannot be ended', () => {
    it('decides all the same, and ends it with the next tick', async () => {
      let failing = false;
      const p = await scaling({
        consensus: (real) => ({
          ...real,
          propose: (command, signal) =>
            failing && command.kind === 'finish_action'
              ? Promise.reject(new ConsensusError('overloaded', 'too much'))
              : real.propose(command, signal),
        }),
      });
      failing = true;
      p.source.loads.set('w', 40);
      await p.tick();
      assert.equal((await p.reasons('w')).at(-1), 'action_in_flight');
      failing = false;
      await p.tick();
      assert.equal((await p.reasons('w')).at(-1), 'above_target');
      assert.equal(p.running('w'), 4);
    });

    it('counts an end that was refused as none', async () => {
      const p = await scaling({ consensus: refusing('finish_action') });
      refuse = true;
      await p.tick();
      refuse = false;
      const counted = await p.metrics('omnimind_actions_total{workload="w",direction="out"');
      assert.ok(
        counted.every((line) => line.endsWith(' 0')),
        counted.join('\n'),
      );
      assert.ok(p.lines.every(({ message }) => message !== 'action verified'));
    });
  });

  describe('when the record cannot be written', () => {
    for (const [how, append] of [
      ['fails', () => Promise.reject(new Error('ENOSPC'))],
      ['hangs', (): Promise<void> => never()],
    ] as const) {
      it(`scales all the same when the disk ${how}, and says what was lost`, async () => {
        const decisions = { ...createMemoryDecisionStore(), append };
        const p = await scaledOut({ decisions, commitTimeoutMs: HANGS_MS });
        assert.equal(p.running('w'), 2);
        const lost = p.lines.filter(({ level }) => level === 'error');
        assert.deepEqual(
          [...new Set(lost.map(({ message }) => message))],
          ['decisions were not recorded'],
        );
      });
    }
  });

  describe('when the scaling target fails', () => {
    it('leaves the action in flight while the target is away, and tells it again', async () => {
      const p = await scaledOut();
      p.source.loads.set('w', 50);
      let away = true;
      const whole = createMemoryScaleTarget(p.world);
      p.target.setReplicas = (...call) =>
        away
          ? Promise.reject(new ScaleTargetError('unavailable', 'away'))
          : whole.setReplicas(...call);
      await p.tick();
      assert.equal(p.entry('w').desired, 5);
      assert.notEqual(p.entry('w').inFlight, null);
      assert.equal(p.running('w'), 2);
      assert.equal(p.warnings().at(-1)?.fields['failure'], 'unavailable');
      assert.ok(
        !p.lines.some(({ message, fields }) => message === 'scaling' && fields['to'] === 5),
      );
      assert.deepEqual(await p.metrics('omnimind_sample_to_action_seconds_count'), [
        'omnimind_sample_to_action_seconds_count 1',
      ]);
      away = false;
      await p.tick();
      assert.equal(p.running('w'), 5);
      await p.tick();
      assert.equal(p.entry('w').inFlight, null);
    });

    it('goes on when its token is stale: another leader is at work', async () => {
      const p = await scaledOut();
      const newer = { term: 9, index: 1 };
      await p.target.setReplicas(p.entry('w').workload, 4, newer, p.signal);
      p.source.loads.set('w', 50);
      await p.tick();
      assert.equal(p.running('w'), 4);
      assert.equal(p.warnings().at(-1)?.fields['failure'], 'stale_token');
    });

    it('ends an action past its deadline as failed, corrects desired and tells the target', async () => {
      const p = await scaledOut();
      p.source.loads.set('w', 50);
      await p.tick();
      const world = p.world.workloads.get('w');
      assert.ok(world !== undefined);
      for (const [at, replica] of world.replicas.entries()) {
        if (at >= 3) world.replicas[at] = { ...replica, phase: 'starting' };
      }
      p.source.loads.set('w', 30);
      await p.tick(59_999);
      assert.notEqual(p.entry('w').inFlight, null, 'within the deadline');
      await p.tick(1);
      assert.equal(p.entry('w').inFlight, null);
      assert.equal(p.entry('w').desired, 3, 'what was ready');
      assert.equal(p.running('w'), 3, 'told in the same tick, under the token of the correction');
      assert.equal(p.warnings().at(-1)?.message, 'action failed');
      assert.deepEqual(
        await p.metrics('omnimind_actions_total{workload="w",direction="out",outcome="failed"}'),
        ['omnimind_actions_total{workload="w",direction="out",outcome="failed"} 1'],
      );
    });

    it('holds with actual_unknown while the target does not answer, also past the deadline', async () => {
      const p = await scaledOut();
      p.source.loads.set('w', 50);
      await p.tick();
      p.target.unavailable = true;
      await p.tick();
      await p.tick(120_000);
      assert.equal((await p.reasons('w')).at(-1), 'actual_unknown');
      assert.notEqual(p.entry('w').inFlight, null);
      assert.deepEqual(await p.metrics('omnimind_replicas_ready{workload="w"}'), []);
      assert.deepEqual(await p.metrics('omnimind_proposal_replicas{workload="w"'), []);
      p.target.unavailable = false;
      await p.tick();
      assert.equal(p.entry('w').inFlight, null);
    });

    it('holds with actual_unknown where the target is switched off', async () => {
      const p = plane({ targets: { local_process: null, docker: null } });
      await p.put('w', {});
      p.source.loads.set('w', 50);
      await p.tick();
      assert.deepEqual(await p.reasons('w'), ['actual_unknown']);
    });

    it('does not let one workload’s target hurt another’s', async () => {
      const p = plane();
      await p.put('bad', {});
      await p.put('good', {});
      failFor(p, 'bad', () => Promise.reject(new ScaleTargetError('rejected', 'no')));
      p.source.loads.set('bad', 50).set('good', 50);
      await p.tick();
      await p.tick();
      assert.equal(p.running('good'), 5);
      assert.equal((await p.reasons('bad')).at(-1), 'actual_unknown');
    });

    it('does not hang with a target that never answers and ignores its signal', async () => {
      const p = plane({ observeTimeoutMs: HANGS_MS, actTimeoutMs: HANGS_MS });
      await p.put('bad', {});
      await p.put('good', {});
      failFor(p, 'bad', () => never());
      p.target.listWorkloads = () => never();
      p.source.loads.set('bad', 50).set('good', 50);
      await p.tick();
      await p.tick();
      assert.equal(p.running('good'), 5);
      const bad = (await p.records('bad')).at(-1);
      assert.equal(bad?.outcome.verdict.reason, 'actual_unknown');
      assert.match(bad.outcome.stages[0]?.detail ?? '', /no answer within 40 ms/);
      assert.ok(
        p.warnings().some(({ message }) => message === 'could not tell the scaling target'),
      );
    });

    it('survives a target that throws where it should reject', async () => {
      const p = plane();
      await p.put('w', {});
      failFor(p, 'w', () => {
        throw new TypeError('a bug');
      });
      await p.tick();
      assert.deepEqual(await p.reasons('w'), ['actual_unknown']);
    });
  });

  describe('when the metrics source fails', () => {
    for (const [how, readInstant] of [
      ['rejects', () => Promise.reject(new Error('a broken promise'))],
      ['hangs', () => never<never>()],
      [
        'throws',
        () => {
          throw new Error('a bug');
        },
      ],
    ] as const) {
      it(`holds with signal_unavailable when it ${how}`, async () => {
        const readRange = () => Promise.resolve([]);
        const p = plane({ source: { readInstant, readRange }, observeTimeoutMs: HANGS_MS });
        await p.put('w', {});
        await p.tick();
        await p.tick();
        assert.deepEqual(await p.reasons('w'), ['signal_unavailable', 'signal_unavailable']);
        assert.equal(p.running('w'), 1);
      });
    }

    it('holds when it answers fewer queries than were asked', async () => {
      const readRange = () => Promise.resolve([]);
      const p = plane({ source: { readInstant: () => Promise.resolve([]), readRange } });
      await p.put('w', {});
      await p.tick();
      assert.deepEqual(await p.reasons('w'), ['signal_absent']);
    });

    it('never holds the answers to one policy against another', async () => {
      const p = plane();
      for (const id of ['a', 'b', 'c']) await p.put(id, {});
      p.source.loads.set('a', 10).set('c', 30);
      await p.tick();
      await p.tick();
      assert.deepEqual(
        ['a', 'b', 'c'].map((id) => p.running(id)),
        [1, 1, 3],
      );
    });

    it('does not hold the answers to a policy’s old queries against its new target', async () => {
      let change: (() => Promise<unknown>) | null = null;
      const p = await scaledOut();
      const read = p.source.readInstant.bind(p.source);
      p.source.readInstant = async (queries) => {
        await change?.();
        change = null;
        return read(queries);
      };
      const policy = p.memory.readState().policies['w-load']?.policy;
      assert.ok(policy !== undefined);
      const metrics = policy.metrics.map((one) => ({ ...one, query: 'other', target: 1 }));
      change = () =>
        p.propose({ kind: 'put_policy', policy: { ...policy, metrics }, expectedVersion: null });
      await p.tick();
      const last = (await p.records('w')).at(-1);
      assert.equal(last?.outcome.verdict.reason, 'signal_unavailable');
      assert.match(last.outcome.stages[0]?.detail ?? '', /the policy changed/);
    });
  });

  describe('in its modes', () => {
    for (const mode of ['observe', 'advise', 'stopped'] as const) {
      it(`never tells the target in mode ${mode}, and tells it once the mode is act`, async () => {
        const p = plane();
        await p.put('w', { workload: { mode } });
        p.source.loads.set('w', 50);
        await p.tick();
        await p.tick();
        assert.equal(p.world.workloads.size, 0);
        assert.equal(p.entry('w').inFlight, null);
        await p.propose({ kind: 'set_workload_mode', workloadId: 'w', mode: 'act' });
        await p.tick();
        assert.equal(p.running('w'), 5);
      });
    }

    it('says in mode advise what it would have done', async () => {
      const p = await scaledOut();
      await p.propose({ kind: 'set_workload_mode', workloadId: 'w', mode: 'advise' });
      p.source.loads.set('w', 50);
      await p.tick();
      const last = (await p.records('w')).at(-1);
      assert.equal(last?.outcome.verdict.reason, 'mode_advise');
      assert.equal(last.outcome.stages.at(-1)?.before, 5);
      assert.equal(p.running('w'), 2);
    });

    it('stops the whole plane within the tick under way, and goes on from the truth', async () => {
      const consensus = hookAfter('record_decisions');
      const p = await scaledOut({ consensus: consensus.wrap });
      p.source.loads.set('w', 50);
      consensus.then = () => p.propose({ kind: 'set_mode', mode: 'stopped' });
      await p.tick();
      assert.equal(p.entry('w').desired, 5, 'it was committed');
      assert.equal(p.running('w'), 2, 'and not told');
      assert.ok(
        !p.lines.some(({ message, fields }) => message === 'scaling' && fields['to'] === 5),
      );
      await p.tick(60_000);
      assert.equal(p.entry('w').desired, 2, 'failed at its deadline');
      await p.tick();
      assert.equal((await p.reasons('w')).at(-1), 'mode_stopped');
      await p.propose({ kind: 'set_mode', mode: 'act' });
      await p.tick();
      assert.equal(p.running('w'), 5);
    });
  });

  describe('when workloads go', () => {
    const remove = async (p: ScalePlane, id: string): Promise<void> => {
      await p.propose({ kind: 'remove_policy', policyId: `${id}-load`, expectedVersion: null });
      await p.propose({ kind: 'remove_workload', workloadId: id, expectedVersion: null });
    };

    it('stops the replicas of a removed workload, and its series', async () => {
      const p = await scaledOut();
      await remove(p, 'w');
      await p.tick();
      assert.equal(p.running('w'), 0);
      assert.equal(p.loop.lastDecision('w'), null);
      const left = (await p.metrics('omnimind_')).filter((line) => line.includes('workload="w"'));
      assert.deepEqual(left, []);
    });

    it('stops them too when an action was in flight', async () => {
      const p = await scaledOut();
      p.source.loads.set('w', 50);
      await p.tick();
      assert.notEqual(p.entry('w').inFlight, null);
      await remove(p, 'w');
      await p.tick();
      assert.equal(p.running('w'), 0);
      assert.deepEqual(p.warnings(), []);
    });

    it('leaves them running while the plane is stopped', async () => {
      const p = await scaledOut();
      await p.propose({ kind: 'set_mode', mode: 'stopped' });
      await remove(p, 'w');
      await p.tick();
      assert.equal(p.running('w'), 2);
      await p.propose({ kind: 'set_mode', mode: 'act' });
      await p.tick();
      assert.equal(p.running('w'), 0);
    });

    it('ends nothing of an action whose workload went during the look', async () => {
      const p = await scaledOut();
      p.source.loads.set('w', 50);
      await p.tick();
      const read = p.source.readInstant.bind(p.source);
      p.source.readInstant = async (queries) => {
        p.source.readInstant = read;
        await remove(p, 'w');
        return read(queries);
      };
      await p.tick();
      assert.equal(p.running('w'), 0);
      assert.deepEqual(p.warnings(), []);
    });

    it('can tell a workload that was put back while its old replicas were being listed', async () => {
      const p = await scaledOut();
      await remove(p, 'w');
      const whole = createMemoryScaleTarget(p.world);
      p.target.listWorkloads = async () => {
        p.target.listWorkloads = () => whole.listWorkloads();
        const running = await whole.listWorkloads();
        await p.put('w', {});
        await p.put('x', {});
        return running;
      };
      await p.tick();
      assert.equal(p.running('w'), 2, 'it is wanted again, so nothing was stopped');
      p.source.loads.set('w', 10);
      await p.tick();
      assert.equal(p.running('w'), 1, 'its target takes the new token');
      assert.deepEqual(p.warnings(), []);
    });

    it('takes one back under its old id after its removal, with nothing of its past', async () => {
      const p = await scaledOut();
      await remove(p, 'w');
      await p.tick();
      assert.equal(p.running('w'), 0);
      await p.put('w', {});
      assert.equal(p.loop.lastDecision('w'), null);
      p.source.loads.set('w', 10);
      await p.tick();
      assert.equal(p.running('w'), 1);
      assert.deepEqual(p.warnings(), []);
    });

    it('removes nothing when the plane is stopped while its target lists what it runs', async () => {
      const p = await scaledOut();
      await remove(p, 'w');
      const whole = createMemoryScaleTarget(p.world);
      p.target.listWorkloads = async () => {
        const running = await whole.listWorkloads();
        await p.propose({ kind: 'set_mode', mode: 'stopped' });
        return running;
      };
      await p.tick();
      assert.equal(p.running('w'), 2);
    });

    it('removes the others when one target call fails', async () => {
      const p = plane();
      await p.put('a', {});
      await p.put('b', {});
      await p.tick();
      await remove(p, 'a');
      await remove(p, 'b');
      const whole = createMemoryScaleTarget(p.world);
      p.target.removeWorkload = (...call) =>
        call[0] === 'a' ? Promise.reject(new Error('no')) : whole.removeWorkload(...call);
      await p.tick();
      assert.deepEqual([p.running('a'), p.running('b')], [1, 0]);
    });

    it('shows no proposal of a metric or a policy that is no more', async () => {
      const p = await scaledOut();
      const shown = () => p.metrics('omnimind_proposal_replicas{');
      assert.equal((await shown()).length, 1);
      const policy = p.memory.readState().policies['w-load']?.policy;
      assert.ok(policy !== undefined);
      const metrics = policy.metrics.map((one) => ({ ...one, name: 'renamed' }));
      await p.propose({
        kind: 'put_policy',
        policy: { ...policy, metrics },
        expectedVersion: null,
      });
      await p.tick();
      assert.deepEqual(await shown(), [
        'omnimind_proposal_replicas{workload="w",metric="renamed"} 2',
      ]);
      await p.propose({ kind: 'remove_policy', policyId: 'w-load', expectedVersion: null });
      await p.tick();
      assert.deepEqual(await shown(), []);
      assert.deepEqual(await p.metrics('omnimind_last_evaluation_timestamp_seconds{'), []);
    });
  });

  describe('when the clock steps', () => {
    it('follows it back, and never gives two decisions the same id', async () => {
      const p = plane();
      await p.put('w', {});
      p.source.loads.set('w', 10);
      for (let tick = 0; tick < 5; tick += 1) await p.tick();
      const before = p.now.wallMs;
      p.now.wallMs -= 3 * TICK_MS;
      for (let tick = 0; tick < 5; tick += 1) await p.tick();
      const records = await p.records('w');
      assert.equal(new Set(records.map(({ decisionId }) => decisionId)).size, 10);
      assert.equal(p.loop.lastDecision('w')?.atMs, before + 2 * TICK_MS);
      assert.ok(
        records.slice(1).every(({ outcome }) => outcome.verdict.reason === 'within_tolerance'),
        'no sample looked old',
      );
    });

    it('never repeats the time of a tick that could not be committed', async () => {
      const p = await scaledOut();
      p.memory.failWith('overloaded');
      await assert.rejects(p.tick());
      await assert.rejects(p.tick(0));
      assert.equal((await p.records('w')).length, 5);
    });

    it('never repeats the time of a tick before a restart', async () => {
      const p = plane();
      await p.put('w', {});
      await p.tick();
      const restarted = createScalePlane({ consensus: () => p.memory, decisions: p.decisions });
      planes.push(restarted);
      restarted.now.wallMs = p.now.wallMs;
      await restarted.tick(0);
      assert.equal((await p.records('w')).length, 2);
    });

    it('ends an action at its deadline although the clock stepped back since', async () => {
      const p = await scaledOut();
      p.source.loads.set('w', 50);
      await p.tick();
      p.world.workloads.get('w')?.replicas.splice(3);
      p.now.wallMs -= 3_600_000;
      await p.tick(0);
      await p.tick(59_999);
      assert.notEqual(p.entry('w').inFlight, null);
      await p.tick(1);
      assert.equal(
        (await p.metrics('omnimind_actions_total{workload="w",direction="out",outcome="failed"}'))
          .at(0)
          ?.endsWith(' 1'),
        true,
      );
    });
  });

  describe('when it is stopped', () => {
    it('ends at once, and records no hold for what it did not see', async () => {
      const p = await scaledOut();
      const before = (await p.records('w')).length;
      const abort = new AbortController();
      p.source.readInstant = () => {
        abort.abort();
        return never();
      };
      await assert.rejects(p.loop.tick(abort.signal), { name: 'AbortError' });
      assert.equal((await p.records('w')).length, before);
      assert.deepEqual(p.warnings(), []);
    });
  });

  let refuse = false;

  /** While `refuse` is set, commands of a kind are committed and refused. */
  function refusing(kind: Command['kind']) {
    return (real: Consensus): Consensus => ({
      ...real,
      propose: async (command, signal) => {
        if (!refuse || command.kind !== kind) return real.propose(command, signal);
        const result = {
          kind: 'refused',
          refusal: 'action_not_found',
          detail: 'said by a test',
        } as const;
        return { token: { term: 1, index: 99 }, result };
      },
    });
  }
});

/** Runs `then` once, right after the next commit of a kind of command. */
function hookAfter(kind: Command['kind']) {
  const hook = {
    then: null as (() => Promise<unknown>) | null,
    wrap: (real: Consensus): Consensus => ({
      ...real,
      propose: async (command, signal) => {
        const committed = await real.propose(command, signal);
        if (command.kind !== kind || hook.then === null) return committed;
        const { then } = hook;
        hook.then = null;
        await then();
        return committed;
      },
    }),
  };
  return hook;
}

/** The target fails for one workload alone. */
function failFor(p: ScalePlane, id: string, fail: () => Promise<never>): void {
  const whole = createMemoryScaleTarget(p.world);
  p.target.setReplicas = (...call) => (call[0].id === id ? fail() : whole.setReplicas(...call));
  p.target.readReplicas = (...call) => (call[0].id === id ? fail() : whole.readReplicas(...call));
}
