/** The shapes of the nouns that the log and the snapshots carry; the compiler holds them to the model. */

import type { InFlightAction, Brakes, FencingToken, Recommendation } from '../model/decision.ts';
import { CAMPAIGN_CAUSES, ELECTION_OUTCOMES, VOTE_PHASES } from '../model/election.ts';
import type { Election, ElectionVote } from '../model/election.ts';
import { MODES } from '../model/mode.ts';
import type { GpuInventory, NodeInventory, NodeRegistration } from '../model/node.ts';
import type { CoverageSpec, MetricSpec, ScalePolicy } from '../model/policy.ts';
import { VOTE_REASONS } from '../model/raft-message.ts';
import type {
  DockerTarget,
  LocalProcessTarget,
  ScaleTargetSpec,
  Workload,
} from '../model/workload.ts';
import { count, finite, kindOf, listOf, mapOf, nullable } from './shape.ts';
import { objectOf, oneOf, text, textOf } from './shape.ts';

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
  }),
});

export const policyShape = objectOf<ScalePolicy>({
  id: text,
  workloadId: text,
  metrics: listOf(
    objectOf<MetricSpec>({
      name: text,
      query: text,
      timestampQuery: text,
      coverage: nullable(objectOf<CoverageSpec>({ query: text, minimumRatio: finite })),
      kind: oneOf(['value', 'average_value']),
      target: finite,
    }),
  ),
  replicasMin: count,
  replicasMax: count,
  toleranceUpRatio: finite,
  toleranceDownRatio: finite,
  stabilizationUpMs: finite,
  stabilizationDownMs: finite,
  cooldownUpMs: finite,
  cooldownDownMs: finite,
  signalAgeMaxMs: finite,
  actionTimeoutMs: finite,
});

export const brakesShape = objectOf<Brakes>({
  recommendations: listOf(
    objectOf<Recommendation>({ replicas: count, firstAtMs: finite, lastAtMs: finite }),
  ),
  lastOutAtMs: nullable(finite),
  lastInAtMs: nullable(finite),
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
