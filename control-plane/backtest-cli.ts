/**
 * Entry of `npm run backtest`: arguments → files → backtest → table, report and JSON. It decides nothing
 * and acts on nothing; --help says everything that it takes.
 */

import { readFile, stat, writeFile } from 'node:fs/promises';
import process from 'node:process';
import { createCronerCalendar } from './adapters/calendar/croner.ts';
import { PolicyFileError, readPolicyFile } from './adapters/document-files/policy-file.ts';
import { createPrometheusSource } from './adapters/prometheus/source.ts';
import { readChartAssets } from './adapters/uplot/assets.ts';
import { renderReport } from './backtest/report/page.ts';
import { renderTerminal } from './backtest/report/terminal.ts';
import { runJob } from './loops/backtest/job.ts';
import { BACKTEST_LIMITS } from './model/backtest.ts';
import type { BacktestPolicy, BacktestRequest, BacktestResult, Point } from './model/backtest.ts';
import { BACKTEST_USAGE, parseBacktestArguments } from './schemas/backtest-arguments.ts';
import type { BacktestOrder } from './schemas/backtest-arguments.ts';
import { CsvError, parseCsv } from './schemas/backtest-csv.ts';

/** Wrong arguments or files: every fault, one line each. */
class WrongInput extends Error {
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(faults.join('\n'));
    this.faults = faults;
  }
}

const CSV_BYTES_MAX = 256 * 1024 * 1024;

process.exitCode = await main(process.argv.slice(2));

async function main(argv: readonly string[]): Promise<number> {
  const parsed = parseBacktestArguments(argv);
  if (parsed.kind === 'help') {
    process.stdout.write(`${BACKTEST_USAGE}\n`);
    return 0;
  }
  try {
    if (parsed.kind === 'faulty') throw new WrongInput(parsed.faults);
    await run(parsed.order);
    return 0;
  } catch (error) {
    if (error instanceof WrongInput) {
      for (const fault of error.faults) process.stderr.write(`backtest: ${fault}\n`);
      process.stderr.write('nothing was run; --help lists what there is\n');
      return 2;
    }
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(`backtest failed: ${message}\n`);
    return 1;
  }
}

async function run(order: BacktestOrder): Promise<void> {
  const request = await requestOf(order);
  const source = sourceOf(order);
  try {
    const outcome = await runJob(request, {
      source,
      calendar: createCronerCalendar(),
      signal: new AbortController().signal,
    });
    if (outcome.kind === 'refused') throw new WrongInput(outcome.faults);
    if (outcome.kind === 'source_failed') throw new Error(outcome.detail);
    process.stdout.write(renderTerminal(outcome.result));
    await writeResults(order, request, outcome.result);
  } finally {
    source?.close();
  }
}

async function writeResults(
  { htmlFile, jsonFile }: BacktestOrder,
  request: BacktestRequest,
  result: BacktestResult,
): Promise<void> {
  if (htmlFile !== null) {
    const documents = request.policies.map(({ label, document: text }) => ({ label, text }));
    const page = renderReport(result, documents, await readChartAssets());
    await writeFile(htmlFile, page);
    process.stdout.write(`report: ${htmlFile}\n`);
  }
  if (jsonFile !== null) {
    await writeFile(jsonFile, `${JSON.stringify(result)}\n`);
    process.stdout.write(`json: ${jsonFile}\n`);
  }
}

/** Reads all files, so that the faults of all of them are told at once. */
async function requestOf(order: BacktestOrder): Promise<BacktestRequest> {
  const faults: string[] = [];
  const policies = await readPolicies(order.policyFiles, faults);
  const series = order.source.kind === 'csv' ? await readCsv(order.source.file, faults) : null;
  if (faults.length > 0) throw new WrongInput(faults);
  const { fromMs, toMs } = rangeOf(order, series);
  const { stepMs, plant, signals, injections, pointsMax } = order;
  return {
    ...{ policies, fromMs, toMs, stepMs, plant, signals, injections, pointsMax },
    source:
      order.source.kind === 'csv' && series !== null
        ? { kind: 'points', series, lookbackMs: order.source.lookbackMs }
        : { kind: 'prometheus' },
    load: loadOf(order, series),
  };
}

async function readPolicies(
  files: readonly string[],
  faults: string[],
): Promise<readonly BacktestPolicy[]> {
  const found: { readonly file: string; readonly one: Omit<BacktestPolicy, 'label'> }[] = [];
  for (const file of files) {
    try {
      for (const { policy, text } of await readPolicyFile(file)) {
        found.push({ file, one: { policy, document: text } });
      }
    } catch (error) {
      if (!(error instanceof PolicyFileError)) throw error;
      faults.push(...error.faults);
    }
  }
  if (found.length > BACKTEST_LIMITS.policiesMax) {
    faults.push(`${found.length} policies are more than ${BACKTEST_LIMITS.policiesMax}`);
  }
  const ids = found.map(({ one }) => one.policy.id);
  const isTwice = (id: string): boolean => ids.indexOf(id) !== ids.lastIndexOf(id);
  const labels = found.map(({ file, one: { policy } }) =>
    isTwice(policy.id) ? `${policy.id} (${file})` : policy.id,
  );
  return found.map(({ one }, index) => {
    const label = labels[index] ?? one.policy.id;
    const earlier = labels.slice(0, index).filter((other) => other === label).length;
    return { ...one, label: earlier === 0 ? label : `${label} ${earlier + 1}` };
  });
}

type Series = Readonly<Record<string, readonly Point[]>>;

async function readCsv(file: string, faults: string[]): Promise<Series> {
  try {
    const { size } = await stat(file);
    if (size > CSV_BYTES_MAX) {
      throw new CsvError([`is larger than ${CSV_BYTES_MAX} bytes: ${size}`]);
    }
    const series = parseCsv(await readFile(file, 'utf8'));
    return Object.fromEntries(series.map(({ name, points }) => [name, points]));
  } catch (error) {
    const lines =
      error instanceof CsvError ? error.faults : [`cannot be read: ${messageOf(error)}`];
    faults.push(...lines.map((line) => `${file}: ${line}`));
    return {};
  }
}

/** Of a CSV all that it has: the first step ends with its first point. */
function rangeOf({ fromMs, toMs, stepMs }: BacktestOrder, series: Series | null) {
  const all = Object.values(series ?? {});
  const first = Math.min(
    ...all.flatMap((points) => (points[0] === undefined ? [] : [points[0][0]])),
  );
  const last = Math.max(...all.map((points) => points.at(-1)?.[0] ?? -Infinity));
  return { fromMs: fromMs ?? first - stepMs, toMs: toMs ?? last };
}

function loadOf({ load }: BacktestOrder, series: Series | null): BacktestRequest['load'] {
  if (series === null) {
    return load === null ? { kind: 'first_total' } : { kind: 'query', query: load };
  }
  const [first = '', ...others] = Object.keys(series);
  if (load !== null) return { kind: 'series', name: load };
  if (Object.hasOwn(series, 'load')) return { kind: 'series', name: 'load' };
  return others.length === 0 ? { kind: 'series', name: first } : { kind: 'first_total' };
}

function sourceOf({ source }: BacktestOrder) {
  if (source.kind === 'csv') return null;
  const { url, tokenFile, caFile, timeoutMs } = source;
  return createPrometheusSource({
    baseUrl: url,
    tokenFile,
    basicAuthFile: null,
    headers: {},
    headersFile: null,
    caFile,
    certFile: null,
    keyFile: null,
    timeoutMs,
    monotonicMs: () => performance.now(),
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
