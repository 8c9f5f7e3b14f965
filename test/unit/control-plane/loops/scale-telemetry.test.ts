/** What the scale loop shows of the last decisions, and what a member that leads no more takes back. */

import assert from 'node:assert/strict';
import { ScaleTelemetry } from '../../../../control-plane/loops/scale-telemetry.ts';
import { renderMetrics } from '../../../../control-plane/telemetry/exposition.ts';
import { createSeries } from '../../../../control-plane/telemetry/series.ts';
import { metric } from '../../../support/scale-input.ts';
import { createScalePlane } from '../../../support/scale-plane.ts';
import type { ScaleParts, ScalePlane } from '../../../support/scale-plane.ts';

describe('what the scale loop shows', () => {
  const planes: ScalePlane[] = [];
  const plane = (parts: ScaleParts = {}) => {
    const made = createScalePlane(parts);
    planes.push(made);
    return made;
  };

  afterEach(() => {
    for (const made of planes.splice(0)) made.stop();
  });

  it('is whether the last decision acted and why, one series for each workload', async () => {
    const p = plane();
    await p.put('w', {});
    const shown = () => p.metrics('omnimind_last_decision_info{');
    p.source.loads.set('w', 30);
    await p.tick();
    assert.deepEqual(await shown(), [
      'omnimind_last_decision_info{workload="w",outcome="act",reason="above_target"} 1',
    ]);
    p.source.loads.delete('w');
    await p.tick();
    assert.deepEqual(await shown(), [
      'omnimind_last_decision_info{workload="w",outcome="hold",reason="signal_absent"} 1',
    ]);
  });

  it('is what each stage of the last decision made of the number, and which of them braked', async () => {
    const p = plane();
    await p.put('w', { policy: { replicasMax: 2, cooldownUpMs: 600_000 } });
    p.source.loads.set('w', 30);
    await p.tick();
    assert.equal(p.entry('w').desired, 2);
    assert.deepEqual(await p.metrics('omnimind_decision_stage_replicas{'), [
      'omnimind_decision_stage_replicas{workload="w",stage="combine"} 3',
      'omnimind_decision_stage_replicas{workload="w",stage="stabilization"} 3',
      'omnimind_decision_stage_replicas{workload="w",stage="cooldown"} 3',
      'omnimind_decision_stage_replicas{workload="w",stage="pending_action"} 3',
      'omnimind_decision_stage_replicas{workload="w",stage="bounds"} 2',
      'omnimind_decision_stage_replicas{workload="w",stage="mode"} 2',
    ]);
    const constraints = () => p.metrics('omnimind_decision_constraint_info{');
    assert.deepEqual(await constraints(), [
      'omnimind_decision_constraint_info{workload="w",stage="bounds",reason="at_maximum"} 1',
    ]);
    await p.tick();
    p.source.loads.set('w', 60);
    await p.tick();
    assert.deepEqual(await constraints(), [
      'omnimind_decision_constraint_info{workload="w",stage="cooldown",reason="cooldown_up"} 1',
      'omnimind_decision_constraint_info{workload="w",stage="bounds",reason="at_maximum"} 1',
    ]);
  });

  it('is no stage of an earlier decision once the target does not answer', async () => {
    const p = plane();
    await p.put('w', {});
    p.source.loads.set('w', 10);
    await p.tick();
    await p.tick();
    p.target.unavailable = true;
    await p.tick();
    assert.deepEqual(await p.metrics('omnimind_decision_stage_replicas{'), [
      'omnimind_decision_stage_replicas{workload="w",stage="combine"} 1',
    ]);
    assert.deepEqual(await p.metrics('omnimind_decision_constraint_info{'), []);
  });

  it('is the bounds of the policy, for as long as there is one', async () => {
    const p = plane();
    await p.put('w', { policy: { replicasMin: 2, replicasMax: 7 } });
    await p.tick();
    assert.deepEqual(await p.metrics('omnimind_replicas_min{'), [
      'omnimind_replicas_min{workload="w"} 2',
    ]);
    assert.deepEqual(await p.metrics('omnimind_replicas_max{'), [
      'omnimind_replicas_max{workload="w"} 7',
    ]);
    await p.propose({ kind: 'remove_policy', policyId: 'w-load', expectedVersion: null });
    await p.tick();
    for (const name of ['replicas_min', 'replicas_max', 'last_decision_info', 'decision_stage']) {
      assert.deepEqual(await p.metrics(`omnimind_${name}`), [], name);
    }
  });

  it('follows the state: what is desired, the mode, and the bounds of a policy that was replaced', async () => {
    const p = plane();
    await p.put('w', { policy: { replicasMax: 7 } });
    p.source.loads.set('w', 10);
    await p.tick();
    const shown = async (name: string) => (await p.metrics(`omnimind_${name}`))[0];
    const mode = () => shown('workload_mode{workload="w",mode="act"}');
    assert.equal(await shown('replicas_desired'), 'omnimind_replicas_desired{workload="w"} 1');
    assert.equal(await mode(), 'omnimind_workload_mode{workload="w",mode="act"} 1');
    p.source.loads.set('w', 30);
    await p.tick();
    assert.equal(await shown('replicas_desired'), 'omnimind_replicas_desired{workload="w"} 3');
    // Its action ends: the workload itself stands as it is from here on.
    await p.tick();
    await p.propose({ kind: 'set_mode', mode: 'observe' });
    await p.tick();
    assert.equal(await mode(), 'omnimind_workload_mode{workload="w",mode="act"} 0');
    await p.put('w', { policy: { replicasMin: 2, replicasMax: 8 } });
    await p.tick();
    assert.equal(await shown('replicas_max'), 'omnimind_replicas_max{workload="w"} 8');
    assert.equal(await shown('replicas_min'), 'omnimind_replicas_min{workload="w"} 2');
  });

  it('is a new reason of a stage in the place of its last one', async () => {
    const p = plane();
    await p.put('w', { policy: { replicasMax: 2 } });
    const telemetry = new ScaleTelemetry(p.series, p.clock);
    const stage = { stage: 'bounds', before: 3, after: 2, detail: '' } as const;
    p.source.loads.set('w', 30);
    await p.tick();
    const record = p.loop.lastDecision('w');
    assert.ok(record !== null);
    for (const reason of ['at_maximum', 'at_minimum'] as const) {
      const outcome = { ...record.outcome, stages: [{ ...stage, reason }] };
      await telemetry.decided([{ ...record, outcome }]);
    }
    const lines = await p.metrics('omnimind_decision_constraint_info{workload="w",stage="bounds"');
    assert.deepEqual(lines.length, 1);
    assert.match(lines[0] ?? '', /at_minimum/);
  });

  it('has room for a workload that was left out, once another one has gone', async () => {
    const p = plane();
    const series = createSeries({ version: '0', seriesMax: 1 });
    const telemetry = new ScaleTelemetry(series, p.clock);
    try {
      for (const id of ['v', 'w']) await p.put(id, {});
      telemetry.stands(p.memory.readState());
      await p.propose({ kind: 'remove_policy', policyId: 'v-load', expectedVersion: null });
      await p.propose({ kind: 'remove_workload', workloadId: 'v', expectedVersion: null });
      telemetry.stands(p.memory.readState());
      const { body } = await renderMetrics(series.registry, undefined);
      assert.match(body, /^omnimind_replicas_desired\{workload="w"\} 1$/m);
      assert.match(body, /^omnimind_replicas_max\{workload="w"\} 10$/m);
    } finally {
      series.stop();
    }
  });

  it('counts apart the decisions whose inputs were lost', async () => {
    const p = plane();
    await p.put('w', {});
    p.source.loads.set('w', 30);
    await p.tick();
    const record = p.loop.lastDecision('w');
    assert.ok(record !== null);
    const telemetry = new ScaleTelemetry(p.series, p.clock);
    for (const reason of [
      'signal_stale',
      'no_replica_ready',
      'actual_unknown',
      'at_desired',
    ] as const) {
      const outcome = {
        ...record.outcome,
        verdict: { kind: 'hold', reason, replicas: 3, detail: '' } as const,
      };
      await telemetry.decided([{ ...record, outcome }]);
    }
    assert.deepEqual(await p.metrics('omnimind_decision_inputs_total'), [
      'omnimind_decision_inputs_total{workload="w",result="known"} 2',
      'omnimind_decision_inputs_total{workload="w",result="lost"} 3',
    ]);
  });

  it('is which signal is lost and why, also when another one decides, until it can be used again', async () => {
    const p = plane();
    const load = (id: string) => ({ query: `load{workload="${id}"}`, timestampQuery: 'age' });
    await p.put('w', {
      policy: {
        metrics: [metric({ name: 'own', ...load('w') }), metric({ name: 'other', ...load('x') })],
      },
    });
    const lost = () => p.metrics('omnimind_signal_lost_info{');
    p.source.loads.set('w', 30).set('x', NaN);
    await p.tick();
    assert.deepEqual(await p.reasons('w'), ['above_target']);
    assert.deepEqual(await lost(), [
      'omnimind_signal_lost_info{workload="w",metric="other",reason="signal_not_a_number"} 1',
    ]);
    p.source.loads.delete('x');
    await p.tick();
    assert.deepEqual(await lost(), [
      'omnimind_signal_lost_info{workload="w",metric="other",reason="signal_absent"} 1',
    ]);
    p.source.loads.set('x', 1);
    await p.tick();
    assert.deepEqual(await lost(), []);
  });

  it('is taken back by a member that leads no more, and shown again when it leads again', async () => {
    let leads = true;
    const p = plane({
      consensus: (real) => ({ ...real, leaseTerm: () => (leads ? real.leaseTerm() : null) }),
    });
    await p.put('w', {});
    p.source.loads.set('w', 30);
    await p.tick();
    await p.tick();
    const gauges = async () =>
      (await p.metrics('omnimind_')).filter(
        (line) => line.includes('workload="w"') && !/^\w+_total\{/.test(line),
      );
    const before = await gauges();
    assert.ok(before.length > 10, before.join('\n'));
    leads = false;
    await p.tick();
    // When it last decided stays true; the newest of all members is what counts.
    assert.deepEqual(
      (await gauges()).filter((line) => !line.startsWith('omnimind_last_evaluation_')),
      [],
    );
    assert.deepEqual(await p.metrics('omnimind_plane_mode{mode="act"}'), [
      'omnimind_plane_mode{mode="act"} 0',
    ]);
    assert.deepEqual(await p.metrics('omnimind_workloads '), ['omnimind_workloads 0']);
    leads = true;
    await p.tick();
    assert.equal((await gauges()).length, before.length);
    assert.deepEqual(await p.metrics('omnimind_workloads '), ['omnimind_workloads 1']);
  });
});
