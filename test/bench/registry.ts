/**
 * The cost of a fleet: for each size a control plane and a Prometheus of their own, and that many
 * agents in this process that register, send heartbeats and are scraped over real HTTP, with a
 * policy for every ten of them. Then how each figure grows from the smallest size to the largest.
 * Options: --agents 50,100,250,500, --seconds 35 (measured per size), --directory .build (on the
 * disk that shall be measured).
 *
 * Everything shares one machine, the agents included, so latencies are upper bounds; CPU is each
 * process's own.
 */

import { mkdir } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { startFleet } from '../support/agent-fleet.ts';
import type { Fleet, FleetExchange } from '../support/agent-fleet.ts';
import { isInstalled, pollUntil } from '../support/process.ts';
import { captureExposition, seriesIn } from './exposition.part.ts';
import { growing, reportFigures, reportGrowth, shown } from './growth.part.ts';
import type { Figure } from './growth.part.ts';
import { cpuMs } from './process-cost.part.ts';
import { groupOf, readSums, startRegistryStack } from './registry-stack.part.ts';
import type { RegistryStack } from './registry-stack.part.ts';
import { measureSteady } from './registry-steady.part.ts';

const AGENTS_JOB = 'job="omnimind-agents"';
/** Agents whose samples are in the last recorded of the policies' signals. */
const GROUPS_RECORDED =
  'sum(group:node_memory_available_bytes:count and group:node_memory_available_bytes:oldest_timestamp_seconds)';
/** Heartbeats sent as fast as they are answered, by so many agents at a time. */
const BURST_HEARTBEATS = 3_000;
const BURST_AGENTS = 16;
const SETTLE_MS = 60_000;

export async function run(args: readonly string[]): Promise<boolean> {
  if (!isInstalled('prometheus')) throw new Error('not installed: prometheus');
  const { values } = parseArgs({
    args: [...args],
    options: {
      agents: { type: 'string', default: '50,100,250,500' },
      seconds: { type: 'string', default: '35' },
      directory: { type: 'string', default: '.build' },
    },
  });
  await mkdir(values.directory, { recursive: true });
  const exposition = await captureExposition();
  const measured: { readonly size: number; readonly figures: readonly Figure[] }[] = [];
  let met = true;
  for (const size of values.agents.split(',').map(Number)) {
    const figures = await measureSize(values.directory, size, Number(values.seconds), exposition);
    met = reportFigures(size, figures) && met;
    measured.push({ size, figures });
  }
  const [smallest, largest] = [measured.at(0), measured.at(-1)];
  if (smallest === undefined || largest === undefined || smallest === largest) return met;
  return reportGrowth(smallest, largest) && met;
}

async function measureSize(
  directory: string,
  size: number,
  seconds: number,
  exposition: string,
): Promise<readonly Figure[]> {
  const stack = await startRegistryStack(directory, size);
  let fleet: Fleet | null = null;
  try {
    const exchanges: FleetExchange[] = [];
    fleet = await startFleet({
      count: size,
      planeUrl: stack.plane.url,
      exposition,
      labelsOf: (place) => ({ group: groupOf(place), rack: `r${place % 20}` }),
      onExchange: (exchange) => exchanges.push(exchange),
    });
    const registered = await register(fleet, exchanges, size);
    const found = await settle(stack, size, registered.endedAtMs);
    const steady = await measureSteady(stack, exchanges, size, seconds);
    const burst = await measureBurst(stack, fleet, steady.planeCores);
    const sync = await scrapePoolSync(stack);
    return [
      shown('series_per_agent', '1', seriesIn(exposition)),
      ...registered.figures,
      ...found,
      ...steady.figures,
      ...burst,
      ...sync,
    ];
  } finally {
    await fleet?.stop();
    await stack.stop();
  }
}

/** All agents at once, on a plane that knows none of them. */
async function register(fleet: Fleet, exchanges: readonly FleetExchange[], size: number) {
  const taken = () =>
    exchanges.filter(({ kind, answer }) => kind === 'registration' && answer === 201);
  await fleet.startRegistering();
  await pollUntil('all agents are registered', SETTLE_MS, () => taken().length === size);
  const first = Math.min(...exchanges.map(({ startedAtMs }) => startedAtMs));
  const endedAtMs = Math.max(...taken().map((one) => one.startedAtMs + one.durationMs));
  const refused = exchanges.filter(({ kind, answer }) => kind === 'registration' && answer !== 201);
  const figures = [
    growing('registration_of_all', 'ms', endedAtMs - first),
    shown('registrations', '1/s', (size * 1_000) / (endedAtMs - first)),
    shown('registrations_refused', '1', refused.length, { exactly: 0 }),
  ];
  return { endedAtMs, figures };
}

/** Waits until Prometheus scrapes every agent and has recorded the signals of every policy. */
async function settle(
  stack: RegistryStack,
  size: number,
  registeredAtMs: number,
): Promise<readonly Figure[]> {
  await pollUntil('all agents are scraped', SETTLE_MS, async () => {
    return (await stack.prometheus.value(`sum(up{${AGENTS_JOB}})`)) === size;
  });
  const foundMs = performance.now() - registeredAtMs;
  await pollUntil('every group is recorded', SETTLE_MS, async () => {
    return (await stack.prometheus.value(GROUPS_RECORDED)) === size;
  });
  return [shown('all_scraped_after', 's', foundMs / 1_000)];
}

/** Heartbeats alone: what the plane spends beyond its steady share belongs to them. */
async function measureBurst(
  stack: RegistryStack,
  fleet: Fleet,
  steadyCores: number,
): Promise<readonly Figure[]> {
  const pids = [stack.plane.running.pid];
  const [beganAt, cpuBefore] = [performance.now(), cpuMs(pids)];
  const patient = new AbortController().signal;
  let next = 0;
  const sendSome = async (): Promise<void> => {
    while (next < BURST_HEARTBEATS) {
      const agent = fleet.agents[next % fleet.agents.length];
      const heartbeat = { failingCollectors: [], sequence: next };
      next += 1;
      await agent?.client.post(`/v1/nodes/${agent.nodeId}/heartbeat`, heartbeat, patient);
    }
  };
  await Promise.all(Array.from({ length: BURST_AGENTS }, sendSome));
  const elapsedMs = performance.now() - beganAt;
  const spentMs = cpuMs(pids) - cpuBefore - steadyCores * elapsedMs;
  const perThousand = spentMs / BURST_HEARTBEATS;
  return [
    shown('burst_heartbeats', '1/s', (BURST_HEARTBEATS * 1_000) / elapsedMs),
    growing('cpu_per_1000_heartbeats', 's', perThousand, 'each'),
  ];
}

/** What Prometheus says of its own discovery: each sync takes the whole list. */
async function scrapePoolSync({ prometheus }: RegistryStack): Promise<readonly Figure[]> {
  const job = 'scrape_job="omnimind-agents"';
  const name = 'prometheus_target_sync_length_seconds';
  const [median = NaN, longest = NaN, syncs = NaN, failed = NaN] = await readSums(prometheus.url, [
    [name, job, 'quantile="0.5"'],
    [name, job, 'quantile="0.99"'],
    [`${name}_count`, job],
    ['prometheus_sd_http_failures_total'],
  ]);
  return [
    shown('scrape_pool_syncs', '1', syncs),
    growing('scrape_pool_sync_p50', 'ms', median * 1_000, 'unjudged'),
    // The first one makes a scrape loop for every agent.
    growing('scrape_pool_sync_p99', 'ms', longest * 1_000, 'unjudged'),
    shown('http_sd_failures', '1', failed, { exactly: 0 }),
  ];
}
