/**
 * The cache collector: reads all targets at once when it is scraped and emits what had answered by
 * each target's timeout, so no value is older than that. A target that is down costs its own
 * series and no other's. It keeps no old values, and refuses a scrape only when the configuration
 * of every target is at fault.
 */

import type { Collector, Emit } from '../collector.ts';
import { REDIS_FAILURES } from '../sources/redis-endpoint.ts';
import type { CacheTarget, RedisFailure } from '../sources/redis-endpoint.ts';
import type { InstanceReading, RedisLimits } from '../sources/redis-instance.ts';
import { createRedisTarget } from '../sources/redis-target.ts';
import type { RedisTarget, TargetReading } from '../sources/redis-target.ts';
import { CACHE_FAMILIES, INSTANCE_FAMILIES, TARGET_FAMILIES } from './cache-families.ts';
import { emitData, emitSentinel } from './cache-samples.ts';
import type { CacheSeriesLimits, CommandChoice } from './cache-samples.ts';

export interface CacheCollectorOptions {
  /** Each target's `timeoutMs` must be below the deadline that the agent gives to this collector. */
  readonly targets: readonly CacheTarget[];
  readonly limits?: Partial<RedisLimits & CacheSeriesLimits>;
}

/** Bounds that hold unless the options say otherwise. */
export const CACHE_LIMITS: RedisLimits & CacheSeriesLimits = {
  hangTimeoutMs: 5_000,
  backoffMinMs: 500,
  backoffMaxMs: 10_000,
  commandsMax: 32,
  databasesMax: 16,
  replicasMax: 32,
};

export function createCacheCollector(options: CacheCollectorOptions): Collector {
  const limits = { ...CACHE_LIMITS, ...options.limits };
  let watches: readonly TargetWatch[] = [];

  return {
    name: 'cache',
    families: CACHE_FAMILIES,
    start() {
      watches = options.targets.map((target) => watchTarget(target, limits));
      return Promise.resolve();
    },
    async collect(emit, signal) {
      signal.throwIfAborted();
      const readings = await untilAborted(
        Promise.all(watches.map((watch) => watch.source.read())),
        signal,
      );
      const faults = readings.map(configurationFault);
      if (faults.length > 0 && faults.every((fault) => fault !== null)) {
        throw new Error(`no cache target is usable: ${faults.join('; ')}`);
      }
      readings.forEach((reading, at) => watches[at]?.emit(emit, reading));
    },
    stop() {
      for (const { source } of watches) source.close();
      watches = [];
      return Promise.resolve();
    },
  };
}

interface TargetWatch {
  readonly source: RedisTarget;
  emit(emit: Emit, reading: TargetReading): void;
}

function watchTarget(target: CacheTarget, limits: RedisLimits & CacheSeriesLimits): TargetWatch {
  const choices = new Map<string, CommandChoice>();
  const failures = new Map<RedisFailure, number>(REDIS_FAILURES.map((failure) => [failure, 0]));

  const choiceOf = (address: string): CommandChoice => {
    const choice = choices.get(address) ?? { runId: '', commands: new Set<string>() };
    choices.set(address, choice);
    return choice;
  };
  const emitInstances = <T>(
    emit: Emit,
    readings: readonly InstanceReading<T>[],
    emitValue: (labels: readonly [string, string], value: T) => void,
  ): void => {
    for (const { address, outcome } of readings) {
      const labels = [target.name, address] as const;
      emit(INSTANCE_FAMILIES.up, outcome.kind === 'read' ? 1 : 0, ...labels);
      if (outcome.kind !== 'read') continue;
      if (outcome.connectSeconds !== null) {
        emit(INSTANCE_FAMILIES.connect, outcome.connectSeconds, ...labels);
      }
      emitValue(labels, outcome.value);
    }
  };

  return {
    source: createRedisTarget(target, limits),
    emit(emit, reading) {
      countFailures(failures, reading);
      emit(TARGET_FAMILIES.up, isUp(target, reading) ? 1 : 0, target.name);
      emit(TARGET_FAMILIES.targetInfo, 1, target.name, target.kind);
      emit(TARGET_FAMILIES.instances, reading.data.length, target.name);
      emit(TARGET_FAMILIES.instancesLeftOut, reading.leftOut, target.name);
      emit(TARGET_FAMILIES.readDuration, reading.durationSeconds, target.name);
      for (const [cause, count] of failures) {
        emit(TARGET_FAMILIES.failures, count, target.name, cause);
      }
      emitInstances(emit, reading.data, (labels, value) => {
        emitData(emit, labels, value, limits, choiceOf(labels[1]));
      });
      emitInstances(emit, reading.sentinels, (labels, value) => {
        if (target.kind === 'sentinel') emitSentinel(emit, labels, value, target.masterName);
      });
      forgetGone(choices, reading);
    },
  };
}

function isUp(target: CacheTarget, reading: TargetReading): boolean {
  const answered = reading.data.filter(({ outcome }) => outcome.kind === 'read');
  if (target.kind !== 'sentinel') return answered.length > 0;
  return answered.some(({ address }) => address === reading.masterAddress);
}

function countFailures(failures: Map<RedisFailure, number>, reading: TargetReading): void {
  for (const { outcome } of [...reading.data, ...reading.sentinels, ...reading.seeds]) {
    if (outcome.kind === 'read') continue;
    failures.set(outcome.failure, (failures.get(outcome.failure) ?? 0) + 1);
  }
}

function forgetGone(choices: Map<string, CommandChoice>, reading: TargetReading): void {
  const watched = new Set(reading.data.map(({ address }) => address));
  for (const address of choices.keys()) {
    if (!watched.has(address)) choices.delete(address);
  }
}

/** What is wrong with the target's configuration, when that is why nothing at all could be read. */
function configurationFault(reading: TargetReading): string | null {
  const outcomes = [...reading.data, ...reading.sentinels, ...reading.seeds].map(
    ({ outcome }) => outcome,
  );
  const details = outcomes.map((outcome) =>
    outcome.kind === 'failed' && outcome.failure === 'configuration' ? outcome.detail : null,
  );
  return details.length > 0 && details.every((detail) => detail !== null)
    ? (details[0] ?? null)
    : null;
}

async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => {
    aborted.reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
  };
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
