/**
 * Opens the scaling targets of one member, each where its settings switch it on, and has what they
 * tell logged. The kind of a workload's target selects among them; one that is off is null, and its
 * workloads hold with `actual_unknown`.
 */

import { join } from 'node:path';
import type { DockerEvent } from '../adapters/docker/settings.ts';
import { createDockerTarget } from '../adapters/docker/target.ts';
import type { LocalProcessEvent } from '../adapters/local-process/settings.ts';
import { createLocalProcessTarget } from '../adapters/local-process/target.ts';
import type { ScaleTargets } from '../loops/sight.ts';
import type { Consensus } from '../ports/consensus.ts';
import type { ScaleTarget } from '../ports/scale-target.ts';
import type { Logger } from '../telemetry/logs.ts';
import { createLeaderScaleTarget } from './leadership-scale-target.ts';
import type { Context } from './parts.ts';

export interface OpenedTargets {
  readonly targets: ScaleTargets;
  /** Leadership has come or gone: what only the leader has open follows. */
  leadershipChanged(): void;
}

/** Between two attempts to reach an engine that does not answer, in ms. */
const ENGINE_RETRY_MS = 1_000;

type Leadership = Pick<Consensus, 'status' | 'leaseTerm'>;

interface Opened {
  readonly target: ScaleTarget | null;
  leadershipChanged(): void;
}

const OFF: Opened = { target: null, leadershipChanged: () => undefined };

export async function openTargets(context: Context, consensus: Leadership): Promise<OpenedTargets> {
  const local = await openLocalProcess(context, consensus);
  const docker = openDocker(context, consensus);
  return {
    targets: { local_process: local.target, docker: docker.target },
    leadershipChanged: () => {
      local.leadershipChanged();
      docker.leadershipChanged();
    },
  };
}

async function openLocalProcess(context: Context, consensus: Leadership): Promise<Opened> {
  const { config, clock, logger, stops } = context;
  const { enabled, portsFrom, portsTo, onStop, directory } = config.localProcess;
  if (!enabled) return OFF;
  const create = () =>
    createLocalProcessTarget({
      directory: directory ?? join(config.dataDirectory, 'replicas'),
      portsFrom,
      portsTo,
      nowMs: () => clock.nowMs(),
      onEvent: (event) => logLocal(logger, event),
      mayAct: () => consensus.leaseTerm() !== null,
    });
  // How long replicas may take to stop is said by their workloads.
  const timeoutMs = onStop === 'stop' ? null : undefined;
  if (config.raft.listen === null) {
    const target = create();
    await target.start();
    stops.push('local replicas', () => target.stop(onStop), timeoutMs);
    return { ...OFF, target };
  }
  const target = createLeaderScaleTarget({
    ...leadershipOf(consensus),
    create,
    onTrouble: (doing, err) => {
      logger.warn({ err }, `could not ${doing} the replicas of this host`);
    },
  });
  stops.push('local replicas', () => target.stop(onStop), timeoutMs);
  return { target, leadershipChanged: () => target.leadershipChanged() };
}

/** In a cluster of one, too, opened when it can be: the engine may start later than the plane. */
function openDocker(context: Context, consensus: Leadership): Opened {
  const { config, logger, stops } = context;
  const { dockerEngine: engine } = config;
  if (engine === null) return OFF;
  const { mayAct, leads } = leadershipOf(consensus);
  const target = createLeaderScaleTarget({
    leads,
    mayAct,
    retryMs: ENGINE_RETRY_MS,
    create: () =>
      createDockerTarget({
        engine,
        owner: config.cluster.name,
        onEvent: (event) => logDocker(logger, event),
        mayAct,
      }),
    onTrouble: (doing, err) => {
      logger.warn({ err }, `could not ${doing} the replicas on the Docker engine`);
    },
  });
  // They belong to the cluster, not to this member.
  stops.push('docker replicas', () => target.stop('keep'));
  return { target, leadershipChanged: () => target.leadershipChanged() };
}

function leadershipOf(consensus: Leadership) {
  return {
    leads: () => consensus.status().leadership.kind === 'leader',
    mayAct: () => consensus.leaseTerm() !== null,
  };
}

function logLocal(logger: Logger, event: LocalProcessEvent): void {
  switch (event.kind) {
    case 'trouble':
      logger.warn({ workload: event.workloadId, err: event.error }, 'local replicas: trouble');
      break;
    case 'failed':
    case 'overdue':
    case 'killed':
    case 'orphan_killed':
    case 'ports_exhausted':
      logger.warn({ ...event }, `local replica ${event.kind}`);
      break;
    case 'started':
    case 'adopted':
    case 'ready':
    case 'unready':
    case 'stopped':
      logger.info({ ...event }, `local replica ${event.kind}`);
  }
}

function logDocker(logger: Logger, event: DockerEvent): void {
  switch (event.kind) {
    case 'trouble':
      logger.warn({ workload: event.workloadId, err: event.error }, 'docker replicas: trouble');
      break;
    case 'failed':
    case 'overdue':
      logger.warn({ ...event }, `docker replica ${event.kind}`);
      break;
    case 'created':
    case 'started':
    case 'adopted':
    case 'ready':
    case 'unready':
    case 'removed':
      logger.info({ ...event }, `docker replica ${event.kind}`);
  }
}
