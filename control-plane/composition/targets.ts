/**
 * Opens the scaling targets of one member, each where its settings switch it on, and has what they
 * tell logged. The kind of a workload's target selects among them; one that is off is null, and its
 * workloads hold with `actual_unknown`.
 */

import { join } from 'node:path';
import { createDockerTarget } from '../adapters/docker/target.ts';
import { createKubernetesTarget } from '../adapters/kubernetes/target.ts';
import { createLocalProcessTarget } from '../adapters/local-process/target.ts';
import { createNomadTarget } from '../adapters/nomad/target.ts';
import { createWebhookTarget } from '../adapters/webhook/target.ts';
import type { ScaleTargets } from '../loops/sight.ts';
import type { TargetKind } from '../model/workload.ts';
import type { Consensus } from '../ports/consensus.ts';
import type { ScaleTarget } from '../ports/scale-target.ts';
import { createLeaderScaleTarget } from './leadership-scale-target.ts';
import type { OpenableTarget } from './leadership-scale-target.ts';
import type { Context } from './parts.ts';
import { logDocker, logKubernetes, logLocal, logNomad, logWebhook } from './target-logs.ts';

export interface OpenedTargets {
  readonly targets: ScaleTargets;
  /** Leadership has come or gone: what only the leader has open follows. */
  leadershipChanged(): void;
}

/** Between two attempts to reach what runs the replicas and does not answer, in ms. */
const REACH_RETRY_MS = 1_000;

type Leadership = Pick<Consensus, 'status' | 'leaseTerm'>;

interface Opened {
  readonly target: ScaleTarget | null;
  leadershipChanged(): void;
}

const OFF: Opened = { target: null, leadershipChanged: () => undefined };

export async function openTargets(context: Context, consensus: Leadership): Promise<OpenedTargets> {
  const opened = {
    local_process: await openLocalProcess(context, consensus),
    docker: openDocker(context, consensus),
    kubernetes: openKubernetes(context, consensus),
    nomad: openNomad(context, consensus),
    webhook: await openWebhook(context, consensus),
  } satisfies Record<TargetKind, Opened>;
  return {
    targets: {
      local_process: opened.local_process.target,
      docker: opened.docker.target,
      kubernetes: opened.kubernetes.target,
      nomad: opened.nomad.target,
      webhook: opened.webhook.target,
    },
    leadershipChanged: () => {
      for (const one of Object.values(opened)) one.leadershipChanged();
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

function openDocker(context: Context, consensus: Leadership): Opened {
  const { config, logger } = context;
  const { dockerEngine: engine } = config;
  if (engine === null) return OFF;
  return openReached(context, consensus, {
    name: 'docker replicas',
    where: 'on the Docker engine',
    create: (mayAct) =>
      createDockerTarget({
        engine,
        owner: config.cluster.name,
        onEvent: (event) => logDocker(logger, event),
        mayAct,
      }),
  });
}

function openKubernetes(context: Context, consensus: Leadership): Opened {
  const { config, logger } = context;
  const { kubernetes } = config;
  if (kubernetes === null) return OFF;
  return openReached(context, consensus, {
    name: 'kubernetes replicas',
    where: 'in the Kubernetes cluster',
    create: (mayAct) =>
      createKubernetesTarget({
        ...kubernetes,
        owner: config.cluster.name,
        onEvent: (event) => logKubernetes(logger, event),
        mayAct,
      }),
  });
}

function openNomad(context: Context, consensus: Leadership): Opened {
  const { config, logger } = context;
  const { nomad } = config;
  if (nomad === null) return OFF;
  return openReached(context, consensus, {
    name: 'nomad replicas',
    where: 'on Nomad',
    create: (mayAct) =>
      createNomadTarget({
        ...nomad,
        owner: config.cluster.name,
        onEvent: (event) => logNomad(logger, event),
        mayAct,
      }),
  });
}

/**
 * Open on every member, not on the one that leads alone: each notes where the receivers are, and none
 * but the leader sends anything.
 */
async function openWebhook(context: Context, consensus: Leadership): Promise<Opened> {
  const { config, clock, logger, stops } = context;
  const { webhook } = config;
  if (webhook === null) return OFF;
  const target = createWebhookTarget({
    ...webhook,
    placesFile: join(config.dataDirectory, 'webhook-receivers.json'),
    owner: config.cluster.name,
    nowMs: () => clock.nowMs(),
    onEvent: (event) => logWebhook(logger, event),
    mayAct: leadershipOf(consensus).mayAct,
  });
  await target.start();
  stops.push('webhooks', () => target.stop());
  return { ...OFF, target };
}

interface Reached {
  /** Of the stop. */
  readonly name: string;
  /** Completes `the replicas …`. */
  readonly where: string;
  readonly create: (mayAct: () => boolean) => OpenableTarget;
}

/**
 * What runs the replicas is somewhere else, and belongs to the cluster, not to this member. In a cluster
 * of one, too, opened when it can be: what is to be reached may start later than the plane.
 */
function openReached(context: Context, consensus: Leadership, reached: Reached): Opened {
  const { logger, stops } = context;
  const { mayAct, leads } = leadershipOf(consensus);
  const target = createLeaderScaleTarget({
    leads,
    mayAct,
    retryMs: REACH_RETRY_MS,
    create: () => reached.create(mayAct),
    onTrouble: (doing, err) => {
      logger.warn({ err }, `could not ${doing} the replicas ${reached.where}`);
    },
  });
  stops.push(reached.name, () => target.stop('keep'));
  return { target, leadershipChanged: () => target.leadershipChanged() };
}

function leadershipOf(consensus: Leadership) {
  return {
    leads: () => consensus.status().leadership.kind === 'leader',
    mayAct: () => consensus.leaseTerm() !== null,
  };
}
