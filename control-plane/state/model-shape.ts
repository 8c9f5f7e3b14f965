/** The shapes of the nouns that the log and the snapshots carry; the compiler holds them to the model. */

import type { Budget } from '../model/budget.ts';
import type { InFlightAction, Brakes, FencingToken, Recommendation } from '../model/decision.ts';
import { CAMPAIGN_CAUSES, ELECTION_OUTCOMES, VOTE_PHASES } from '../model/election.ts';
import type { Election, ElectionVote } from '../model/election.ts';
import { PAUSES } from '../model/intervention.ts';
import type { Override, Pause } from '../model/intervention.ts';
import { MODES } from '../model/mode.ts';
import type { GpuInventory, NodeInventory, NodeRegistration } from '../model/node.ts';
import { VOTE_REASONS } from '../model/raft-message.ts';
import type {
  DockerTarget,
  KubernetesTarget,
  LocalProcessTarget,
  NomadTarget,
  ScaleTargetSpec,
  WebhookTarget,
  Workload,
} from '../model/workload.ts';
import { memoryShape } from './memory-shape.ts';
import { count, finite, kindOf, listOf, mapOf, nullable } from './shape.ts';
import { objectOf, oneOf, optional, text, textOf } from './shape.ts';

export const modeShape = oneOf(MODES);

export const tokenShape = objectOf<FencingToken>({ term: count, index: count });

export const registrationShape = objectOf<NodeRegistration>({
  nodeId: text,
  hostname: text,
  address: text,
  capabilities: listOf(text),
  labels: mapOf(text),
  inventory: objectOf<NodeInventory>({
    operatingSystem: text,
    kernel: text,
    architecture: text,
    cpuModel: text,
    cpuCores: finite,
    memoryBytes: finite,
    gpus: listOf(objectOf<GpuInventory>({ uuid: text, name: text, memoryBytes: finite })),
  }),
  agentVersion: text,
});

export const workloadShape = objectOf<Workload>({
  id: text,
  description: text,
  capability: text,
  labels: mapOf(text),
  mode: modeShape,
  replicasInitial: count,
  target: kindOf<ScaleTargetSpec>({
    local_process: objectOf<LocalProcessTarget>({
      kind: oneOf(['local_process']),
      command: listOf(text),
      environment: mapOf(text),
      readinessPath: text,
      metricsPath: text,
      startTimeoutMs: finite,
      stopGraceMs: finite,
    }),
    docker: objectOf<DockerTarget>({
      kind: oneOf(['docker']),
      image: text,
      command: listOf(text),
      environment: mapOf(text),
      port: count,
      network: text,
      readinessPath: text,
      metricsPath: text,
      startTimeoutMs: finite,
      stopGraceMs: finite,
      memoryBytes: nullable(count),
      cpus: nullable(finite),
    }),
    kubernetes: objectOf<KubernetesTarget>({
      kind: oneOf(['kubernetes']),
      apiVersion: text,
      resource: text,
      namespace: text,
      name: text,
      port: count,
      metricsPath: text,
    }),
    nomad: objectOf<NomadTarget>({
      kind: oneOf(['nomad']),
      namespace: text,
      region: nullable(text),
      jobId: text,
      group: text,
      portLabel: text,
      metricsPath: text,
    }),
    webhook: objectOf<WebhookTarget>({
      kind: oneOf(['webhook']),
      url: text,
      secret: text,
      requestTimeoutMs: finite,
      metricsPath: text,
    }),
  }),
});

export const brakesShape = objectOf<Brakes>({
  recommendations: listOf(
    objectOf<Recommendation>({ replicas: count, firstAtMs: finite, lastAtMs: finite }),
  ),
  lastOutAtMs: nullable(finite),
  lastInAtMs: nullable(finite),
  memory: optional(memoryShape),
});

export const pauseShape = objectOf<Pause>({
  direction: oneOf(PAUSES),
  sinceMs: finite,
  untilMs: nullable(finite),
  note: text,
});

export const overrideShape = objectOf<Override>({
  replicas: count,
  sinceMs: finite,
  untilMs: nullable(finite),
  note: text,
});

export const budgetShape = objectOf<Budget>({
  id: text,
  description: text,
  unit: text,
  limit: finite,
});

export const inFlightShape = objectOf<InFlightAction>({
  decisionId: text,
  workloadId: text,
  fromReplicas: count,
  toReplicas: count,
  startedAtMs: finite,
  deadlineMs: finite,
  token: tokenShape,
});

/** Votes that one election may carry: two phases of 32 members. */
export const ELECTION_VOTES_MAX = 64;

const memberId = textOf(1, 63);
const traceId = textOf(1, 64);

export const electionShape = objectOf<Election>({
  electionId: textOf(1, 128),
  candidateId: memberId,
  term: count,
  cause: oneOf(CAMPAIGN_CAUSES),
  outcome: oneOf(ELECTION_OUTCOMES),
  suspectedLeaderId: nullable(memberId),
  silentForMs: nullable(finite),
  startedAtMs: finite,
  preVoteMs: nullable(finite),
  electedMs: nullable(finite),
  committedMs: nullable(finite),
  durationMs: finite,
  votes: listOf(
    objectOf<ElectionVote>({
      phase: oneOf(VOTE_PHASES),
      voterId: memberId,
      reason: oneOf(VOTE_REASONS),
      afterMs: finite,
    }),
    ELECTION_VOTES_MAX,
  ),
  traceId,
  rootSpanId: textOf(1, 64),
  previousTraceId: nullable(traceId),
});
