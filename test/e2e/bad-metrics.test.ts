/**
 * A loaded workload, a real Prometheus, and everything that can go wrong with its answers. In none
 * of it may the plane scale in; each decision meanwhile is a hold with the right reason, and
 * decisions resume within two ticks after. OMNIMIND_TEST_OUTAGE_SECONDS sets how long each lasts.
 *
 * Nearly all of it is waiting, so several planes meet their outages side by side from the moment that
 * all are up, and each test awaits its own. What befalls Prometheus itself has a plane to itself.
 */

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DecisionRecord } from '../../control-plane/model/decision.ts';
import { startExporter } from '../support/exporter.ts';
import type { Exporter } from '../support/exporter.ts';
import { loadMetrics } from '../support/load-policy.ts';
import { WORKLOAD_ID, planePlace, startPlane } from '../support/plane-process.ts';
import type { PlaneProcess } from '../support/plane-process.ts';
import { pollUntil } from '../support/process.ts';
import { startPrometheusFake } from '../support/prometheus-fake.ts';
import type { FakeMode, PrometheusFake } from '../support/prometheus-fake.ts';
import {
  preparePrometheus,
  scrapeConfigOf,
  startPrometheus,
} from '../support/prometheus-process.ts';
import type { PrometheusPlace, PrometheusProcess } from '../support/prometheus-process.ts';
import { skipWithout } from '../support/skip.ts';

const OUTAGE_MS = 1_000 * Number(process.env['OMNIMIND_TEST_OUTAGE_SECONDS'] ?? 7);
const TICK_MS = 2_000;
const TIMEOUT_MS = 1_500;
/** Replicas that the load asks for, of eight. */
const REPLICAS = 4;

const RULES = `
groups:
  - name: test
    interval: 1s
    rules:
      - record: workload:test_load:sum
        expr: sum(test_load)
      - record: workload:test_load:oldest_timestamp_seconds
        expr: min(timestamp(test_load))
`;

/** What Prometheus answers, and the reason for which a plane then holds. */
const SPOILT: readonly (readonly [title: string, mode: FakeMode, reason: string])[] = [
  ['on an empty result', 'empty', 'signal_absent'],
  ['on NaN', 'nan', 'signal_not_a_number'],
  ['on two series instead of one', 'two_series', 'signal_ambiguous'],
  ['on samples that are 30 minutes old', 'old_samples', 'signal_stale'],
  ['on HTML', 'html', 'signal_malformed'],
  ['on 10 MB of JSON', 'oversized', 'signal_oversized'],
];
const STOPPED = 'while Prometheus is stopped by a signal';
const GONE = 'while Prometheus is gone';
/** Planes that share the answers. With more, their starts take longer than what they save. */
const SPOILT_PLANES = 2;
const UP_WITHIN_MS = 90_000;
const STARTED_WITHIN_MS = 3 * UP_WITHIN_MS;
const OUTAGE_WITHIN_MS = OUTAGE_MS + 60_000;
/** The outages of one plane come one after another. */
const WITHIN_MS = OUTAGE_WITHIN_MS * Math.ceil(SPOILT.length / SPOILT_PLANES);

/** A Prometheus over all of its lives. */
interface Scraper {
  readonly place: PrometheusPlace;
  process: PrometheusProcess;
}

/** A plane that has scaled its workload out, and what stands between it and Prometheus. */
interface Stand {
  readonly proxy: PrometheusFake;
  readonly plane: PlaneProcess;
}

interface Outage {
  readonly title: string;
  readonly reason: string;
  readonly begin: () => Promise<void>;
  readonly end: () => Promise<void>;
}

describe(`bad metrics under high load (${OUTAGE_MS} ms each)`, function () {
  this.timeout(WITHIN_MS);
  const outages = new Map<string, Promise<void>>();
  /** Undone last first, as far as the start came. */
  const started: (() => unknown)[] = [];

  before(async function () {
    this.timeout(STARTED_WITHIN_MS);
    skipWithout(this, 'prometheus');
    const load = await startExporter(`test_load ${REPLICAS * 10}\n`);
    started.push(() => load.stop());
    const [failing, sound] = [await startScraper(load), await startScraper(load)];
    const scrapers = [failing, ...Array.from({ length: SPOILT_PLANES }, () => sound)];
    const starts = scrapers.map((one) => startStand(one));
    // Until every start is over, so that what each has started is known to `after`.
    await Promise.allSettled(starts);
    const stands = await Promise.all(starts);
    for (const [nth, stand] of stands.entries()) {
      const own = SPOILT.filter((_, index) => index % SPOILT_PLANES === nth - 1);
      inTurn(stand, nth === 0 ? outagesOf(failing) : own.map((one) => spoiltAnswers(stand, one)));
    }
  });

  after(async () => {
    await Promise.allSettled(outages.values());
    for (const stop of started.toReversed()) await stop();
  });

  async function startScraper(load: Exporter): Promise<Scraper> {
    const directory = await mkdtemp(join(tmpdir(), 'omnimind-bad-metrics-'));
    started.push(() => rm(directory, { recursive: true, force: true }));
    const place = await preparePrometheus(directory, scrapeConfigOf(load.address), RULES);
    const scraper: Scraper = { place, process: await startPrometheus(place) };
    started.push(() => scraper.process.kill());
    return scraper;
  }

  async function startStand(scraper: Scraper): Promise<Stand> {
    const proxy = await startPrometheusFake({ upstream: scraper.process.url });
    started.push(() => proxy.stop());
    const place = await planePlace({
      prometheusUrl: proxy.url,
      tickInterval: `${TICK_MS}ms`,
      prometheusTimeout: `${TIMEOUT_MS}ms`,
      settings: { OMNIMIND_LOCAL_PROCESS_ON_STOP: 'stop' },
      policy: {
        replicas: { min: 1, max: 8 },
        metrics: loadMetrics(
          'workload:test_load:sum',
          'workload:test_load:oldest_timestamp_seconds',
        ),
        stabilization: { up: '0s', down: '0s' },
        signalAgeMax: '5s',
        actionTimeout: '20s',
      },
    });
    started.push(() => rm(dirname(place.data), { recursive: true, force: true }));
    const plane = await startPlane(place);
    started.push(async () => {
      plane.running.child.kill('SIGTERM');
      await plane.running.exit(10_000).catch(() => plane.running.kill());
    });
    await pollUntil('the load has scaled the workload out', UP_WITHIN_MS, async () => {
      const view = await plane.get<{ desired: number; inFlight: unknown }>(
        `/v1/workloads/${WORKLOAD_ID}`,
      );
      return view.desired === REPLICAS && view.inFlight === null;
    });
    await pollUntil('the record can be read', UP_WITHIN_MS, () =>
      plane.decisions(1).catch(() => null),
    );
    return { proxy, plane };
  }

  /** Begins them one after another, whatever became of the one before. */
  function inTurn(stand: Stand, of: readonly Outage[]): void {
    let before = Promise.resolve();
    for (const outage of of) {
      const over = before.then(() => suffer(stand, outage));
      outages.set(outage.title, over);
      before = over.catch(() => undefined);
    }
  }

  for (const title of [STOPPED, GONE, ...SPOILT.map(([of]) => of)]) {
    it(`holds ${title}`, async () => {
      const outage = outages.get(title);
      assert.ok(outage !== undefined);
      await outage;
    });
  }
});

function outagesOf(scraper: Scraper): readonly Outage[] {
  return [
    {
      title: STOPPED,
      reason: 'signal_unavailable',
      begin: () => Promise.resolve(void scraper.process.running.child.kill('SIGSTOP')),
      end: async () => {
        scraper.process.running.child.kill('SIGCONT');
        await freshData(scraper);
      },
    },
    {
      title: GONE,
      reason: 'signal_unavailable',
      begin: () => scraper.process.kill(),
      end: async () => {
        scraper.process = await startPrometheus(scraper.place);
        await freshData(scraper);
      },
    },
  ];
}

function spoiltAnswers({ proxy }: Stand, [title, mode, reason]: (typeof SPOILT)[number]): Outage {
  return { title, reason, begin: () => proxy.setMode(mode), end: () => proxy.setMode('ok') };
}

/** Prometheus is back once it answers with what it scraped after its return. */
async function freshData(scraper: Scraper): Promise<void> {
  await pollUntil('fresh data in Prometheus', 20_000, async () => {
    const seconds = await scraper.process
      .value('workload:test_load:oldest_timestamp_seconds')
      .catch(() => null);
    return seconds !== null && Date.now() / 1_000 - seconds < 3;
  });
}

/** Rejects unless the plane holds over the whole outage, and decides again soon after. */
async function suffer({ plane }: Stand, { reason, begin, end }: Outage): Promise<void> {
  const fromMs = Date.now();
  await begin();
  const begunMs = Date.now();
  await sleep(OUTAGE_MS);
  const endingMs = Date.now();
  await end();
  const resumedMs = Date.now();
  const settled = await pollUntil('the outage is recorded', 15_000, async () => {
    const records = await since(plane, begunMs);
    return records.some((record) => record.atMs >= endingMs) ? records : null;
  });
  assertHeld(
    // A tick that began just before the end may have been answered after it.
    settled.filter((record) => record.atMs < endingMs - TICK_MS),
    reason,
  );
  await assertResumed(plane, resumedMs);
  const all = await since(plane, fromMs);
  assert.ok(all.every((record) => record.outcome.verdict.kind === 'hold'));
}

async function since(plane: PlaneProcess, atMs: number): Promise<readonly DecisionRecord[]> {
  const records = await plane.decisions(100);
  return records.filter((record) => record.atMs >= atMs).toReversed();
}

/** All holds, and from the second tick on for that very reason: the first may have begun before. */
function assertHeld(records: readonly DecisionRecord[], reason: string): void {
  assert.ok(records.length >= OUTAGE_MS / TICK_MS - 3, `only ${records.length} decisions`);
  for (const [index, { outcome }] of records.entries()) {
    assert.equal(outcome.verdict.kind, 'hold');
    assert.equal(outcome.verdict.replicas, REPLICAS);
    if (index > 0) assert.equal(outcome.verdict.reason, reason, story(records));
  }
}

async function assertResumed(plane: PlaneProcess, fromMs: number): Promise<void> {
  const [, second] = await pollUntil('two ticks', 15_000, async () => {
    const records = await since(plane, fromMs);
    return records.length >= 2 ? records : null;
  });
  assert.equal(second?.outcome.verdict.reason, 'within_tolerance');
}

/** What happened, for the message of a failed assertion. */
function story(records: readonly DecisionRecord[]): string {
  return records
    .map(({ atMs, outcome }) => {
      const details = outcome.proposals.map((one) => (one.kind === 'none' ? one.detail : 'usable'));
      return `${new Date(atMs).toISOString()} ${outcome.verdict.reason} ${details.join()}`;
    })
    .join('\n');
}
