/**
 * What Prometheus has recorded of the SLOs, read on demand: error ratios and burn rates over every
 * window, what is left of the budget, and how old that is. Computes no ratio of its own, so that the
 * API, the alerts and the dashboards say the same; what was not recorded is absent and never 0.
 */

import { BURN_WINDOWS, SLO_SERIES } from '../model/slo.ts';
import type {
  BurnWindow,
  Slo,
  SloData,
  SloMeasurement,
  SloReport,
  SloWindow,
} from '../model/slo.ts';
import type { Clock } from '../ports/clock.ts';
import type { InstantReading, InstantSample, MetricsSource } from '../ports/metrics-source.ts';

export interface SloReaderOptions {
  /** In ascending order of their ids. */
  readonly slos: readonly Slo[];
  /** Has a deadline of its own. */
  readonly source: MetricsSource;
  readonly clock: Clock;
  /** Sets of labels that are told of one SLO; the others are counted. */
  readonly measurementsMax?: number;
}

const MEASUREMENTS_MAX = 100;

/** On every recording; what is left tells the sets of one SLO apart. */
const COMMON_LABELS = ['slo', 'scope', '__name__'];

export class SloReader {
  readonly #options: SloReaderOptions;

  constructor(options: SloReaderOptions) {
    this.#options = options;
  }

  get slos(): readonly Slo[] {
    return this.#options.slos;
  }

  /** A report for each of the given SLOs, in their order. Never rejects for trouble outside. */
  async read(slos: readonly Slo[], signal: AbortSignal): Promise<readonly SloReport[]> {
    if (slos.length === 0) return [];
    const { source, clock } = this.#options;
    const measurementsMax = this.#options.measurementsMax ?? MEASUREMENTS_MAX;
    const atMs = clock.nowMs();
    const questions = questionsOf(slos);
    const queries = questions.map(({ query }) => query);
    const readings = await source.readInstant(queries, atMs, signal);
    const answers = questions.map(({ about }, index) => ({ about, reading: readings[index] }));
    return slos.map((slo) => ({ slo, atMs, data: dataOf(slo, answers, measurementsMax) }));
  }
}

type Window = BurnWindow | SloWindow;

type About =
  | { readonly kind: 'error' | 'burn'; readonly window: Window }
  | { readonly kind: 'remaining' | 'coverage' | 'recorded' };

interface Answer {
  readonly about: About;
  readonly reading: InstantReading | undefined;
}

function questionsOf(slos: readonly Slo[]): readonly { about: About; query: string }[] {
  // Ids are of a-z, 0-9 and -: none has a meaning in a regular expression.
  const only = `{slo=~"${slos.map(({ id }) => id).join('|')}"}`;
  const windows = new Set<Window>([...BURN_WINDOWS, ...slos.map(({ window }) => window)]);
  return [
    ...[...windows].flatMap((window) => [
      { about: { kind: 'error' as const, window }, query: `${SLO_SERIES.error}${window}${only}` },
      { about: { kind: 'burn' as const, window }, query: `${SLO_SERIES.burn}${window}${only}` },
    ]),
    { about: { kind: 'remaining' }, query: `${SLO_SERIES.remaining}${only}` },
    { about: { kind: 'coverage' }, query: `${SLO_SERIES.coverage}${only}` },
    // The age of a recording, which every query with a value of its own would hide.
    { about: { kind: 'recorded' }, query: `timestamp(${SLO_SERIES.total}5m${only})` },
  ];
}

function dataOf(slo: Slo, answers: readonly Answer[], measurementsMax: number): SloData {
  const bySet = new Map<string, Found>();
  for (const { about, reading } of answers) {
    if (reading === undefined) return unread('signal_absent', 'a query was not answered');
    if (reading.kind === 'failed') return unread(reading.reason, reading.detail);
    for (const sample of reading.samples) {
      if (sample.labels['slo'] === slo.id) foundFor(bySet, sample).samples.push({ about, sample });
    }
  }
  if (bySet.size === 0) {
    const detail =
      'the metrics source has no recording of it: nothing was counted yet, or it does not run the generated rules';
    return { kind: 'not_recorded', detail };
  }
  const sets = [...bySet].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, found]) => found);
  const measurements = sets.slice(0, measurementsMax).map((found) => measurementOf(slo, found));
  return { kind: 'available', measurements, omitted: sets.length - measurements.length };
}

function unread(
  reason: Extract<SloData, { kind: 'unavailable' }>['reason'],
  detail: string,
): SloData {
  return { kind: 'unavailable', reason, detail };
}

interface Found {
  readonly labels: Readonly<Record<string, string>>;
  readonly samples: { readonly about: About; readonly sample: InstantSample }[];
}

function foundFor(bySet: Map<string, Found>, sample: InstantSample): Found {
  const own = Object.entries(sample.labels)
    .filter(([name]) => !COMMON_LABELS.includes(name))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const key = JSON.stringify(own);
  const known = bySet.get(key);
  if (known !== undefined) return known;
  const found: Found = { labels: Object.fromEntries(own), samples: [] };
  bySet.set(key, found);
  return found;
}

function measurementOf(slo: Slo, { labels, samples }: Found): SloMeasurement {
  const valueOf = (kind: About['kind'], window?: Window): number | null => {
    const found = samples.find(
      ({ about }) => about.kind === kind && (!('window' in about) || about.window === window),
    );
    return found !== undefined && Number.isFinite(found.sample.value) ? found.sample.value : null;
  };
  const recorded = valueOf('recorded');
  return {
    labels,
    windows: [...BURN_WINDOWS, slo.window].map((window) => ({
      window,
      errorRatio: valueOf('error', window),
      burnRate: valueOf('burn', window),
    })),
    budgetRemainingRatio: valueOf('remaining'),
    coverageRatio: valueOf('coverage'),
    recordedAtMs: recorded === null ? null : Math.round(recorded * 1_000),
  };
}
