/** `npm run backtest` as a process: over a CSV, over a real Prometheus with a backfilled history, and wrong. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { BacktestResult } from '../../../control-plane/model/backtest.ts';
import {
  preparePrometheus,
  scrapeConfigOf,
  startPrometheus,
} from '../../support/prometheus-process.ts';
import type { PrometheusProcess } from '../../support/prometheus-process.ts';
import { skipWithout } from '../../support/skip.ts';

const ENTRY = resolve(import.meta.dirname, '../../../control-plane/backtest-cli.ts');

const POLICY = (id: string, down: string): string => `kind: ScalePolicy
id: ${id}
workload: web
replicas: { min: 1, max: 60 }
metrics:
  - name: load
    query: sum(load{workload="web"})
    target: { averageValue: 7 }
stabilization: { up: 0s, down: ${down} }
signalAgeMax: 90s
actionTimeout: 10m
`;

/** Four hours by the minute, on whole minutes; a steep rise in the third. */
const FROM_MS = Date.UTC(2026, 10, 1);
const LOAD = Array.from({ length: 240 }, (_, minute) =>
  Math.round(60 + 40 * Math.sin(minute / 25) + (minute > 130 && minute < 150 ? 120 : 0)),
);

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

describe('npm run backtest', () => {
  let folder = '';

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'omnimind-backtest-'));
    await writeFile(join(folder, 'quick.yaml'), POLICY('quick', '1m'));
    await writeFile(join(folder, 'careful.yaml'), POLICY('careful', '15m'));
    const rows = LOAD.map((load, minute) => {
      return `${new Date(FROM_MS + minute * 60_000).toISOString()},${load}`;
    });
    await writeFile(join(folder, 'load.csv'), `time,load\n${rows.join('\n')}\n`);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const run = (...argv: readonly string[]): Promise<Ended> =>
    promisify(execFile)(process.execPath, [ENTRY, ...argv], {
      cwd: folder,
      timeout: 60_000,
    }).then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      (error: unknown) => {
        const { code, stdout, stderr } = error as Ended;
        return { code, stdout, stderr };
      },
    );

  const readJson = async (name: string): Promise<BacktestResult> =>
    JSON.parse(await readFile(join(folder, name), 'utf8')) as BacktestResult;

  it('runs policies side by side over a CSV, and writes table, report and JSON', async () => {
    const plant = ['--capacity', '10', '--boot', '3m', '--csv', 'load.csv'];
    const outputs = ['--html', 'report.html', '--json', 'out.json'];
    const ended = await run('quick.yaml', 'careful.yaml', ...plant, ...outputs);
    assert.equal(ended.code, 0, ended.stderr);
    assert.match(ended.stdout, /^quick: [\d.<]+ % unserved, \d+ % slack, .* replica-hours\.$/m);
    assert.match(ended.stdout, /^oracle\s+0\s/m);
    const { runs, oracle, steps } = await readJson('out.json');
    assert.equal(steps, 239 * 4 + 1);
    const [quick, careful] = runs;
    assert.ok(quick && careful);
    assert.ok(careful.measures.reversalsPerDay <= quick.measures.reversalsPerDay);
    assert.ok(careful.measures.replicaHours > quick.measures.replicaHours);
    assert.ok(oracle.measures.replicaHours < quick.measures.replicaHours);
    const page = await readFile(join(folder, 'report.html'), 'utf8');
    assert.match(page, /^<!doctype html>/);
    assert.ok(page.includes('id: careful'));
  });

  it('says everything that is wrong, and runs nothing', async () => {
    const wrong = await run('nowhere.yaml', '--csv', 'nowhere.csv', '--boot', '3m');
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /--capacity is required/);
    await writeFile(join(folder, 'bad.yaml'), POLICY('bad', '1 minute'));
    await writeFile(join(folder, 'bad.csv'), 'time,load\nmonday,1\n');
    const files = await run('bad.yaml', '--csv', 'bad.csv', '--boot', '3m', '--capacity', '1');
    assert.equal(files.code, 2);
    assert.match(files.stderr, /bad\.yaml:9:\d+ \/stabilization\/down expected a duration/);
    assert.match(files.stderr, /bad\.csv: line 2: expected RFC 3339/);
    assert.equal(files.stdout, '');
  });

  it('fails with the reason when the metrics source does not answer', async () => {
    const range = ['--from', '2026-11-01T00:00Z', '--to', '2026-11-01T01:00Z'];
    const plant = ['--capacity', '10', '--boot', '3m'];
    const source = ['--prometheus', 'http://127.0.0.1:9', '--timeout', '2s'];
    const ended = await run('quick.yaml', ...source, ...range, ...plant);
    assert.equal(ended.code, 1);
    assert.match(ended.stderr, /^backtest failed: signal_unavailable: .*ECONNREFUSED/);
  });

  it('helps', async () => {
    const { code, stdout } = await run('--help');
    assert.equal(code, 0);
    assert.match(stdout, /^usage: npm run backtest/);
  });

  describe('over a real Prometheus', () => {
    let prometheus: PrometheusProcess | null = null;

    before(async function () {
      skipWithout(this, 'prometheus');
      skipWithout(this, 'promtool');
      const config = scrapeConfigOf('127.0.0.1:9');
      const place = await preparePrometheus(join(folder, 'prometheus'), config, 'groups: []\n');
      // Nothing was scraped from 01:00 to 01:20.
      const samples = LOAD.flatMap((load, minute) => {
        const seconds = (FROM_MS + minute * 60_000) / 1_000;
        return minute >= 60 && minute < 80 ? [] : [`load{workload="web"} ${load} ${seconds}`];
      });
      const text = `# TYPE load gauge\n${samples.join('\n')}\n# EOF\n`;
      await writeFile(join(folder, 'history.txt'), text);
      const blocks = ['tsdb', 'create-blocks-from', 'openmetrics', join(folder, 'history.txt')];
      await promisify(execFile)('promtool', [...blocks, join(place.directory, 'data')]);
      prometheus = await startPrometheus(place, ['--storage.tsdb.retention.time=100y']);
    });
    after(() => prometheus?.kill());

    it('reads load, values and ages, and sees an outage of scraping as live would', async () => {
      assert.ok(prometheus);
      const range = ['--from', '2026-11-01T00:00Z', '--to', '2026-11-01T03:59Z'];
      const rest = ['--capacity', '10', '--boot', '3m', '--json', 'live.json'];
      const ended = await run('quick.yaml', '--prometheus', prometheus.url, ...range, ...rest);
      assert.equal(ended.code, 0, ended.stderr);
      const { runs, load, steps } = await readJson('live.json');
      assert.equal(steps, 239 * 4);
      assert.equal(load.from, 'the signal load');
      assert.equal(load.peak, Math.max(...LOAD.filter((_, at) => at < 60 || at >= 80)));
      const holds = new Map(runs[0]?.holds.map(({ reason, ticks }) => [reason, ticks]));
      // The last sample is of 00:59: shown until 01:04 by the lookback, too old from 01:00:30 on.
      const stale = holds.get('signal_stale') ?? 0;
      const absent = holds.get('signal_absent') ?? 0;
      assert.ok(stale >= 12 && stale <= 14, `${stale} stale`);
      assert.ok(absent >= 62 && absent <= 65, `${absent} absent`);
      const moves = runs[0]?.changes.filter(({ atMs, fromReplicas, toReplicas }) => {
        const isDuring = atMs > FROM_MS + 3_630_000 && atMs < FROM_MS + 4_800_000;
        return isDuring && toReplicas < fromReplicas;
      });
      assert.deepEqual(moves, []);
    });
  });
});
