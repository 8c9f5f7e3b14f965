/**
 * What the alerting rules make of the series that a plane exported through an outage, by promtool. Each
 * series is seen as late as a Prometheus with intervals of 15 s can see it: scraped a tick after the
 * decision, and evaluated an interval after the scrape.
 */

import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { alertFiles } from './alert-rules.ts';
import type { OutageCase } from './outage-case.ts';
import { EXPORT_BEFORE_MS, EXPORT_MS, TICK_MS } from './outage-plane.ts';
import type { OutageRun, OutageTick } from './outage-plane.ts';

const LATE_TICKS = 2;
const ALERTED_WITHIN_MS = 60_000;
/** Replicas that come and go let the rules wait for so long with what is missing; then they look again. */
const CHANGE_MS = 45_000;
const CHANGE_SEEN_MS = CHANGE_MS + (LATE_TICKS + 1) * TICK_MS;
const INSTANCE = 'm1:7400';

export interface AlertExpectation {
  readonly workload: string;
  /** Since the begin of the outage. */
  readonly byMs: number;
}

/** When at the latest an alert must fire for the case; null when none has to. */
export function alertExpected(
  of: OutageCase,
  ticks: readonly OutageTick[],
  badFromMs: number,
): AlertExpectation | null {
  if (of.kind.seen !== 'all') return null;
  let fromMs = badFromMs;
  if (of.kind.name === 'partial') {
    for (const [index, { sinceMs, ready }] of ticks.entries()) {
      const isNear = sinceMs > badFromMs - CHANGE_MS && sinceMs <= fromMs + ALERTED_WITHIN_MS;
      if (isNear && ready !== ticks[index - 1]?.ready) {
        fromMs = Math.max(fromMs, sinceMs + CHANGE_SEEN_MS - ALERTED_WITHIN_MS);
      }
    }
  }
  // While replicas come one after another, what is missing is told once they no longer do.
  if (fromMs + ALERTED_WITHIN_MS > Math.min(of.durationMs, EXPORT_MS) + TICK_MS) return null;
  return { workload: of.id, byMs: fromMs + ALERTED_WITHIN_MS };
}

/** What promtool says against the expectations; empty when all of them come true. */
export function checkAlerts(
  folder: string,
  run: OutageRun,
  expectations: readonly AlertExpectation[],
): string {
  const file = join(folder, 'outages.test.yml');
  writeFileSync(file, JSON.stringify(testFile(run, expectations)));
  const { status, stdout, stderr } = spawnSync('promtool', ['test', 'rules', file], {
    encoding: 'utf8',
    timeout: 55_000,
    maxBuffer: 64 * 1024 * 1024,
  });
  return status === 0 ? '' : `${stdout}${stderr}`;
}

/** JSON is YAML. */
function testFile(run: OutageRun, expectations: readonly AlertExpectation[]): object {
  const times = [...new Set(expectations.map(({ byMs }) => byMs))];
  return {
    rule_files: alertFiles('rules').filter((path) => path.endsWith('/workloads.rules.yml')),
    evaluation_interval: secondsText(TICK_MS),
    tests: [
      {
        interval: secondsText(TICK_MS),
        input_series: [...run.exported].map(([series, values]) => ({
          series: withInstance(series),
          values: [...Array.from({ length: LATE_TICKS }, () => null), ...values]
            .map((value) => (value === null ? '_' : `${value}`))
            .join(' '),
        })),
        promql_expr_test: [
          // Nobody was told of anything before the begin.
          { expr: firing('.+'), eval_time: secondsText(EXPORT_BEFORE_MS), exp_samples: [] },
          ...times.map((byMs) => expectedAt(byMs, expectations)),
        ],
      },
    ],
  };
}

function expectedAt(byMs: number, expectations: readonly AlertExpectation[]): object {
  const workloads = expectations
    .filter((one) => one.byMs === byMs)
    .map(({ workload }) => workload)
    .sort();
  return {
    expr: firing(workloads.join('|')),
    eval_time: secondsText(EXPORT_BEFORE_MS + byMs),
    exp_samples: workloads.map((workload) => ({ labels: `{workload="${workload}"}`, value: 1 })),
  };
}

/** One alert speaks for a whole member: its workloads are those that the series names. */
function firing(workloads: string): string {
  const own = `ALERTS{alertstate="firing",alertname=~"OmniMindDecisionInput(Stale|Unusable)",workload=~"${workloads}"}`;
  const lost = `omnimind_signal_lost_info{reason="signal_unavailable",workload=~"${workloads}"}`;
  const shared = 'ALERTS{alertstate="firing",alertname="OmniMindDecisionInputUnavailable"}';
  return `group by (workload) (${own}) or group by (workload) (${lost} and on (instance) ${shared})`;
}

function withInstance(series: string): string {
  return series.includes('{')
    ? series.replace('{', `{instance="${INSTANCE}",`)
    : `${series}{instance="${INSTANCE}"}`;
}

function secondsText(ms: number): string {
  return `${ms / 1_000}s`;
}
