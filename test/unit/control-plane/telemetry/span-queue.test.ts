/** The queue of finished spans: bounded, counted, and never in anybody's way. */

import assert from 'node:assert/strict';
import { SpanQueue } from '../../../../control-plane/telemetry/span-queue.ts';
import type { SpanQueueOptions, SpanSink } from '../../../../control-plane/telemetry/span-queue.ts';
import { until } from '../../../support/postgres.ts';

type FinishedSpan = Parameters<SpanQueue['onEnd']>[0];

describe('span queue', () => {
  let dropped: number;
  const create = (exporter: SpanSink | null, options: Partial<SpanQueueOptions> = {}) =>
    new SpanQueue({
      exporter,
      queueMax: 5,
      batchMax: 2,
      delayMs: 1,
      hurryDelayMs: 1,
      exportTimeoutMs: 1000,
      onDropped: (spans) => {
        dropped += spans;
      },
      ...options,
    });

  beforeEach(() => {
    dropped = 0;
  });

  it('sends everything, in batches no larger than told', async () => {
    const batches: number[] = [];
    const queue = create(
      exporter((spans, done) => {
        batches.push(spans);
        done(true);
      }),
    );
    for (let index = 0; index < 5; index += 1) queue.onEnd(span());
    await queue.forceFlush();
    assert.deepEqual(batches, [2, 2, 1]);
    assert.equal(dropped, 0);
  });

  it('drops and counts what does not fit while the collector hangs', async () => {
    const queue = create(
      exporter(() => undefined),
      { delayMs: 10_000 },
    );
    for (let index = 0; index < 10; index += 1) queue.onEnd(span());
    // Two are on their way, five wait.
    assert.equal(dropped, 3);
    await queue.shutdown();
    assert.equal(dropped, 10);
  });

  it('counts a batch that the collector refuses, and goes on', async () => {
    let calls = 0;
    const queue = create(exporter((_, done) => done((calls += 1) > 1)));
    for (let index = 0; index < 4; index += 1) queue.onEnd(span());
    await queue.forceFlush();
    assert.equal(calls, 2);
    assert.equal(dropped, 2);
  });

  it('gives a batch up at its deadline, and goes on', async () => {
    let calls = 0;
    const queue = create(
      exporter((_, done) => {
        calls += 1;
        if (calls > 1) done(true);
      }),
      { exportTimeoutMs: 10 },
    );
    for (let index = 0; index < 4; index += 1) queue.onEnd(span());
    await queue.forceFlush();
    assert.deepEqual([calls, dropped], [2, 2]);
  });

  it('outlives an exporter that throws', async () => {
    const queue = create(
      exporter(() => {
        throw new Error('bug');
      }),
    );
    queue.onEnd(span());
    await queue.forceFlush();
    assert.equal(dropped, 1);
  });

  it('sends by itself after its delay', async () => {
    let sent = 0;
    const queue = create(
      exporter((spans, done) => {
        sent += spans;
        done(true);
      }),
    );
    queue.onEnd(span());
    await until(() => sent === 1, 5000);
    await queue.shutdown();
  });

  it('sends soon when it is told to hurry, all that has ended by then in one batch', async () => {
    const batches: number[] = [];
    const queue = create(
      exporter((spans, done) => {
        batches.push(spans);
        done(true);
      }),
      { delayMs: 3_600_000, batchMax: 5 },
    );
    queue.hurry();
    queue.onEnd(span());
    queue.hurry();
    queue.onEnd(span());
    queue.hurry();
    await until(() => batches.length > 0, 5000);
    assert.deepEqual(batches, [2]);
    // And no more than once: the next span waits its time again.
    queue.onEnd(span());
    await queue.forceFlush();
    assert.deepEqual(batches, [2, 1]);
  });

  it('hurries what comes while a batch is on its way as soon as that is answered', async () => {
    const batches: number[] = [];
    let answer: (ok: boolean) => void = () => undefined;
    const queue = create(
      exporter((spans, done) => {
        batches.push(spans);
        answer = done;
      }),
      { delayMs: 3_600_000, batchMax: 2 },
    );
    for (let index = 0; index < 5; index += 1) queue.onEnd(span());
    queue.hurry();
    assert.deepEqual(batches, [2]);
    answer(true);
    await until(() => batches.length === 2, 5000);
    answer(true);
    // What was left over by a full batch does not wait for the long delay either.
    await until(() => batches.length === 3, 5000);
    answer(true);
    await queue.forceFlush();
    assert.deepEqual(batches, [2, 2, 1]);
    assert.equal(dropped, 0);
  });

  it('leaves spans out that were not sampled, and all of them without an exporter', async () => {
    const queue = create(null);
    queue.onEnd(span());
    const sampling = create(exporter((_, done) => done(true)));
    sampling.onEnd(span(0));
    await Promise.all([queue.forceFlush(), sampling.forceFlush(), queue.shutdown()]);
    assert.equal(dropped, 0);
  });
});

function exporter(send: (spans: number, done: (ok: boolean) => void) => unknown): SpanSink {
  return {
    export: (batch, settle) => void send(batch.length, (ok) => settle({ code: ok ? 0 : 1 })),
  };
}

/** All that the queue looks at. */
function span(traceFlags = 1): FinishedSpan {
  const context = { traceId: 'f'.repeat(32), spanId: 'f'.repeat(16), traceFlags };
  return { spanContext: () => context } as FinishedSpan;
}
