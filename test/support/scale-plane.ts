/**
 * The scale loop with everything around it in memory: a stepped clock, the real state machine, a
 * scripted metrics source and a scaling target, each with ways to misbehave. Nothing here waits.
 */

import { ReplicaWatch } from '../../control-plane/loops/replica-watch.ts';
import { createCronerCalendar } from '../../control-plane/adapters/calendar/croner.ts';
import { Forecasts } from '../../control-plane/loops/forecasts.ts';
import { ScaleLoop } from '../../control-plane/loops/scale-loop.ts';
import type { ScaleLoopOptions } from '../../control-plane/loops/scale-loop.ts';
import { ScaleTelemetry } from '../../control-plane/loops/scale-telemetry.ts';
import type { Command, Committed } from '../../control-plane/model/command.ts';
import type { DecisionRecord } from '../../control-plane/model/decision.ts';
import type { ScalePolicy } from '../../control-plane/model/policy.ts';
import type { Workload } from '../../control-plane/model/workload.ts';
import type { Consensus } from '../../control-plane/ports/consensus.ts';
import type { DecisionStore } from '../../control-plane/ports/decision-store.ts';
import type { InstantReading, MetricsSource } from '../../control-plane/ports/metrics-source.ts';
import type { WorkloadState } from '../../control-plane/state/state.ts';
import { renderMetrics } from '../../control-plane/telemetry/exposition.ts';
import { createSeries } from '../../control-plane/telemetry/series.ts';
import { createMemoryConsensus } from './http-fakes.ts';
import { workload } from './log-commands.ts';
import { createMemoryDecisionStore } from './memory-decision-store.ts';
import { createMemoryScaleTarget, createMemoryWorld } from './memory-scale-target.ts';
import { NOW_MS, metric, policy } from './scale-input.ts';

export const TICK_MS = 15_000;

/** An await that nothing ends, whatever the signal says. */
export const never = <T>(): Promise<T> => new Promise<T>(() => undefined);

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export type ScalePlane = ReturnType<typeof createScalePlane>;

/** What a test may put in the place of a part; the rest is as in createScalePlane. */
export type ScaleParts = Partial<
  Pick<
    ScaleLoopOptions,
    | 'source'
    | 'targets'
    | 'decisions'
    | 'observeTimeoutMs'
    | 'commitTimeoutMs'
    | 'actTimeoutMs'
    | 'onLed'
  >
> & {
  readonly consensus?: (real: Consensus) => Consensus;
};

export function createScalePlane(parts: ScaleParts = {}) {
  const now = { wallMs: NOW_MS, monotonicMs: 0 };
  const clock = { nowMs: () => now.wallMs, monotonicMs: () => now.monotonicMs };
  const memory = createMemoryConsensus();
  const consensus = parts.consensus?.(memory) ?? memory;
  const source = new ScriptedSource(clock.nowMs);
  const world = createMemoryWorld();
  const target = createMemoryScaleTarget(world, clock.nowMs);
  const decisions = createMemoryDecisionStore();
  const replicas = new ReplicaWatch();
  const series = createSeries({ version: '0' });
  const lines: LogLine[] = [];
  const logger = logTo(lines);
  const loop = new ScaleLoop({
    source,
    targets: { local_process: target, docker: null },
    decisions,
    observeTimeoutMs: 5_000,
    commitTimeoutMs: 5_000,
    actTimeoutMs: 5_000,
    calendar: createCronerCalendar(),
    forecasts: new Forecasts({ source, clock, logger, refillTimeoutMs: 5_000 }),
    ...parts,
    consensus,
    replicas,
    clock,
    telemetry: new ScaleTelemetry(series, clock),
    logger,
  });
  const signal = new AbortController().signal;
  let keys = 0;
  const propose = async (command: CommandBody): Promise<Committed> => {
    keys += 1;
    return memory.propose({ ...command, key: `test/${keys}`, atMs: now.wallMs }, signal);
  };
  const stored: DecisionStore = parts.decisions ?? decisions;
  return {
    ...{ now, clock, memory, source, world, target, replicas, series, lines, logger, loop, signal },
    decisions: stored,
    propose,
    /** A workload and its policy, in mode act unless said otherwise. */
    async put(
      id: string,
      rest: { policy?: Partial<ScalePolicy>; workload?: Partial<Omit<Workload, 'target'>> },
    ) {
      const put = { kind: 'put_workload', source: 'api', expectedVersion: null } as const;
      await propose({ ...put, workload: workload(id, { replicasInitial: 1, ...rest.workload }) });
      await putPolicy(propose, id, rest.policy ?? {});
    },
    /** Time passes, and a tick runs. */
    async tick(elapsedMs = TICK_MS): Promise<void> {
      now.wallMs += elapsedMs;
      now.monotonicMs += elapsedMs;
      await loop.tick(signal);
    },
    entry: (id: string): WorkloadState => {
      const entry = memory.readState().workloads[id];
      if (entry === undefined) throw new Error(`there is no workload ${id}`);
      return entry;
    },
    /** Replicas that the target runs. */
    running: (id: string): number => world.workloads.get(id)?.replicas.length ?? 0,
    /** Oldest first. */
    async records(workloadId: string): Promise<readonly DecisionRecord[]> {
      const all = { policyId: null, verdict: null, direction: null, reason: null, traceId: null };
      const filter = { ...all, workloadId, fromMs: null, toMs: null };
      const page = await stored.list(filter, 1_000, null, signal);
      return page.records.toReversed();
    },
    /** Reasons of all decisions for a workload, oldest first. */
    async reasons(workloadId: string): Promise<readonly string[]> {
      const records = await this.records(workloadId);
      return records.map(({ outcome }) => outcome.verdict.reason);
    },
    /** The lines of /metrics that begin so. */
    async metrics(start: string): Promise<readonly string[]> {
      const { body } = await renderMetrics(series.registry, undefined);
      return body.split('\n').filter((line) => line.startsWith(start));
    },
    warnings: () => lines.filter(({ level }) => level === 'warn' || level === 'error'),
    stop: () => series.stop(),
  };
}

type CommandBody = Command extends infer One
  ? One extends Command
    ? Omit<One, 'key' | 'atMs'>
    : never
  : never;

async function putPolicy(
  propose: (command: CommandBody) => Promise<Committed>,
  id: string,
  overrides: Partial<ScalePolicy>,
): Promise<void> {
  const load = metric({ query: `load{workload="${id}"}`, timestampQuery: `age{workload="${id}"}` });
  const one = policy({ id: `${id}-load`, workloadId: id, metrics: [load], ...overrides });
  await propose({ kind: 'put_policy', policy: one, expectedVersion: null });
}

/** Answers `load{workload="w"}` with what the test said, and its age with 1 s. */
export class ScriptedSource implements MetricsSource {
  /** By workload: the load, or a whole reading. */
  readonly loads = new Map<string, number | InstantReading>();
  asked = 0;
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  readInstant(queries: readonly string[]): Promise<readonly InstantReading[]> {
    this.asked += 1;
    return Promise.resolve(queries.map((query) => this.#answer(query)));
  }

  readRange(): Promise<never> {
    return Promise.reject(new Error('the scale loop asks for no ranges'));
  }

  #answer(query: string): InstantReading {
    const id = /workload="([^"]*)"/.exec(query)?.[1] ?? '';
    if (query.startsWith('age')) return vector((this.#nowMs() - 1_000) / 1_000);
    const load = this.loads.get(id);
    if (load === undefined) return { kind: 'vector', samples: [] };
    return typeof load === 'number' ? vector(load) : load;
  }
}

function vector(value: number): InstantReading {
  return { kind: 'vector', samples: [{ labels: {}, value, evaluatedAtMs: 0 }] };
}

function logTo(lines: LogLine[]) {
  const at = (level: LogLine['level']) => (fields: object, message: string) =>
    void lines.push({ level, message, fields: { ...fields } });
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
