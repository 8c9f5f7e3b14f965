/**
 * A fleet at its steady pace, watched for some seconds: heartbeats, discovery, ticks, and what each
 * process spends. Starts nothing and changes nothing.
 */

import { setTimeout as delay } from 'node:timers/promises';
import type { DecisionRecord } from '../../control-plane/model/decision.ts';
import type { FleetExchange } from '../support/agent-fleet.ts';
import { growing, shown } from './growth.part.ts';
import type { Figure } from './growth.part.ts';
import { cpuMs, cpuWaitMs, descendants, memoryUse, percentile } from './process-cost.part.ts';
import { policiesFor, readSums, tickDurationsMs, TICK_MS } from './registry-stack.part.ts';
import type { RegistryStack } from './registry-stack.part.ts';

const AGENTS_JOB = 'job="omnimind-agents"';
const DISCOVERY_PATH = '/v1/discovery/prometheus?kind=agents';
const DISCOVERY_EVERY_MS = 500;
const STAGES = ['observe', 'verify', 'decide', 'commit', 'act'] as const;

/** @param exchanges of the fleet since its start; those that failed count from there on */
export async function measureSteady(
  stack: RegistryStack,
  exchanges: readonly FleetExchange[],
  size: number,
  seconds: number,
): Promise<{ readonly figures: readonly Figure[]; readonly planeCores: number }> {
  const beganAt = performance.now();
  const beganAtMs = Date.now();
  const costs = startCosts(stack);
  const ticks = await startTicks(stack);
  const lists = await readDiscovery(stack.plane.url, seconds);
  const tickFigures = await ticks.finish(costs.elapsedMs() / 1_000);
  const spent = costs.finish();
  const heartbeats = exchanges.filter(({ kind }) => kind === 'heartbeat');
  const figures = [
    ...heartbeatFigures(heartbeats, beganAt, spent.elapsedMs),
    ...(await healthFigures(stack, size, spent.elapsedMs)),
    growing('http_sd_p50', 'ms', percentile(lists.latencies, 0.5)),
    growing('http_sd_p99', 'ms', percentile(lists.latencies, 0.99), 'unjudged'),
    growing('http_sd_body', 'B', lists.bytes),
    shown('policies', '1', policiesFor(size)),
    ...tickFigures,
    ...decisionFigures(await stack.decisionsSince(beganAtMs)),
    ...spent.figures,
  ];
  return { figures, planeCores: spent.planeCores };
}

function heartbeatFigures(
  sinceStart: readonly FleetExchange[],
  beganAtMs: number,
  elapsedMs: number,
): Figure[] {
  const exchanges = sinceStart.filter(({ startedAtMs }) => startedAtMs >= beganAtMs);
  const latencies = exchanges.map(({ durationMs }) => durationMs);
  const refused = sinceStart.filter(({ answer }) => answer !== 204).length;
  return [
    shown('heartbeats', '1/s', (exchanges.length * 1_000) / elapsedMs),
    growing('heartbeat_p50', 'ms', percentile(latencies, 0.5)),
    growing('heartbeat_p99', 'ms', percentile(latencies, 0.99), 'unjudged'),
    shown('heartbeats_refused', '1', refused, { exactly: 0 }),
  ];
}

async function healthFigures(stack: RegistryStack, size: number, elapsedMs: number) {
  const { plane, prometheus } = stack;
  const window = `[${Math.floor(elapsedMs / 1_000)}s]`;
  const up = await prometheus.value(`sum(min_over_time(up{${AGENTS_JOB}}${window}))`);
  const [healthy = NaN, lag = NaN] = await readSums(plane.url, [
    ['omnimind_nodes', 'status="healthy"'],
    ['omnimind_event_loop_lag_seconds', 'statistic="max"'],
  ]);
  return [
    shown('healthy_nodes', '1', healthy, { exactly: size }),
    shown('targets_up_throughout', '1', up ?? 0, { exactly: size }),
    growing('plane_event_loop_lag_max', 'ms', lag * 1_000, 'unjudged'),
  ];
}

/** Reads the list of targets at a steady pace, as Prometheus does, for so many seconds. */
async function readDiscovery(planeUrl: string, seconds: number) {
  const latencies: number[] = [];
  let bytes = 0;
  const beganAt = performance.now();
  for (let dueMs = 0; dueMs < seconds * 1_000; dueMs += DISCOVERY_EVERY_MS) {
    await delay(Math.max(0, beganAt + dueMs - performance.now()));
    const askedAt = performance.now();
    const answer = await fetch(`${planeUrl}${DISCOVERY_PATH}`);
    bytes = (await answer.arrayBuffer()).byteLength;
    latencies.push(performance.now() - askedAt);
  }
  return { latencies, bytes };
}

/** What the plane counts of its ticks, from now until `finish`. */
async function startTicks({ plane, prometheus }: RegistryStack) {
  const read = () =>
    readSums(plane.url, [
      ['omnimind_metrics_source_requests_total'],
      ['omnimind_loop_duration_seconds_count', 'loop="scale"'],
      ['omnimind_loop_runs_total', 'loop="scale"', 'outcome="failed"'],
      ...STAGES.map(
        (stage) => ['omnimind_stage_duration_seconds_sum', `stage="${stage}"`] as const,
      ),
    ]);
  const before = await read();
  return {
    finish: async (seconds: number): Promise<Figure[]> => {
      const grown = (await read()).map((value, at) => value - (before[at] ?? NaN));
      const [requests = NaN, ticks = NaN, failed = NaN, ...stageSeconds] = grown;
      const durations = await tickDurationsMs(prometheus, seconds);
      return [
        shown('ticks', '1', ticks),
        shown('ticks_failed', '1', failed, { exactly: 0 }),
        growing('tick_p50', 'ms', percentile(durations, 0.5)),
        growing('tick_p99', 'ms', percentile(durations, 0.99), 'unjudged'),
        shown('tick_longest', 'ms', Math.max(...durations), { atMost: TICK_MS }),
        ...STAGES.map((stage, at) =>
          growing(
            `tick_${stage}_mean`,
            'ms',
            ((stageSeconds[at] ?? NaN) * 1_000) / ticks,
            'unjudged',
          ),
        ),
        growing('prometheus_requests_per_tick', '1', requests / ticks),
      ];
    },
  };
}

function decisionFigures(decided: readonly DecisionRecord[]): Figure[] {
  const unusable = decided.filter((record) => !isUsable(record)).length;
  return [
    shown('decisions', '1', decided.length),
    shown('decisions_without_signals', '1', unusable, { exactly: 0 }),
  ];
}

/** Every signal of the policy could be used. */
function isUsable({ outcome }: DecisionRecord): boolean {
  const { proposals } = outcome;
  return proposals.length > 0 && proposals.every(({ kind }) => kind === 'replicas');
}

/** What each process spends from now until `finish`. */
function startCosts({ plane, prometheus }: RegistryStack) {
  const pids = [plane.running.pid];
  const processes = [pids, descendants(plane.running.pid), [prometheus.running.pid]];
  const spent = () => [...processes.map((group) => cpuMs(group)), cpuWaitMs(pids)];
  const beganAt = performance.now();
  const before = spent();
  const elapsedMs = (): number => performance.now() - beganAt;
  return {
    elapsedMs,
    finish: () => {
      const wallMs = elapsedMs();
      const cores = spent().map((after, at) => (after - (before[at] ?? NaN)) / wallMs);
      const [planeCores = NaN, database = NaN, server = NaN, waiting = NaN] = cores;
      const figures = [
        growing('plane_cpu', 'cores', planeCores),
        shown('plane_waits_for_cpu', 'cores', waiting),
        growing('plane_rss', 'MB', memoryUse(pids).rssBytes / 1e6),
        growing('database_cpu', 'cores', database),
        growing('prometheus_cpu', 'cores', server),
      ];
      return { figures, planeCores, elapsedMs: wallMs };
    },
  };
}
