/**
 * The ports behind the HTTP edge, in memory: consensus over the real state machine, a decision
 * store, and views. Each can be told to fail the way the real one does.
 */

import type { Command, Committed } from '../../control-plane/model/command.ts';
import type { Heartbeat } from '../../control-plane/model/node.ts';
import type { PlaneViews, ReadinessCheck } from '../../control-plane/http/plane.ts';
import {
  type Consensus,
  ConsensusError,
  type ConsensusFailure,
} from '../../control-plane/ports/consensus.ts';
import {
  type DecisionStore,
  DecisionStoreError,
} from '../../control-plane/ports/decision-store.ts';
import { decideScale } from '../../control-plane/deciders/scale.ts';
import { applyCommand } from '../../control-plane/state/apply.ts';
import { canonicalState } from '../../control-plane/state/snapshot.ts';
import { INITIAL_STATE, type PlaneState } from '../../control-plane/state/state.ts';
import { createMemoryDecisionStore } from './memory-decision-store.ts';

export interface MemoryConsensus extends Consensus {
  /** The next proposals fail so; `silence` answers only when the caller gives up. */
  failWith(failure: ConsensusFailure | 'silence' | 'bug' | null): void;
  /** Canonical text of the state: two are equal when the states are. */
  digest(): string;
  /** How many commands were proposed. */
  proposed(): number;
}

export function createMemoryConsensus(): MemoryConsensus {
  let state: PlaneState = INITIAL_STATE;
  let index = 0;
  let proposed = 0;
  let failure: ConsensusFailure | 'silence' | 'bug' | null = null;
  const apply = (command: Command): Committed => {
    index += 1;
    const token = { term: 1, index };
    const applied = applyCommand(state, token, command);
    state = applied.state;
    return { token, result: applied.result };
  };
  return {
    propose: async (command, signal) => {
      proposed += 1;
      if (failure === 'bug') throw new TypeError('a bug, with a secret in its message');
      if (failure === 'silence') await aborted(signal);
      else if (failure !== null) throw new ConsensusError(failure, `told to fail: ${failure}`);
      return apply(command);
    },
    readState: () => state,
    status: () => ({
      memberId: 'member-1',
      leadership: { kind: 'leader', term: 1, leaderId: 'member-2' },
      commitIndex: index,
      appliedIndex: index,
      logBytes: 0,
      snapshotIndex: 0,
    }),
    failWith: (next) => {
      failure = next;
    },
    digest: () => canonicalState(state),
    proposed: () => proposed,
  };
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => {
      reject(new ConsensusError('aborted', 'the caller gave up'));
    });
  });
}

/** The store in memory that passes the contract of stores, with ways to be away. */
export interface FailingDecisionStore extends DecisionStore {
  failWith(failure: 'away' | 'silence' | null): void;
  /** Readers that wait for a silent store. */
  waiting(): number;
}

export function createFailingDecisionStore(): FailingDecisionStore {
  const store = createMemoryDecisionStore();
  let failure: 'away' | 'silence' | null = null;
  let waiting = 0;
  const reach = async (signal: AbortSignal): Promise<void> => {
    if (failure === 'away') throw new DecisionStoreError('the database is away');
    if (failure !== 'silence') return;
    waiting += 1;
    await new Promise((_, reject) => {
      signal.addEventListener('abort', () => {
        reject(new DecisionStoreError('the caller gave up'));
      });
    });
  };
  return {
    append: (records) => store.append(records),
    list: async (filter, limit, afterId, signal) => {
      await reach(signal);
      return await store.list(filter, limit, afterId, signal);
    },
    read: async (decisionId, signal) => {
      await reach(signal);
      return await store.read(decisionId, signal);
    },
    status: () => store.status(),
    failWith: (next) => {
      failure = next;
    },
    waiting: () => waiting,
  };
}

export interface MemoryViews extends PlaneViews {
  readonly heartbeats: Heartbeat[];
  checks: readonly ReadinessCheck[];
  /** Nodes by status; the others are healthy. */
  readonly statuses: Map<string, 'degraded' | 'stale' | 'unreachable'>;
  /** Replaces the decider, to see what a replay says when the code has changed. */
  evaluate: PlaneViews['evaluate'];
}

export function createMemoryViews(consensus: Consensus): MemoryViews {
  const heartbeats: Heartbeat[] = [];
  const statuses: MemoryViews['statuses'] = new Map();
  const isKnown = (nodeId: string): boolean => Object.hasOwn(consensus.readState().nodes, nodeId);
  return {
    heartbeats,
    statuses,
    checks: [{ name: 'log', status: 'ok', detail: '' }],
    heartbeatIntervalMs: 5_000,
    nodeHealth: (nodeId) => {
      if (!isKnown(nodeId)) return null;
      const status = statuses.get(nodeId) ?? 'healthy';
      return { status, evidence: 'as the test says', heartbeatAgeMs: 100 };
    },
    acceptHeartbeat: (heartbeat) => {
      if (!isKnown(heartbeat.nodeId)) return false;
      heartbeats.push(heartbeat);
      return true;
    },
    replicas: (workloadId) => {
      const metricsPath = '/metrics';
      const common = { workloadId, metricsPath, startedAtMs: 1_000 };
      return [
        { ...common, replicaId: 'r1', address: '127.0.0.1:31001', phase: 'ready' },
        { ...common, replicaId: 'r2', address: '127.0.0.1:31002', phase: 'starting' },
      ];
    },
    lastEvaluation: (workloadId) => ({
      atMs: 1_700_000_000_000,
      decisionId: `018bcfe56800-${workloadId}`,
      verdict: { kind: 'hold', replicas: 1, reason: 'at_desired' },
    }),
    evaluate: decideScale,
    targetGroups: (kind) => [{ targets: ['127.0.0.1:31001'], labels: { kind } }],
    readiness() {
      return this.checks;
    },
  };
}
