/**
 * What the scaling targets tell of their doings, as lines of the log: a warning where something is
 * wrong, otherwise a note. Which level an event has is decided here and nowhere else.
 */

import type { DockerEvent } from '../adapters/docker/settings.ts';
import type { KubernetesEvent } from '../adapters/kubernetes/settings.ts';
import type { LocalProcessEvent } from '../adapters/local-process/settings.ts';
import type { NomadEvent } from '../adapters/nomad/settings.ts';
import type { WebhookEvent } from '../adapters/webhook/settings.ts';
import type { Logger } from '../telemetry/logs.ts';

export function logLocal(logger: Logger, event: LocalProcessEvent): void {
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

export function logDocker(logger: Logger, event: DockerEvent): void {
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

export function logKubernetes(logger: Logger, event: KubernetesEvent): void {
  logScaled(logger, 'kubernetes', event);
}

export function logNomad(logger: Logger, event: NomadEvent): void {
  logScaled(logger, 'nomad', event);
}

export function logWebhook(logger: Logger, event: WebhookEvent): void {
  switch (event.kind) {
    case 'trouble':
      logger.warn({ workload: event.workloadId, err: event.error }, 'webhook: trouble');
      break;
    case 'outrun':
    case 'abandoned':
      logger.warn({ ...event }, `webhook receiver ${event.kind}`);
      break;
    case 'retried':
      logger.info({ ...event }, 'webhook request retried');
  }
}

function logScaled(
  logger: Logger,
  target: 'kubernetes' | 'nomad',
  event: KubernetesEvent | NomadEvent,
): void {
  switch (event.kind) {
    case 'trouble': {
      const { workloadId: workload, error: err, retryInMs } = event;
      logger.warn({ workload, err, retryInMs }, `${target} replicas: trouble`);
      break;
    }
    case 'overwritten':
    case 'version_unknown':
      logger.warn({ ...event }, `${target} replicas ${event.kind}`);
      break;
    case 'scaled':
    case 'released':
      logger.info({ ...event }, `${target} replicas ${event.kind}`);
  }
}
