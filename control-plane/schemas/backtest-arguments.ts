/**
 * The arguments of `npm run backtest` become a typed order, or every fault at once, each with the fix. It
 * opens no file and asks nobody: what the files hold is for others to say.
 */

import { parseArgs } from 'node:util';
import { BACKTEST_LIMITS } from '../model/backtest.ts';
import type { BacktestPlant, InjectionPlan, Overload, SignalMapping } from '../model/backtest.ts';
import { readInstant, parseKill, parseMapping, parseOutage } from './backtest-words.ts';
import { parseDuration } from './duration.ts';
import { SchemaError } from './fault.ts';

/** What was asked for on the command line. */
export interface BacktestOrder {
  readonly policyFiles: readonly string[];
  readonly source:
    | { readonly kind: 'csv'; readonly file: string; readonly lookbackMs: number }
    | {
        readonly kind: 'prometheus';
        readonly url: string;
        readonly tokenFile: string | null;
        readonly caFile: string | null;
        readonly timeoutMs: number;
      };
  /** Null: where the CSV begins and ends. */
  readonly fromMs: number | null;
  readonly toMs: number | null;
  readonly stepMs: number;
  readonly plant: BacktestPlant;
  /** A query of Prometheus or a column of the CSV; null: the first total. */
  readonly load: string | null;
  readonly signals: Readonly<Record<string, SignalMapping>>;
  readonly injections: InjectionPlan;
  readonly pointsMax: number;
  readonly htmlFile: string | null;
  readonly jsonFile: string | null;
}

export type BacktestArguments =
  | { readonly kind: 'order'; readonly order: BacktestOrder }
  | { readonly kind: 'help' }
  | { readonly kind: 'faulty'; readonly faults: readonly string[] };

export const BACKTEST_USAGE = `usage: npm run backtest -- POLICY.yaml [MORE.yaml …] --csv FILE | --prometheus URL [options]

What the policies would have done on recorded load, decided by the live code, side by side.

history
  --csv FILE            header time,NAME[,NAME…]; RFC 3339 or UNIX seconds or ms, rising
  --prometheus URL      any server of the Prometheus query API, read with query_range
  --token-file FILE     bearer token for it            --ca-file FILE   its authority, PEM
  --timeout 30s         for each of its answers
  --from T  --to T      such as 2026-11-01T00:00Z; with a CSV: all of it when left out
  --step 15s            one decision per step
  --lookback 5m         a CSV's point says nothing of what is longer after it
  --load QUERY|COLUMN   the load that came; when left out, the first signal that is a total

plant
  --capacity N          load that one ready replica serves (required)
  --boot 180s           from asking for a replica until it serves (required)
  --initial N           ready at the beginning; when left out, what the first load needs
  --overload lost|queue what becomes of load beyond the ready capacity (lost)
  --late-after 5s       queue: work served later than this is late
  --give-up-after 60s   queue: work that waited longer is given up; when left out, never

signals
  --metric NAME=RULE    total: replayed as recorded (the rule of averageValue)
                        utilization[:FULL]: load ÷ ready capacity × FULL (1; 100 for percent)
                        busy[:FULL]: the same, at most FULL, as CPU time is
                        queue: work that waits, in load × seconds
                        A target of the kind value needs a rule: its record belongs to the replicas of then.

what goes wrong (each may be given several times)
  --outages [KIND:]DURATION@WHEN[#NAME]   10m@daily, zero:5m@6h#load, stale:90s@2026-11-02T03:00Z
                        kinds: absent (the one when left out), unavailable, stale, zero, nan, partial, ambiguous, any
  --kills DURATION@WHEN 30s@daily: nobody decides for so long
  --forgotten           also runs each policy with all memory lost at each kill
  --seed N              draws times and kinds (1)

results
  --html FILE           a report with charts that opens offline
  --json FILE           everything as JSON
  --points N            most points of each chart (${BACKTEST_LIMITS.pointsMax / 4})
  --help

exit codes: 0, 1 when something failed on the way, 2 for wrong arguments or files`;

const TEXT = { type: 'string' } as const;
const LIST = { type: 'string', multiple: true } as const;
const OPTIONS = {
  csv: TEXT,
  prometheus: TEXT,
  'token-file': TEXT,
  'ca-file': TEXT,
  timeout: TEXT,
  from: TEXT,
  to: TEXT,
  step: TEXT,
  lookback: TEXT,
  load: TEXT,
  capacity: TEXT,
  boot: TEXT,
  initial: TEXT,
  overload: TEXT,
  'late-after': TEXT,
  'give-up-after': TEXT,
  metric: LIST,
  outages: LIST,
  kills: LIST,
  forgotten: { type: 'boolean' },
  seed: TEXT,
  html: TEXT,
  json: TEXT,
  points: TEXT,
  help: { type: 'boolean' },
} as const;

type Values = ReturnType<typeof parseTokens>['values'];
type TextName = Exclude<
  keyof typeof OPTIONS,
  'metric' | 'outages' | 'kills' | 'forgotten' | 'help'
>;

export function parseBacktestArguments(argv: readonly string[]): BacktestArguments {
  let parsed: ReturnType<typeof parseTokens>;
  try {
    parsed = parseTokens(argv);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { kind: 'faulty', faults: [`${message}; --help lists the options`] };
  }
  if (parsed.values.help === true) return { kind: 'help' };
  const reader = new Reader(parsed.values);
  const order = orderOf(reader, parsed.positionals);
  return reader.faults.length > 0 || order === null
    ? { kind: 'faulty', faults: reader.faults }
    : { kind: 'order', order };
}

function parseTokens(argv: readonly string[]) {
  return parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: true });
}

function orderOf(reader: Reader, policyFiles: readonly string[]): BacktestOrder | null {
  if (policyFiles.length === 0) reader.fault('no policy was named; give a YAML file of policies');
  const source = sourceOf(reader);
  const fromMs = reader.instant('from');
  const toMs = reader.instant('to');
  if (source?.kind === 'prometheus') {
    for (const name of ['from', 'to'] as const) {
      if (reader.text(name) === null) reader.fault(`--${name} is required with --prometheus`);
    }
  }
  if (fromMs !== null && toMs !== null && fromMs >= toMs) reader.fault('--from is not before --to');
  const stepMs = reader.duration('step', 15_000, 1_000);
  const plant = plantOf(reader);
  const signals = signalsOf(reader);
  const injections = injectionsOf(reader);
  const pointsMax = reader.whole(
    'points',
    BACKTEST_LIMITS.pointsMax / 4,
    10,
    BACKTEST_LIMITS.pointsMax,
  );
  if (source === null) return null;
  return {
    ...{ policyFiles, source, fromMs, toMs, stepMs, plant, signals, injections, pointsMax },
    load: reader.text('load'),
    htmlFile: reader.text('html'),
    jsonFile: reader.text('json'),
  };
}

function sourceOf(reader: Reader): BacktestOrder['source'] | null {
  const file = reader.text('csv');
  const url = reader.text('prometheus');
  const lookbackMs = reader.duration('lookback', 300_000, 1_000);
  const timeoutMs = reader.duration('timeout', 30_000, 100);
  const tokenFile = reader.text('token-file');
  const caFile = reader.text('ca-file');
  if ((file === null) === (url === null)) {
    reader.fault(`${file === null ? 'no' : 'twice a'} history; give one of --csv and --prometheus`);
    return null;
  }
  if (file !== null) return { kind: 'csv', file, lookbackMs };
  if (url === null || !URL.canParse(url) || !/^https?:/i.test(url)) {
    reader.fault(`--prometheus: expected http://… or https://…; got "${url ?? ''}"`);
    return null;
  }
  return { kind: 'prometheus', url, tokenFile, caFile, timeoutMs };
}

function plantOf(reader: Reader): BacktestPlant {
  const replicaCapacity = reader.number('capacity');
  if (reader.text('boot') === null) {
    reader.fault('--boot is required: how long a replica takes to serve, such as 180s');
  }
  const bootMs = reader.duration('boot', 0, 0);
  const initialText = reader.text('initial');
  const replicasInitial = initialText === null ? null : reader.whole('initial', 0, 0, 100_000);
  const kind = reader.text('overload') ?? 'lost';
  const lateAfterMs = reader.duration('late-after', 5_000, 0);
  const timeoutMs =
    reader.text('give-up-after') === null ? null : reader.duration('give-up-after', 0, 1);
  if (kind !== 'lost' && kind !== 'queue') {
    reader.fault(`--overload: expected lost or queue; got "${kind}"`);
  }
  if (kind === 'lost') {
    for (const name of ['late-after', 'give-up-after'] as const) {
      if (reader.text(name) !== null) reader.fault(`--${name} needs --overload queue`);
    }
  }
  const overload: Overload =
    kind === 'queue' ? { kind: 'queue', lateAfterMs, timeoutMs } : { kind: 'lost' };
  return { bootMs, replicaCapacity, replicasInitial, overload };
}

function signalsOf(reader: Reader): Readonly<Record<string, SignalMapping>> {
  const entries = reader.each('metric', (text): readonly [string, SignalMapping] => {
    const at = text.indexOf('=');
    if (at < 1) {
      const message = `expected NAME=RULE, such as cpu=busy; got "${text}"`;
      throw new SchemaError([{ pointer: '', message }]);
    }
    return [text.slice(0, at).trim(), parseMapping(text.slice(at + 1))];
  });
  return Object.fromEntries(entries);
}

function injectionsOf(reader: Reader): InjectionPlan {
  const kills = reader.each('kills', parseKill);
  const compareForgotten = reader.values.forgotten === true;
  if (compareForgotten && reader.values.kills === undefined) {
    reader.fault('--forgotten needs --kills: memory is lost when a leader dies');
  }
  return {
    seed: reader.whole('seed', 1, 0, 2 ** 31 - 1),
    outages: reader.each('outages', parseOutage),
    kills,
    compareForgotten,
  };
}

/** Reads options one by one and remembers what is wrong with them. */
class Reader {
  readonly values: Values;
  readonly faults: string[] = [];

  constructor(values: Values) {
    this.values = values;
  }

  fault(message: string): void {
    this.faults.push(message);
  }

  text(name: TextName): string | null {
    return this.values[name] ?? null;
  }

  instant(name: 'from' | 'to'): number | null {
    const text = this.text(name);
    if (text === null) return null;
    const ms = readInstant(text);
    if (ms === null) {
      this.fault(`--${name}: expected an instant such as 2026-11-01T00:00Z; got "${text}"`);
    }
    return ms;
  }

  duration(name: TextName, otherwise: number, leastMs: number): number {
    const text = this.text(name);
    if (text === null) return otherwise;
    const [ms] = this.#parse(name, [text], parseDuration);
    if (ms === undefined) return otherwise;
    if (ms >= leastMs) return ms;
    this.fault(`--${name}: expected at least ${leastMs}ms; got ${text}`);
    return otherwise;
  }

  whole(name: TextName, otherwise: number, least: number, most: number): number {
    const text = this.text(name);
    if (text === null) return otherwise;
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    this.fault(`--${name}: expected a whole number from ${least} to ${most}; got "${text}"`);
    return otherwise;
  }

  number(name: 'capacity'): number {
    const text = this.text(name);
    const value = text === null || text.trim() === '' ? NaN : Number(text);
    if (value > 0 && Number.isFinite(value)) return value;
    this.fault(
      text === null
        ? '--capacity is required: the load that one ready replica serves, in the unit of the load'
        : `--capacity: expected a number above 0; got "${text}"`,
    );
    return 1;
  }

  each<T>(name: 'metric' | 'outages' | 'kills', parse: (text: string) => T): readonly T[] {
    return this.#parse(name, this.values[name] ?? [], parse);
  }

  #parse<T>(name: string, texts: readonly string[], parse: (text: string) => T): readonly T[] {
    return texts.flatMap((text) => {
      try {
        return [parse(text)];
      } catch (error) {
        if (!(error instanceof SchemaError)) throw error;
        for (const { message } of error.faults) this.fault(`--${name}: ${message}`);
        return [];
      }
    });
  }
}
