import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readChartAssets } from '../../../../../control-plane/adapters/uplot/assets.ts';
import {
  duration,
  figure,
  instant,
  percent,
  scriptJson,
} from '../../../../../control-plane/backtest/report/format.ts';
import { headline } from '../../../../../control-plane/backtest/report/headline.ts';
import { pagePolicy, renderReport } from '../../../../../control-plane/backtest/report/page.ts';
import { renderTerminal } from '../../../../../control-plane/backtest/report/terminal.ts';
import { backtestPolicy, backtestRequest, runRequest } from '../../../../support/backtest.ts';

const EVIL = '</script><img src=x onerror=alert(1)>';
const LOAD = Array.from({ length: 200 }, (_, at) => 60 + 50 * Math.sin(at / 10));

function evilResult() {
  const policy = backtestPolicy();
  const policies = [{ label: EVIL, policy, document: EVIL }];
  return runRequest(backtestRequest(LOAD, { policies }));
}

describe('the report of a backtest', () => {
  it('holds no markup that somebody named, and loads nothing', async () => {
    const page = renderReport(evilResult(), [{ label: EVIL, text: EVIL }], await readChartAssets());
    assert.ok(!page.includes('<img'));
    assert.ok(!page.includes(EVIL));
    assert.ok(page.includes('&lt;/script&gt;&lt;img src=x'));
    const markup = page.replaceAll(/<script[^>]*>[\s\S]*?<\/script>|<style>[\s\S]*?<\/style>/g, '');
    assert.doesNotMatch(markup, /<[^>]*\s(?:src|href|style|on\w+)=/);
    assert.doesNotMatch(page.slice(page.indexOf('<style>')), /@import|url\(/);
  });

  it('allows exactly the scripts and the style that are in it', async () => {
    const assets = await readChartAssets();
    const page = renderReport(evilResult(), [], assets);
    const sha256 = (text: string): string => createHash('sha256').update(text).digest('base64');
    const allowed = pagePolicy(assets);
    const scripts = [...page.matchAll(/<script>([\s\S]*?)<\/script>/g)].map(
      ([, text = '']) => text,
    );
    assert.equal(scripts.length, 2);
    for (const text of scripts) assert.ok(allowed.includes(sha256(text)));
    const style = /<style>([\s\S]*?)<\/style>/.exec(page)?.[1] ?? '';
    assert.ok(allowed.includes(sha256(style)));
    assert.ok(allowed.startsWith("default-src 'none'"));
  });

  it('holds the numbers of its charts as JSON that can be read back', async () => {
    const result = evilResult();
    const page = renderReport(result, [], await readChartAssets());
    const data = /<script type="application\/json" id="data">([\s\S]*?)<\/script>/.exec(page)?.[1];
    const read = JSON.parse(data ?? '') as { readonly at: unknown; readonly load: unknown };
    assert.deepEqual(read.at, result.bucketsAtMs);
    assert.deepEqual(read.load, result.loadSeries);
  });

  it('says in one sentence what came of a policy', () => {
    const [run] = runRequest(backtestRequest(LOAD)).runs;
    assert.ok(run);
    const measures = {
      ...run.measures,
      unservedRatio: 0.0004,
      slackRatio: 0.53,
      replicaHours: 100,
    };
    const oracle = { ...measures, replicaHours: 58 };
    const text = headline(
      { ...run, label: 'ours', measures: { ...measures, reversalsPerDay: 69.2 } },
      oracle,
    );
    assert.equal(
      text,
      'ours: 0.04 % unserved, 53 % slack, 69 reversals a day; the oracle would need 42 % fewer replica-hours',
    );
    const late = { ...measures, lateRatio: 0.021, unservedRatio: 0.001 };
    assert.match(headline({ ...run, measures: late }, oracle), /2\.1 % late, 0\.10 % never/);
  });

  it('is a table in a terminal, with what to beware of', () => {
    const policies = [{ label: 'a', policy: backtestPolicy({ replicasMax: 2 }), document: '' }];
    const text = renderTerminal(runRequest(backtestRequest(LOAD, { policies })));
    assert.match(text, /^policy\s+unserved %\s+slack %/m);
    assert.match(text, /^oracle\s+/m);
    assert.match(text, /^beware: a: the load's peak needs/m);
  });

  it('writes numbers as people read them', () => {
    assert.deepEqual([0, 0.00001, 0.0004, 0.021, 0.53, 1].map(percent), [
      '0',
      '<0.01',
      '0.04',
      '2.1',
      '53',
      '100',
    ]);
    assert.deepEqual([0, 0.123, 9.99, 17.54, 56.7, 1_234_567].map(figure), [
      '0',
      '0.12',
      '10',
      '17.5',
      '57',
      '1 234 567',
    ]);
    assert.equal(duration(1_209_600_000), '14 d');
    assert.equal(duration(12_000_000), '3 h 20 min');
    assert.equal(instant(Date.UTC(2024, 1, 29, 23, 59, 58)), '2024-02-29 23:59:58');
    assert.equal(instant(Date.UTC(1999, 11, 31)), '1999-12-31 00:00:00');
    assert.equal(scriptJson({ text: '</script>' }), '{"text":"\\u003c/script>"}');
  });
});
