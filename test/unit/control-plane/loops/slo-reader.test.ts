import assert from 'node:assert/strict';
import { SloReader } from '../../../../control-plane/loops/slo-reader.ts';
import type { Slo, SloData } from '../../../../control-plane/model/slo.ts';
import type {
  InstantReading,
  MetricsSource,
} from '../../../../control-plane/ports/metrics-source.ts';
import { sloOf } from '../../../support/slos.ts';

const NOW_MS = 1_700_000_000_000;
const NEVER = new AbortController().signal;

/** Series by query without selector: labels, value. */
type Recorded = Readonly<
  Record<string, readonly (readonly [Readonly<Record<string, string>>, number])[]>
>;

describe('reading what was recorded of SLOs', () => {
  const slo = sloOf({ id: 'checkout', window: '7d' });

  it('gives each window its ratio and burn rate, the budget, and when that was recorded', async () => {
    const data = await readOne(slo, {
      'slo:sli_error:ratio_rate5m': [[{ slo: 'checkout', scope: 'workload' }, 0.02]],
      'slo:burn_rate:ratio_rate5m': [[{ slo: 'checkout', scope: 'workload' }, 2]],
      'slo:sli_error:ratio_rate7d': [[{ slo: 'checkout', scope: 'workload' }, 0.004]],
      'slo:burn_rate:ratio_rate7d': [[{ slo: 'checkout', scope: 'workload' }, 0.4]],
      'slo:error_budget_remaining:ratio': [[{ slo: 'checkout', scope: 'workload' }, 0.6]],
      'slo:window_coverage:ratio': [[{ slo: 'checkout', scope: 'workload' }, 0.25]],
      'timestamp(slo:total_events:increase5m)': [
        [{ slo: 'checkout', scope: 'workload' }, NOW_MS / 1_000 - 12.5],
      ],
    });
    assert.ok(data.kind === 'available');
    const [only] = data.measurements;
    assert.ok(only);
    assert.deepEqual(only.labels, {});
    assert.deepEqual(
      only.windows.map(({ window }) => window),
      ['5m', '30m', '1h', '2h', '6h', '1d', '3d', '7d'],
    );
    assert.deepEqual(only.windows[0], { window: '5m', errorRatio: 0.02, burnRate: 2 });
    assert.deepEqual(only.windows[1], { window: '30m', errorRatio: null, burnRate: null });
    assert.deepEqual(only.windows[7], { window: '7d', errorRatio: 0.004, burnRate: 0.4 });
    assert.equal(only.budgetRemainingRatio, 0.6);
    assert.equal(only.coverageRatio, 0.25);
    assert.equal(only.recordedAtMs, NOW_MS - 12_500);
  });

  it('tells the sets of labels apart, in their order, and counts those beyond the maximum', async () => {
    const of = (workload: string) => ({ slo: 'checkout', scope: 'workload', workload });
    const recorded: Recorded = {
      'slo:error_budget_remaining:ratio': [
        [of('c'), 0.3],
        [of('a'), 0.1],
        [of('b'), 0.2],
      ],
    };
    const data = await readOne(slo, recorded, 2);
    assert.ok(data.kind === 'available');
    assert.deepEqual(
      data.measurements.map(({ labels, budgetRemainingRatio }) => [labels, budgetRemainingRatio]),
      [
        [{ workload: 'a' }, 0.1],
        [{ workload: 'b' }, 0.2],
      ],
    );
    assert.equal(data.omitted, 1);
  });

  it('makes no number of NaN, nor of another SLO', async () => {
    const data = await readOne(slo, {
      'slo:error_budget_remaining:ratio': [
        [{ slo: 'checkout' }, NaN],
        [{ slo: 'checkout-2' }, 0.5],
      ],
    });
    assert.ok(data.kind === 'available');
    assert.deepEqual(
      data.measurements.map(({ budgetRemainingRatio }) => budgetRemainingRatio),
      [null],
    );
  });

  it('says so when nothing is recorded', async () => {
    assert.equal((await readOne(slo, {})).kind, 'not_recorded');
  });

  it('says why when one query fails, and gives no half of an answer', async () => {
    const source = sourceOf((query) =>
      query.startsWith('slo:window_coverage')
        ? { kind: 'failed', reason: 'signal_unavailable', detail: 'connection refused' }
        : vector([[{ slo: 'checkout' }, 1]]),
    );
    const reader = new SloReader({ slos: [slo], source, clock: CLOCK });
    const [report] = await reader.read([slo], NEVER);
    assert.deepEqual(report?.data, {
      kind: 'unavailable',
      reason: 'signal_unavailable',
      detail: 'connection refused',
    });
  });

  it('asks for all SLOs in one read, at one instant, and for none not at all', async () => {
    const reads: (readonly string[])[] = [];
    const source: MetricsSource = {
      readInstant: (queries, atMs) => {
        assert.equal(atMs, NOW_MS);
        reads.push(queries);
        return Promise.resolve(queries.map(() => vector([])));
      },
      readRange: () => assert.fail('not asked'),
    };
    const slos = [sloOf({ id: 'a' }), sloOf({ id: 'b' })];
    const reader = new SloReader({ slos, source, clock: CLOCK });
    const reports = await reader.read(slos, NEVER);
    assert.deepEqual(
      reports.map((report) => [report.slo.id, report.atMs]),
      [
        ['a', NOW_MS],
        ['b', NOW_MS],
      ],
    );
    assert.equal(reads.length, 1);
    assert.ok(reads[0]?.every((query) => query.includes('{slo=~"a|b"}')));
    assert.deepEqual(await reader.read([], NEVER), []);
    assert.equal(reads.length, 1);
  });
});

const CLOCK = { nowMs: () => NOW_MS, monotonicMs: () => 0 };

async function readOne(slo: Slo, recorded: Recorded, measurementsMax = 10): Promise<SloData> {
  const source = sourceOf((query) => vector(recorded[query.replace(/\{[^}]*\}/, '')] ?? []));
  const reader = new SloReader({ slos: [slo], source, clock: CLOCK, measurementsMax });
  const [report] = await reader.read([slo], NEVER);
  assert.ok(report);
  return report.data;
}

function vector(samples: Recorded[string]): InstantReading {
  return {
    kind: 'vector',
    samples: samples.map(([labels, value]) => ({ labels, value, evaluatedAtMs: NOW_MS })),
  };
}

function sourceOf(answer: (query: string) => InstantReading): MetricsSource {
  return {
    readInstant: (queries) => Promise.resolve(queries.map(answer)),
    readRange: () => assert.fail('not asked'),
  };
}
