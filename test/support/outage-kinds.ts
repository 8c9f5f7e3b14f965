/**
 * The kinds of outages: what befalls the exporters, the scrapes, the times, the answers or the server,
 * whom it can befall, and by which reasons a decision may then say so. Pure but for the faults it sets.
 */

import type { SignalReason } from '../../control-plane/model/reasons.ts';
import type { FakeMode, FakeSample } from './prometheus-fake.ts';
import type { OutageShape } from './outage-policies.ts';
import { SIGNAL_AGE_MS } from './outage-policies.ts';
import { textOf } from './outage-queries.ts';
import type { QueryRole } from './outage-queries.ts';
import type { Faults } from './outage-world.ts';

/** Rewrites the answer to one query. `tick` counts up. */
export type Spoil = (
  samples: readonly FakeSample[],
  query: { readonly role: QueryRole },
  tick: number,
) => readonly FakeSample[];

export interface OutageKind {
  readonly name: string;
  /** What each signal that is hit may say while the data are bad. */
  readonly reasons: readonly SignalReason[];
  readonly faults?: Partial<Faults>;
  readonly spoil?: Spoil;
  /** Of the server as a whole: everybody who asks it meets it. */
  readonly mode?: FakeMode;
  /** From the begin until the data are bad by the policy's own measure, in ms; 0 unless given. */
  readonly badAfterMs?: number;
  /** How much longer than the fault lasts its consequences do, in ms. */
  readonly lingersMs?: number;
  /**
   * `all`: every tick has no usable signal; `some`: some ticks have; `none`: no tick can tell the data
   * from good ones, and nothing may come of them that good ones would not have brought.
   */
  readonly seen: 'all' | 'some' | 'none';
  readonly befalls?: (shape: OutageShape) => boolean;
}

const GONE = ['signal_absent', 'signal_stale', 'signal_partial'] as const;
const SKEW_MS = 120_000;

export const OUTAGE_KINDS: readonly OutageKind[] = [
  { name: 'absent', reasons: GONE, faults: { value: () => null }, seen: 'all' },
  {
    name: 'empty',
    reasons: GONE,
    spoil: () => [],
    seen: 'all',
  },
  {
    name: 'nan',
    reasons: ['signal_not_a_number'],
    faults: { value: () => NaN },
    seen: 'all',
  },
  {
    name: 'infinite',
    reasons: ['signal_not_a_number'],
    faults: { value: () => Infinity },
    seen: 'all',
  },
  {
    name: 'negative',
    reasons: ['signal_out_of_range'],
    faults: { value: () => -5 },
    seen: 'all',
    befalls: ({ reads }) => reads !== 'rate',
  },
  {
    name: 'stale',
    reasons: GONE,
    faults: { scrape: 'stopped' },
    badAfterMs: SIGNAL_AGE_MS,
    seen: 'all',
  },
  {
    name: 'undated',
    reasons: ['signal_stale'],
    spoil: (samples, { role }) => (role === 'timestamp' ? [] : samples),
    seen: 'all',
  },
  {
    name: 'dated-back',
    reasons: ['signal_stale'],
    spoil: shiftTimes(-600),
    seen: 'all',
  },
  {
    name: 'dated-ahead',
    reasons: ['signal_stale'],
    spoil: shiftTimes(600),
    seen: 'all',
  },
  {
    name: 'partial',
    reasons: ['signal_partial'],
    faults: { scrape: 'half' },
    seen: 'all',
    befalls: ({ seesMissing }) => seesMissing === true,
  },
  { name: 'discovery-gone', reasons: GONE, faults: { scrape: 'gone' }, seen: 'all' },
  {
    name: 'duplicate',
    reasons: ['signal_ambiguous'],
    spoil: (samples) =>
      samples.flatMap((one) => [one, { ...one, labels: { ...one.labels, twin: 'second' } }]),
    seen: 'all',
  },
  {
    name: 'coverage-lost',
    reasons: ['signal_not_a_number'],
    spoil: (samples, { role }) => (role === 'coverage' ? withValue(samples, () => NaN) : samples),
    seen: 'all',
    befalls: ({ hasCoverage }) => hasCoverage === true,
  },
  {
    name: 'disagreeing',
    reasons: ['signal_disagrees'],
    spoil: (samples, { role }) =>
      role === 'value' ? withValue(samples, (value) => value * 0.4) : samples,
    seen: 'all',
    befalls: ({ agrees }) => agrees === true,
  },
  {
    name: 'second-way-lost',
    reasons: ['signal_disagrees'],
    spoil: (samples, { role }) => (role === 'agreement' ? [] : samples),
    seen: 'all',
    befalls: ({ agrees }) => agrees === true,
  },
  {
    name: 'every-second-tick',
    reasons: GONE,
    spoil: (samples, _query, tick) => (tick % 2 === 0 ? [] : samples),
    seen: 'some',
  },
  {
    name: 'slow-scrapes',
    reasons: GONE,
    faults: { scrape: 'slow' },
    badAfterMs: SIGNAL_AGE_MS,
    seen: 'some',
  },
  {
    name: 'counter-reset',
    reasons: [],
    faults: { resetMs: 300_000 },
    seen: 'none',
    befalls: ({ reads }) => reads === 'rate',
  },
];

const UNAVAILABLE = ['signal_unavailable'] as const;
const MALFORMED = ['signal_malformed'] as const;

/** Of the server; `restart` loses what would have been scraped meanwhile. */
export const SERVER_KINDS: readonly OutageKind[] = [
  {
    name: 'restart-with-gap',
    reasons: [...UNAVAILABLE, ...GONE],
    faults: { scrape: 'stopped' },
    mode: 'refuse',
    // A rate needs two samples again, a window most of its points.
    lingersMs: 75_000,
    seen: 'all',
  },
  {
    name: 'clock-behind',
    reasons: GONE,
    faults: { clockMs: -SKEW_MS },
    badAfterMs: SIGNAL_AGE_MS,
    seen: 'all',
  },
  {
    name: 'clock-ahead',
    reasons: GONE,
    faults: { clockMs: SKEW_MS },
    // Set right, it shows what it took meanwhile for the time that now comes.
    lingersMs: SKEW_MS,
    seen: 'all',
  },
  { name: 'refused', reasons: UNAVAILABLE, mode: 'refuse', seen: 'all' },
  { name: 'reset', reasons: UNAVAILABLE, mode: 'reset_mid_body', seen: 'all' },
  { name: 'status-503', reasons: UNAVAILABLE, mode: '503', seen: 'all' },
  { name: 'unauthorized', reasons: UNAVAILABLE, mode: '401', seen: 'all' },
  { name: 'login-page', reasons: MALFORMED, mode: 'html', seen: 'all' },
  { name: 'truncated', reasons: MALFORMED, mode: 'truncated', seen: 'all' },
  { name: 'partial-answer', reasons: ['signal_incomplete'], mode: 'partial', seen: 'all' },
  { name: 'store-warning', reasons: ['signal_incomplete'], mode: 'warned', seen: 'all' },
  { name: 'rejected', reasons: ['signal_rejected'], mode: 'rejected', seen: 'all' },
];

function shiftTimes(seconds: number): Spoil {
  return (samples, { role }) =>
    role === 'timestamp' ? withValue(samples, (value) => value + seconds) : samples;
}

function withValue(
  samples: readonly FakeSample[],
  change: (value: number) => number,
): readonly FakeSample[] {
  return samples.map((one) => ({ ...one, value: textOf(change(Number(one.value))) }));
}
