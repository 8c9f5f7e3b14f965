/** Commands for tests of the state machine and the log: builders of valid ones. */

import type { Command, DecisionEntry } from '../../control-plane/model/command.ts';
import type { Election } from '../../control-plane/model/election.ts';
import type { NodeRegistration } from '../../control-plane/model/node.ts';
import type { LocalProcessTarget, WorkloadOn } from '../../control-plane/model/workload.ts';

export const AT_MS = 1_700_000_000_000;

export function registration(nodeId: string, hostname = nodeId): NodeRegistration {
  return {
    nodeId,
    hostname,
    address: '127.0.0.1:7410',
    capabilities: ['inference'],
    labels: { zone: 'a' },
    inventory: {
      operatingSystem: 'linux',
      kernel: '6.1',
      architecture: 'x64',
      cpuModel: 'cpu',
      cpuCores: 8,
      memoryBytes: 2 ** 34,
      gpus: [{ uuid: 'GPU-1', name: 'H200', memoryBytes: 2 ** 37 }],
    },
    agentVersion: '0.1.0',
  };
}

export function workload(
  id: string,
  overrides: Partial<WorkloadOn<LocalProcessTarget>> = {},
): WorkloadOn<LocalProcessTarget> {
  return {
    id,
    description: '',
    capability: 'inference',
    labels: {},
    mode: 'act',
    replicasInitial: 2,
    target: {
      kind: 'local_process',
      command: ['node', 'server.js'],
      environment: {},
      readinessPath: '/readyz',
      metricsPath: '/metrics',
      startTimeoutMs: 30_000,
      stopGraceMs: 10_000,
    },
    ...overrides,
  };
}

export function entry(overrides: Partial<DecisionEntry> = {}): DecisionEntry {
  return {
    decisionId: 'd1',
    workloadId: 'w',
    policyId: 'p',
    recommendation: 3,
    action: null,
    ...overrides,
  };
}

export function election(electionId: string, overrides: Partial<Election> = {}): Election {
  return {
    electionId,
    candidateId: 'm1',
    term: 2,
    cause: 'leader_silent',
    outcome: 'elected',
    suspectedLeaderId: 'm2',
    silentForMs: 180,
    startedAtMs: AT_MS,
    preVoteMs: 4,
    electedMs: 9,
    committedMs: 14,
    durationMs: 14,
    votes: [
      { phase: 'pre_vote', voterId: 'm3', reason: 'granted', afterMs: 4 },
      { phase: 'vote', voterId: 'm3', reason: 'granted', afterMs: 9 },
    ],
    traceId: '0af7651916cd43dd8448eb211c80319c',
    rootSpanId: 'b7ad6b7169203331',
    previousTraceId: null,
    ...overrides,
  };
}

/** A command that always changes the state and says its number, for tests that count. */
export function numbered(number: number): Command {
  return {
    kind: 'register_node',
    key: `key-${number}`,
    atMs: AT_MS + number,
    registration: registration(`node-${number % 50}`, `host-${number}`),
  };
}
