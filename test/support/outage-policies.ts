/**
 * The shapes of policies that outages befall: each way to a number of replicas once, over the load of
 * outage-world.ts, so that all of them ask for about the same. Where several signals decide, the one
 * that is hit is the one that asks for the most.
 */

import type { ScalePolicy } from '../../control-plane/model/policy.ts';
import type { StrategySpec } from '../../control-plane/model/strategy.ts';
import type { QueryBook } from './outage-queries.ts';
import { BOOT_MS, FULL_LOAD, TARGET_LOAD } from './outage-world.ts';
import type { Family } from './outage-world.ts';
import { metric, strategy } from './scale-input.ts';

/** The window of going in of every shape. */
export const WINDOW_MS = 120_000;
export const SIGNAL_AGE_MS = 30_000;

export interface OutageShape {
  readonly name: string;
  readonly families: readonly Family[];
  readonly hit: readonly Family[];
  readonly policy: (book: QueryBook) => Partial<ScalePolicy>;
  /** Names of the metrics and strategies that read what is hit. */
  readonly signals: readonly string[];
  /** Counts who reports, or reads each replica: it can see that some are missing. */
  readonly seesMissing?: true;
  readonly reads?: 'range' | 'rate';
  /** For so long the policy itself lets points of its window be missing, in ms. */
  readonly gapMs?: number;
  readonly hasCoverage?: true;
  readonly agrees?: true;
  /** May go to none, on a load that stands outside of the replicas. */
  readonly toZero?: true;
  /** From good data until the load is served again, at most, in ms. */
  readonly recoverMs: number;
}

const RECOVER_MS = BOOT_MS + 60_000;
/** For who goes one by one. */
const STEPS_RECOVER_MS = 12 * (BOOT_MS + 30_000);
const HEAD = { name: 'signal', fromReplicas: false } as const;

function only(spec: StrategySpec): Partial<ScalePolicy> {
  return { metrics: [], strategies: [spec] };
}

function sample(book: QueryBook, family: Family) {
  return { query: book.sum(family), timestampQuery: book.oldest(family) };
}

function perReplica(book: QueryBook, family: Family) {
  return { query: book.byReplica(family), timestampQuery: book.oldestByReplica(family) };
}

export const OUTAGE_SHAPES: readonly OutageShape[] = [
  {
    name: 'average-value',
    families: ['load'],
    hit: ['load'],
    signals: ['signal'],
    seesMissing: true,
    hasCoverage: true,
    recoverMs: RECOVER_MS,
    policy: (book) => ({
      metrics: [
        metric({
          name: 'signal',
          ...sample(book, 'load'),
          coverage: { query: book.count('load'), minimumRatio: 0.9 },
        }),
      ],
    }),
  },
  {
    name: 'value',
    families: ['load'],
    hit: ['load'],
    signals: ['signal'],
    seesMissing: true,
    hasCoverage: true,
    recoverMs: RECOVER_MS + BOOT_MS + 60_000,
    policy: (book) => ({
      metrics: [
        metric({
          name: 'signal',
          kind: 'value',
          query: book.mean('load'),
          timestampQuery: book.oldest('load'),
          coverage: { query: book.count('load'), minimumRatio: 0.9 },
        }),
      ],
    }),
  },
  {
    name: 'two-metrics',
    families: ['load', 'offered'],
    hit: ['load'],
    signals: ['signal'],
    recoverMs: RECOVER_MS,
    policy: (book) => ({
      metrics: [
        metric({ name: 'lesser', ...sample(book, 'offered'), target: 2 * TARGET_LOAD }),
        metric({
          name: 'signal',
          ...sample(book, 'load'),
          coverage: { query: book.count('load'), minimumRatio: 0.9 },
        }),
      ],
    }),
    seesMissing: true,
    hasCoverage: true,
  },
  {
    name: 'utilization',
    families: ['cpu', 'cpu_request'],
    hit: ['cpu'],
    signals: ['signal'],
    seesMissing: true,
    recoverMs: RECOVER_MS + 120_000,
    policy: (book) =>
      only(
        strategy('utilization', {
          ...HEAD,
          ...perReplica(book, 'cpu'),
          requestQuery: book.byReplica('cpu_request'),
          readiness: 'ignored',
        }),
      ),
  },
  {
    name: 'inference',
    families: ['kv', 'waiting'],
    hit: ['kv', 'waiting'],
    signals: ['signal'],
    seesMissing: true,
    recoverMs: STEPS_RECOVER_MS,
    policy: (book) =>
      only(
        strategy('inference', {
          ...HEAD,
          queueQuery: book.byReplica('waiting'),
          kvCacheQuery: book.byReplica('kv'),
          timestampQuery: book.oldestByReplica('kv'),
        }),
      ),
  },
  {
    name: 'queue',
    families: ['depth'],
    hit: ['depth'],
    signals: ['signal'],
    toZero: true,
    recoverMs: RECOVER_MS,
    policy: (book) => ({
      ...only(strategy('queue', { ...HEAD, ...sample(book, 'depth'), cooldownMs: 60_000 })),
      replicasMin: 0,
    }),
  },
  {
    name: 'formula',
    families: ['requests_total', 'latency'],
    hit: ['requests_total'],
    signals: ['signal'],
    reads: 'rate',
    recoverMs: RECOVER_MS + 60_000,
    policy: (book) =>
      only(
        strategy('formula', {
          ...HEAD,
          expression: 'rate * latency',
          inputs: [
            {
              name: 'rate',
              query: book.rateSum('requests_total'),
              timestampQuery: book.oldest('requests_total'),
            },
            { name: 'latency', ...sample(book, 'latency') },
          ],
        }),
      ),
  },
  {
    name: 'capacity',
    families: ['offered_total', 'latency'],
    hit: ['offered_total'],
    signals: ['signal'],
    reads: 'rate',
    recoverMs: RECOVER_MS + 60_000,
    policy: (book) =>
      only(
        strategy('capacity', {
          ...HEAD,
          rate: {
            query: book.rateSum('offered_total'),
            timestampQuery: book.oldest('offered_total'),
          },
          latency: sample(book, 'latency'),
        }),
      ),
  },
  {
    name: 'threshold',
    families: ['cpu'],
    hit: ['cpu'],
    signals: ['signal', 'signal_low'],
    reads: 'range',
    gapMs: 15_000,
    recoverMs: STEPS_RECOVER_MS,
    policy: (book) => {
      const asked = {
        group: 'cpu',
        query: book.mean('cpu'),
        timestampQuery: book.oldest('cpu'),
        fromReplicas: false,
        stepMs: 15_000,
        gapRatioMax: 0.25,
        withinBoundsTrigger: 2,
      };
      return {
        metrics: [],
        combination: 'winner',
        strategies: [
          strategy('threshold', {
            ...asked,
            name: 'signal',
            lowerBound: 0.8,
            action: { kind: 'delta', replicas: 1 },
          }),
          strategy('threshold', {
            ...asked,
            name: 'signal_low',
            lowerBound: null,
            upperBound: 0.5,
            action: { kind: 'delta', replicas: -1 },
          }),
        ],
      };
    },
  },
  {
    name: 'concurrency',
    families: ['offered'],
    hit: ['offered'],
    signals: ['signal'],
    reads: 'range',
    gapMs: 15_000,
    toZero: true,
    recoverMs: RECOVER_MS + 60_000,
    policy: (book) => ({
      ...only(
        strategy('concurrency', {
          ...HEAD,
          ...sample(book, 'offered'),
          stepMs: 5_000,
          gapRatioMax: 0.25,
          panicWindowMs: 15_000,
          targetBurstCapacity: 0,
        }),
      ),
      replicasMin: 0,
    }),
  },
  {
    name: 'target-tracking',
    families: ['load'],
    hit: ['load'],
    signals: ['signal'],
    seesMissing: true,
    hasCoverage: true,
    recoverMs: RECOVER_MS + 300_000,
    policy: (book) => ({
      ...only(
        strategy('target_tracking', {
          ...HEAD,
          query: book.mean('load'),
          timestampQuery: book.oldest('load'),
          coverage: { query: book.count('load'), minimumRatio: 0.9 },
          outPeriods: 2,
          inPeriods: 3,
        }),
      ),
      combination: 'out_if_any',
    }),
  },
  {
    name: 'forecast',
    families: ['offered'],
    hit: ['offered'],
    signals: ['signal'],
    recoverMs: RECOVER_MS,
    policy: (book) => ({
      metrics: [metric({ name: 'signal', ...sample(book, 'offered') })],
      forecast: { metric: 'signal', bootMs: BOOT_MS, capacity: FULL_LOAD, historyMs: 7_200_000 },
    }),
  },
  {
    name: 'agreement',
    families: ['offered'],
    hit: ['offered'],
    signals: ['signal'],
    agrees: true,
    recoverMs: RECOVER_MS,
    policy: (book) => ({
      metrics: [
        metric({
          name: 'signal',
          ...sample(book, 'offered'),
          agreement: { query: book.sumAgain('offered'), toleranceRatio: 0.1 },
        }),
      ],
    }),
  },
];
