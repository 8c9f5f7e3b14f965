import assert from 'node:assert/strict';
import { CollectorError } from '../../../agents/failures.ts';
import { gauge } from '../../../agents/family.ts';
import { createExposition } from '../../../agents/metrics.ts';
import { createScraper } from '../../../agents/scrape.ts';
import { pollUntil } from '../../support/process.ts';
import { stageCollector } from '../../support/staged-collector.ts';

const goodValue = gauge('good_value', 'x');
const badValue = gauge('bad_value', 'x');
const never = (): Promise<void> => new Promise<void>(() => undefined);

function setUp(badDeadlineMs = 30) {
  const events: string[] = [];
  const good = stageCollector('good', [goodValue], (emit) => {
    emit(goodValue, 1);
    return Promise.resolve();
  });
  const bad = stageCollector('bad', [badValue], (emit) => {
    emit(badValue, 1);
    return Promise.resolve();
  });
  const exposition = createExposition(1000);
  const scraper = createScraper(
    [
      { collector: good.collector, deadlineMs: 1000 },
      { collector: bad.collector, deadlineMs: badDeadlineMs },
    ],
    exposition,
    (_level, event) => void events.push(event),
  );
  const scrape = async (budgetMs = 5000): Promise<string> => {
    await scraper.collect(budgetMs);
    return exposition.render('text');
  };
  return { good, bad, scraper, scrape, events };
}

describe('scrape', () => {
  it('gives the values of all collectors with their success, duration and time', async () => {
    const { scrape, scraper } = setUp();
    const text = await scrape();
    assert.match(text, /^good_value 1$/m);
    assert.match(text, /^bad_value 1$/m);
    assert.match(text, /^omnimind_collector_success\{collector="bad"\} 1$/m);
    assert.match(text, /^omnimind_collector_duration_seconds\{collector="bad"\} 0\.\d+$/m);
    assert.match(
      text,
      /^omnimind_collector_last_success_timestamp_seconds\{collector="bad"\} 1\d{9}/m,
    );
    assert.doesNotMatch(text, /last_error_info/);
    assert.deepEqual(scraper.failing(), []);
  });

  it('ends at the deadline of a collector that ignores its signal, and keeps the others', async () => {
    const { bad, scrape, scraper } = setUp();
    bad.behave((emit) => {
      emit(badValue, 1);
      return never();
    });
    const began = performance.now();
    const text = await scrape();
    assert.ok(performance.now() - began < 1000);
    assert.match(text, /^good_value 1$/m);
    assert.doesNotMatch(text, /^bad_value/m);
    assert.match(text, /^omnimind_collector_success\{collector="bad"\} 0$/m);
    assert.match(text, /last_error_info\{collector="bad",error="timeout"\} 1$/m);
    assert.deepEqual(scraper.failing(), ['bad']);
  });

  it('ends at the budget of the scrape when that is shorter', async () => {
    const { bad, scrape } = setUp(60_000);
    bad.behave(never);
    const began = performance.now();
    assert.match(await scrape(30), /error="timeout"/);
    assert.ok(performance.now() - began < 1000);
  });

  it('does not start a collector again while its last run hangs, and does once it has ended', async () => {
    const { bad, scrape } = setUp();
    let release = (): void => undefined;
    bad.behave(() => new Promise<void>((resolve) => (release = resolve)));
    await scrape();
    assert.match(await scrape(), /error="timeout"/);
    assert.equal(bad.runs(), 1);
    bad.behave((emit) => {
      emit(badValue, 2);
      return Promise.resolve();
    });
    release();
    await pollUntil('a value', 1000, async () => /^bad_value 2$/m.test(await scrape()));
    assert.equal(bad.runs(), 2);
  });

  it('discards what a failing collector emitted, also of the run before', async () => {
    const { bad, scrape } = setUp();
    assert.match(await scrape(), /^bad_value 1$/m);
    bad.behave((emit) => {
      emit(badValue, 5);
      return Promise.reject(new CollectorError('malformed', 'garbage'));
    });
    const text = await scrape();
    assert.doesNotMatch(text, /^bad_value/m);
    assert.match(text, /last_error_info\{collector="bad",error="malformed"\} 1$/m);
    assert.match(text, /last_success_timestamp_seconds\{collector="bad"\}/);
  });

  it('survives a collector that throws before it returns a promise', async () => {
    const { bad, scrape } = setUp();
    bad.behave(() => {
      throw new TypeError('a bug');
    });
    assert.match(await scrape(), /last_error_info\{collector="bad",error="internal"\} 1$/m);
  });

  it('runs each collector once for scrapes that overlap', async () => {
    const { good, bad, scrape } = setUp(1000);
    let release = (): void => undefined;
    bad.behave(() => new Promise<void>((resolve) => (release = resolve)));
    const both = [scrape(), scrape()];
    release();
    const [first, second] = await Promise.all(both);
    assert.equal(first, second);
    assert.equal(good.runs(), 1);
    assert.equal(bad.runs(), 1);
  });

  it('logs a failure once when it begins and once when it ends', async () => {
    const { bad, scrape, events } = setUp();
    bad.behave(() => Promise.reject(new CollectorError('unavailable', 'away')));
    await scrape();
    await scrape();
    bad.behave(() => Promise.resolve());
    await scrape();
    await scrape();
    assert.deepEqual(events, ['collector_failed', 'collector_recovered']);
  });

  it('aborts the signal of a run that is out of time', async () => {
    const { bad, scrape } = setUp();
    let reason: unknown = null;
    bad.behave((_emit, signal) => {
      signal.addEventListener('abort', () => {
        reason = signal.reason;
      });
      return never();
    });
    await scrape();
    assert.ok(reason instanceof Error);
    assert.equal(reason.name, 'TimeoutError');
  });
});
