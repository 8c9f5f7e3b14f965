/** The series: their names, their zeros, their bounds. */

import assert from 'node:assert/strict';
import { renderMetrics } from '../../../../control-plane/telemetry/exposition.ts';
import { createSeries, describeSeries } from '../../../../control-plane/telemetry/series.ts';
import type { Series, SeriesOptions } from '../../../../control-plane/telemetry/series.ts';

describe('series', () => {
  const made: Series[] = [];
  const create = (options: Partial<SeriesOptions> = {}) => {
    const series = createSeries({ version: '1.2.3', ...options });
    made.push(series);
    return series;
  };
  const render = async (series: Series) => (await renderMetrics(series.registry, undefined)).body;
  const lines = async (series: Series, prefix: string) =>
    (await render(series)).split('\n').filter((line) => line.startsWith(prefix));

  afterEach(() => {
    for (const series of made.splice(0)) series.stop();
  });

  it('are described as data exactly as they are exported', async () => {
    const described = new Map(describeSeries().map((family) => [family.name, family.type]));
    const exported = new Map(
      (await create().registry.getMetricsAsJSON())
        .filter(({ name }) => name.startsWith('omnimind_'))
        .map(({ name, type }) => [name, String(type)]),
    );
    assert.deepEqual(described, exported);
    assert.ok(described.size > 40);
  });

  it('are called as the conventions have it', () => {
    for (const { name, type, help, labels } of describeSeries()) {
      assert.match(name, /^omnimind_[a-z0-9_]+$/);
      assert.equal(name.endsWith('_total'), type === 'counter', name);
      assert.doesNotMatch(name, /_(count|sum|bucket|ms|sec|gauge)$/);
      assert.ok(help.length > 10, name);
      assert.ok(!labels.some((label) => ['le', 'quantile', 'instance', 'job'].includes(label)));
    }
  });

  it('say their version', async () => {
    assert.deepEqual(await lines(create(), 'omnimind_build_info'), [
      `omnimind_build_info{version="1.2.3",node_version="${process.version}"} 1`,
    ]);
  });

  it('have at most 12 buckets', async () => {
    const series = create();
    series.introduceWorkload('w');
    const body = await render(series);
    const bounds = new Map<string, number>();
    for (const [, family = '', rest = ''] of body.matchAll(/^(omnimind_\w+)_bucket\{(.*)\}/gm)) {
      const child = family + rest.replace(/le="[^"]*",?/, '');
      bounds.set(child, (bounds.get(child) ?? 0) + 1);
    }
    assert.ok(bounds.size > 5);
    // And +Inf.
    for (const [child, count] of bounds) assert.ok(count <= 13, child);
  });

  it('give a workload the zeros that rules need, and keep what it has counted', async () => {
    const series = create();
    series.decisionInputs.inc({ workload: 'w', result: 'lost' });
    series.introduceWorkload('w');
    series.introduceWorkload('w');
    const found = await lines(series, 'omnimind_');
    assert.deepEqual(
      found.filter((line) => line.includes('workload="w"')),
      [
        'omnimind_decision_inputs_total{workload="w",result="lost"} 1',
        'omnimind_decision_inputs_total{workload="w",result="known"} 0',
        'omnimind_actions_total{workload="w",direction="out",outcome="verified"} 0',
        'omnimind_actions_total{workload="w",direction="out",outcome="failed"} 0',
        'omnimind_actions_total{workload="w",direction="in",outcome="verified"} 0',
        'omnimind_actions_total{workload="w",direction="in",outcome="failed"} 0',
        'omnimind_scale_reversals_total{workload="w"} 0',
      ],
    );
  });

  it('tell once of each family that is full, with its bound', () => {
    const told: [string, number][] = [];
    const series = create({ seriesMax: 2, onFull: (...full) => void told.push(full) });
    for (const workload of ['a', 'b', 'c', 'd']) {
      series.replicasReady.set({ workload }, 1);
      for (const result of ['known', 'lost'] as const)
        series.decisionInputs.inc({ workload, result });
    }
    assert.deepEqual(told, [
      ['omnimind_replicas_ready', 2],
      ['omnimind_decision_inputs_total', 4],
    ]);
  });

  it('have room for ten thousand workloads unless told otherwise', async () => {
    const series = create();
    for (let at = 0; at <= 10_000; at += 1) series.replicasReady.set({ workload: `w-${at}` }, 1);
    assert.equal((await lines(series, 'omnimind_replicas_ready{')).length, 10_000);
  });

  it('are gone with their workload, and those of others stay', async () => {
    const series = create();
    for (const workload of ['gone', 'kept']) {
      series.introduceWorkload(workload);
      series.replicasDesired.set({ workload }, 3);
      series.decisionInputAge.set({ workload, metric: 'load' }, 1);
    }
    series.forgetWorkload('gone');
    assert.doesNotMatch(await render(series), /gone/);
    assert.deepEqual(await lines(series, 'omnimind_replicas_desired{'), [
      'omnimind_replicas_desired{workload="kept"} 3',
    ]);
    series.replicasDesired.set({ workload: 'gone' }, 1);
    assert.equal((await lines(series, 'omnimind_replicas_desired{')).length, 2);
  });

  it('stop at the cap of their family, and the writes beyond it are counted', async () => {
    const series = create({ seriesMax: 3 });
    for (let index = 0; index < 5; index += 1) {
      series.httpAuthFailures.inc({ cause: `cause-${index}` });
      series.replicasReady.set({ workload: `w-${index}` }, 1);
      series.loopDuration.observe({ loop: `loop-${index}` }, 0.1);
    }
    series.httpAuthFailures.inc({ cause: 'cause-0' });
    assert.equal((await lines(series, 'omnimind_http_auth_failures_total{')).length, 3);
    assert.equal((await lines(series, 'omnimind_replicas_ready{')).length, 3);
    assert.equal((await lines(series, 'omnimind_loop_duration_seconds_count{')).length, 3);
    assert.equal((await lines(series, 'omnimind_stage_duration_seconds_count{')).length, 5);
    assert.deepEqual(await lines(series, 'omnimind_metrics_dropped_series_total'), [
      'omnimind_metrics_dropped_series_total 6',
    ]);
  });

  it('leave out what is no number instead of throwing, and count it', async () => {
    const series = create();
    series.decisionStoreDropped.inc({}, NaN);
    series.decisionStoreDropped.inc({}, -1);
    series.sampleToAction.observe({}, Infinity);
    assert.deepEqual(await lines(series, 'omnimind_metrics_dropped_values_total'), [
      'omnimind_metrics_dropped_values_total 3',
    ]);
    assert.deepEqual(await lines(series, 'omnimind_decision_store_dropped_total'), [
      'omnimind_decision_store_dropped_total 0',
    ]);
  });

  it('raise a counter to a total that is counted elsewhere, and never lower it', async () => {
    const series = create();
    for (const total of [2, 5, 5, 3, 6]) series.decisionStoreDropped.raiseTo({}, total);
    assert.deepEqual(await lines(series, 'omnimind_decision_store_dropped_total'), [
      'omnimind_decision_store_dropped_total 6',
    ]);
  });

  it('are refreshed before each exposition', async () => {
    const series = create();
    let index = 7;
    series.onScrape(() => series.logCommitIndex.set({}, (index += 1)));
    assert.deepEqual(await lines(series, 'omnimind_log_commit_index '), [
      'omnimind_log_commit_index 8',
    ]);
    assert.deepEqual(await lines(series, 'omnimind_log_commit_index '), [
      'omnimind_log_commit_index 9',
    ]);
  });

  it('do without the process metrics that promtool refuses', async () => {
    const body = await render(create());
    assert.doesNotMatch(body, /nodejs_active_(handles|requests|resources)_total/);
    assert.match(body, /^process_resident_memory_bytes \d+$/m);
    assert.match(body, /^omnimind_event_loop_lag_seconds\{statistic="max"\} /m);
  });
});
