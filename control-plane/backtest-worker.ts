/**
 * Entry of the thread that runs one backtest of the API: reads the history over a connection of its own,
 * runs the engine and writes the answer, all of it away from the event loop on which the member keeps its
 * term. It answers once and ends; a deadline is for whoever started it.
 */

import { constants, setPriority } from 'node:os';
import process from 'node:process';
import { parentPort, workerData } from 'node:worker_threads';
import { createCronerCalendar } from './adapters/calendar/croner.ts';
import { createPrometheusSource } from './adapters/prometheus/source.ts';
import { readChartAssets } from './adapters/uplot/assets.ts';
import { pagePolicy, renderReport } from './backtest/report/page.ts';
import { requestOf } from './composition/backtests.ts';
import type { BacktestOrder, BacktestThreadAnswer } from './composition/backtests.ts';
import { runJob } from './loops/backtest/job.ts';
import type { BacktestResult } from './model/backtest.ts';

// On Linux a priority is a thread's own: where the CPU is short, the member's event loop goes first.
if (process.platform === 'linux') setPriority(constants.priority.PRIORITY_LOW);
const order = workerData as BacktestOrder;
const request = requestOf(order);
const answer = await run();
parentPort?.postMessage(answer, answer.kind === 'done' ? [answer.bytes.buffer] : []);

async function run(): Promise<BacktestThreadAnswer> {
  const source = createPrometheusSource({
    ...order.prometheus,
    monotonicMs: () => performance.now(),
    limits: { concurrencyMax: 1 },
  });
  try {
    const { signal } = new AbortController();
    const calendar = createCronerCalendar();
    const outcome = await runJob(request, { source, calendar, signal });
    return outcome.kind === 'done' ? await written(outcome.result) : outcome;
  } finally {
    source.close();
  }
}

async function written(result: BacktestResult): Promise<BacktestThreadAnswer> {
  if (order.format === 'json') {
    const bytes = new TextEncoder().encode(JSON.stringify(result));
    return { kind: 'done', bytes, contentSecurityPolicy: null };
  }
  const assets = await readChartAssets();
  const documents = request.policies.map(({ label, document: text }) => ({ label, text }));
  const page = renderReport(result, documents, assets);
  const bytes = new TextEncoder().encode(page);
  return { kind: 'done', bytes, contentSecurityPolicy: pagePolicy(assets) };
}
