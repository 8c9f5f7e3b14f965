import assert from 'node:assert/strict';
import { VerticalReader } from '../../../../control-plane/loops/vertical-reader.ts';
import type { VerticalLimits } from '../../../../control-plane/loops/vertical-reader.ts';
import type { VerticalQuestion, VerticalReport } from '../../../../control-plane/model/vertical.ts';
import type { RangeQuery, RangeReading } from '../../../../control-plane/ports/metrics-source.ts';
import { DAY_MS, MINUTE_MS, resourceOf, verticalSpecOf } from '../../../support/vertical.ts';

const NOW_MS = 20_000 * DAY_MS + 123_456;
const STEP_MS = 5 * MINUTE_MS;
const NEVER = new AbortController().signal;

describe('reading vertical recommendations', () => {
  it('reads the whole history in pieces of at most a day, each sample once, on whole steps', async () => {
    const plane = readerOver((query) => matrixOf(query, ['a', 'b'], () => 1e9));
    const report = await plane.report();
    assert.equal(plane.asked.length, 8);
    const times = plane.asked.flatMap(timesOf);
    assert.equal(times.length, 8 * 288);
    assert.equal(new Set(times).size, times.length);
    assert.ok(times.every((atMs) => atMs % STEP_MS === 0));
    assert.equal(times.at(-1), Math.floor(NOW_MS / STEP_MS) * STEP_MS);
    const [memory] = report.recommendations;
    assert.ok(memory?.kind === 'recommended');
    assert.equal(memory.evidence.samples, 2 * 8 * 288);
    assert.equal(memory.evidence.spanMs, 8 * DAY_MS);
    assert.deepEqual([report.computedAtMs, report.endMs], [NOW_MS, times.at(-1)]);
  });

  it('asks for the peaks between the samples of memory, for CPU as it is', async () => {
    const plane = readerOver((query) => matrixOf(query, ['a'], () => 1));
    const commented = 'sum by (replica) (m) # bytes';
    const resources = [
      resourceOf({ query: commented }),
      resourceOf({ resource: 'gpu_memory', query: 'g' }),
      resourceOf({ resource: 'cpu', query: 'c' }),
    ];
    await plane.report({ resources });
    assert.deepEqual(
      [...new Set(plane.asked.map(({ query }) => query))],
      [
        `max_over_time((${commented}\n)[300000ms:15000ms])`,
        'max_over_time((g\n)[300000ms:15000ms])',
        'c',
      ],
    );
  });

  it('asks again for half where an answer was too large, and gives up at a few samples', async () => {
    const tooLarge = { kind: 'failed', reason: 'signal_oversized', detail: 'over 8 MiB' } as const;
    const halved = readerOver((query) =>
      timesOf(query).length > 100 ? tooLarge : matrixOf(query, ['a'], () => 1e9),
    );
    const [memory] = (await halved.report()).recommendations;
    assert.ok(memory?.kind === 'recommended');
    assert.equal(memory.evidence.samples, 8 * 288);
    const never = readerOver(() => tooLarge);
    const [none] = (await never.report()).recommendations;
    assert.ok(none?.kind === 'withheld');
    assert.deepEqual([none.reason, none.detail], ['signal_oversized', 'usage: over 8 MiB']);
    assert.equal(never.asked.length, 6);
  });

  it('asks again for half where there were too many samples for the server', async () => {
    const detail = 'execution: query processing would load too many samples into memory';
    const plane = readerOver((query) =>
      timesOf(query).length > 200
        ? { kind: 'failed', reason: 'signal_rejected', detail }
        : matrixOf(query, ['a'], () => 1e9),
    );
    assert.equal((await plane.report()).recommendations[0]?.kind, 'recommended');
  });

  it('stops at a bound of samples, and names the fix', async () => {
    const replicas = Array.from({ length: 75 }, (_, index) => `r${index}`);
    const plane = readerOver((query) => matrixOf(query, replicas, () => 1e9));
    const [memory] = (await plane.report()).recommendations;
    assert.ok(memory?.kind === 'withheld');
    assert.equal(memory.reason, 'signal_oversized');
    assert.match(memory.detail, /more than 100000 samples; take a longer step/);
    assert.ok(plane.asked.length < 8);
  });

  it('joins a counter over its pieces, so that a kill at a seam is seen once', async () => {
    const endMs = Math.floor(NOW_MS / STEP_MS) * STEP_MS;
    const killedMs = endMs - DAY_MS + STEP_MS;
    const plane = readerOver((query) =>
      query.query === 'kills'
        ? matrixOf(query, ['a'], (atMs) => (atMs < killedMs ? 4 : 5))
        : matrixOf(query, ['a'], () => 1e9),
    );
    const oom = { killsQuery: 'kills', limitQuery: null };
    const [memory] = (await plane.report({ resources: [resourceOf({ oom })] })).recommendations;
    assert.ok(memory?.kind === 'recommended');
    assert.equal(memory.evidence.oomKills, 1);
    assert.equal(memory.peak, 1.2e9);
  });

  it('recommends nothing while kills or limits cannot be read, and says which', async () => {
    const oom = { killsQuery: 'kills', limitQuery: 'limits' };
    const withheldBy = async (broken: string) => {
      const plane = readerOver((query) =>
        query.query === broken
          ? { kind: 'failed', reason: 'signal_unavailable', detail: 'refused' }
          : matrixOf(query, ['a'], () => 1e9),
      );
      const report = await plane.report({ resources: [resourceOf({ oom, request: 7 })] });
      const [memory] = report.recommendations;
      assert.ok(memory?.kind === 'withheld');
      assert.deepEqual([memory.reason, memory.current], ['signal_unavailable', 7]);
      return memory.detail;
    };
    assert.equal(await withheldBy('kills'), 'kills: refused');
    assert.equal(await withheldBy('limits'), 'limits: refused');
  });

  it('gives the same answer for a minute, and what could not be read for five seconds', async () => {
    const plane = readerOver((query) => matrixOf(query, ['a'], () => 1e9));
    const first = await plane.report();
    plane.elapse(59_999);
    assert.equal(await plane.report(), first);
    plane.elapse(1);
    assert.notEqual(await plane.report(), first);
    assert.equal(plane.asked.length, 16);

    const away = readerOver(() => ({ kind: 'failed', reason: 'signal_unavailable', detail: '' }));
    const failed = await away.report();
    away.elapse(4_999);
    assert.equal(await away.report(), failed);
    away.elapse(1);
    assert.notEqual(await away.report(), failed);
  });

  it('asks anew for another version of the policy, and keeps so many answers', async () => {
    const plane = readerOver((query) => matrixOf(query, ['a'], () => 1e9), { keptMax: 2 });
    const first = await plane.report();
    const second = await plane.report({}, 2);
    assert.equal(second.policyVersion, 2);
    assert.equal(await plane.report(), first);
    await plane.report({}, 3);
    assert.equal(await plane.report({}, 2), second);
    assert.notEqual(await plane.report(), first);
  });

  it('reads once for all who ask the same at the same time', async () => {
    const held = heldSource();
    const both = [held.reader.read(questionOf(), NEVER), held.reader.read(questionOf(), NEVER)];
    await held.release();
    const [one, other] = await Promise.all(both);
    assert.ok(one?.kind === 'report' && other?.kind === 'report');
    assert.equal(one.report, other.report);
    assert.equal(held.asked(), 8);
  });

  it('goes on for the others when one gives up, and ends when nobody waits', async () => {
    const held = heldSource();
    const impatient = new AbortController();
    const given = held.reader.read(questionOf(), impatient.signal);
    const stays = held.reader.read(questionOf(), NEVER);
    impatient.abort(new Error('gone'));
    await assert.rejects(given, /gone/);
    assert.equal(held.aborted(), 0);
    await held.release();
    assert.equal((await stays).kind, 'report');

    const alone = heldSource();
    const last = new AbortController();
    const asked = alone.reader.read(questionOf(), last.signal);
    await alone.begun();
    last.abort(new Error('gone'));
    await assert.rejects(asked, /gone/);
    assert.equal(alone.aborted(), 1);
  });

  it('says that it is busy beyond so many, and that they are few at a time', async () => {
    const held = heldSource({ runningMax: 1, askedMax: 2 });
    const first = held.reader.read(questionOf(1), NEVER);
    const second = held.reader.read(questionOf(2), NEVER);
    assert.deepEqual(await held.reader.read(questionOf(3), NEVER), { kind: 'busy' });
    await held.begun();
    assert.equal(held.asked(), 1);
    await held.release();
    assert.deepEqual([(await first).kind, (await second).kind], ['report', 'report']);
    assert.equal((await held.reader.read(questionOf(4), NEVER)).kind, 'report');
  });

  it('ends at its deadline, whatever the source does, and says so', async () => {
    const held = heldSource({ timeoutMs: 20 });
    const answer = await held.reader.read(questionOf(), NEVER);
    assert.ok(answer.kind === 'report');
    const [memory] = answer.report.recommendations;
    assert.ok(memory?.kind === 'withheld');
    assert.deepEqual(
      [memory.reason, memory.detail],
      ['signal_unavailable', 'usage: no answer within 20 ms'],
    );
  });
});

function questionOf(policyVersion = 1, changes = {}): VerticalQuestion {
  return { policyId: 'p', policyVersion, spec: verticalSpecOf({ stepMs: STEP_MS, ...changes }) };
}

function readerOver(
  answer: (query: RangeQuery) => RangeReading,
  limits: Partial<VerticalLimits> = {},
) {
  const asked: RangeQuery[] = [];
  let monotonicMs = 0;
  const reader = new VerticalReader({
    source: {
      readInstant: () => assert.fail('not asked'),
      readRange: (queries) => {
        asked.push(...queries);
        return Promise.resolve(queries.map(answer));
      },
    },
    clock: { nowMs: () => NOW_MS, monotonicMs: () => monotonicMs },
    limits,
  });
  return {
    asked,
    elapse: (ms: number) => void (monotonicMs += ms),
    report: async (changes = {}, version = 1): Promise<VerticalReport> => {
      const found = await reader.read(questionOf(version, changes), NEVER);
      if (found.kind === 'busy') assert.fail('busy');
      return found.report;
    },
  };
}

/** A source that answers once it is released, and then at once. */
function heldSource(limits: Partial<VerticalLimits> = {}) {
  const released = Promise.withResolvers<undefined>();
  const begun = Promise.withResolvers<undefined>();
  let asked = 0;
  let aborted = 0;
  const reader = new VerticalReader({
    source: {
      readInstant: () => assert.fail('not asked'),
      readRange: async (queries, signal) => {
        asked += 1;
        signal.addEventListener('abort', () => void (aborted += 1));
        begun.resolve(undefined);
        await released.promise;
        return queries.map((query) => matrixOf(query, ['a'], () => 1e9));
      },
    },
    clock: { nowMs: () => NOW_MS, monotonicMs: () => 0 },
    limits,
  });
  return {
    reader,
    asked: () => asked,
    aborted: () => aborted,
    begun: () => begun.promise,
    release: async () => {
      await begun.promise;
      released.resolve(undefined);
    },
  };
}

function matrixOf(
  query: RangeQuery,
  replicas: readonly string[],
  valueAt: (atMs: number) => number,
): RangeReading {
  const points = timesOf(query).map((atMs) => [atMs, valueAt(atMs)] as const);
  return { kind: 'matrix', series: replicas.map((replica) => ({ labels: { replica }, points })) };
}

function timesOf({ startMs, endMs, stepMs }: RangeQuery): readonly number[] {
  const count = Math.floor((endMs - startMs) / stepMs) + 1;
  return Array.from({ length: count }, (_, index) => startMs + index * stepMs);
}
