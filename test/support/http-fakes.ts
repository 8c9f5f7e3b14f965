/**
 * The ports behind the HTTP edge, in memory: consensus over the real state machine, a decision
 * store, and views. Each can be told to fail the way the real one does.
 */

import type { Command, Committed } from '../../control-plane/model/command.ts';
import type { ChangeRefusal, MembershipChange } from '../../control-plane/model/configuration.ts';
import type { Heartbeat } from '../../control-plane/model/node.ts';
import { previewPolicy } from '../../control-plane/loops/preview.ts';
import type { PreviewOptions } from '../../control-plane/loops/preview.ts';
import { NOTHING_BESIDE } from '../../control-plane/loops/tick-decisions.ts';
import { raiseFor } from '../../control-plane/state/format.ts';
import { createLeaderDirectory } from '../../control-plane/http/leader.ts';
import type { PlaneViews, ReadinessCheck } from '../../control-plane/http/plane.ts';
import { DEFAULT_HTTP_LIMITS } from '../../control-plane/http/limits.ts';
import type { ClusterOptions, HttpServerOptions } from '../../control-plane/http/server.ts';
import type { ConsensusFailure } from '../../control-plane/model/consensus-failure.ts';
import {
  type Consensus,
  ConsensusError,
  type Standing,
} from '../../control-plane/ports/consensus.ts';
import {
  type DecisionStore,
  DecisionStoreError,
} from '../../control-plane/ports/decision-store.ts';
import {
  type Membership,
  MembershipError,
  type MemberView,
} from '../../control-plane/ports/membership.ts';
import { counterfactualsOf } from '../../control-plane/deciders/counterfactual.ts';
import { decideScale } from '../../control-plane/deciders/scale.ts';
import { applyCommand } from '../../control-plane/state/apply.ts';
import { FORMAT_MAX } from '../../control-plane/state/format.ts';
import { canonicalState } from '../../control-plane/state/snapshot.ts';
import { INITIAL_STATE, type PlaneState } from '../../control-plane/state/state.ts';
import { createMemoryAlertStore } from './memory-alert-store.ts';
import { createMemoryDecisionStore } from './memory-decision-store.ts';

/** What the members of one cluster in memory share: who leads, and the log as its state. */
export interface MemoryGroup {
  leaderId: string | null;
  term: number;
  state: PlaneState;
  index: number;
}

export function createMemoryGroup(leaderId: string | null = 'member-1'): MemoryGroup {
  return { leaderId, term: 1, state: INITIAL_STATE, index: 0 };
}

export type MemoryFailure = ConsensusFailure | 'silence' | 'bug';

export interface MemoryConsensus extends Consensus {
  /** The next proposals fail so; `silence` answers only when the caller gives up. */
  failWith(failure: MemoryFailure | null): void;
  /** The next proposals are applied, and then fail so. */
  failAfterApplyingWith(failure: MemoryFailure | null): void;
  /** What it is asked of each command before it is proposed: the error to refuse it with. */
  refuseWith(refusal: (command: Command) => ConsensusError | null): void;
  /** The next barriers fail so. */
  failBarrierWith(failure: MemoryFailure | null): void;
  /** What it is in the cluster from now on. */
  stand(next: Standing): void;
  /** Applies nothing more of what the others commit. */
  freeze(): void;
  /** Canonical text of the state: two are equal when the states are. */
  digest(): string;
  /** How many commands were proposed. */
  proposed(): number;
  /** How many barriers were asked for. */
  barriers(): number;
}

export function createMemoryConsensus(
  group: MemoryGroup = createMemoryGroup(),
  memberId = 'member-1',
): MemoryConsensus {
  let frozen: Pick<MemoryGroup, 'state' | 'index'> | null = null;
  let proposed = 0;
  let barriers = 0;
  let failure: MemoryFailure | null = null;
  let failureAfter: MemoryFailure | null = null;
  let barrierFailure: MemoryFailure | null = null;
  let standing: Standing = 'member';
  let refusalFor: (command: Command) => ConsensusError | null = () => null;
  const applied = () => frozen ?? group;
  const leads = (): boolean => group.leaderId === memberId;
  const apply = (command: Command): Committed => {
    group.index += 1;
    const token = { term: group.term, index: group.index };
    const outcome = applyCommand(group.state, token, command);
    group.state = outcome.state;
    return { token, result: outcome.result };
  };
  return {
    propose: async (command, signal) => {
      proposed += 1;
      if (!leads()) throw new ConsensusError('not_leader', 'does not lead');
      await failIf(failure, signal);
      const refusal = refusalFor(command);
      if (refusal !== null) throw refusal;
      const committed = apply(command);
      await failIf(failureAfter, signal);
      return committed;
    },
    readState: () => applied().state,
    readBarrier: async (signal) => {
      barriers += 1;
      await failIf(barrierFailure, signal);
      if (group.leaderId === null) throw new ConsensusError('no_leader', 'nobody leads');
    },
    leaseTerm: () => (leads() ? group.term : null),
    status: () => ({
      memberId,
      leadership: {
        kind: leads() ? 'leader' : 'follower',
        term: group.term,
        leaderId: group.leaderId,
      },
      standing,
      commitIndex: group.index,
      appliedIndex: applied().index,
      lastIndex: group.index,
      logBytes: 0,
      snapshotIndex: 0,
    }),
    failWith: (next) => {
      failure = next;
    },
    failAfterApplyingWith: (next) => {
      failureAfter = next;
    },
    refuseWith: (next) => {
      refusalFor = next;
    },
    failBarrierWith: (next) => {
      barrierFailure = next;
    },
    stand: (next) => {
      standing = next;
    },
    freeze: () => {
      frozen = { state: group.state, index: group.index };
    },
    digest: () => canonicalState(applied().state),
    proposed: () => proposed,
    barriers: () => barriers,
  };
}

async function failIf(failure: MemoryFailure | null, signal: AbortSignal): Promise<void> {
  if (failure === null) return;
  if (failure === 'bug') throw new TypeError('a bug, with a secret in its message');
  if (failure === 'silence') await aborted(signal);
  else throw new ConsensusError(failure, `told to fail: ${failure}`);
}

/** Members in memory: a change is made at once, unless it is told to fail. */
export interface MemoryMembership extends Membership {
  readonly views: Map<string, MemberView>;
  failWith(error: Error | 'silence' | null): void;
  /** Changes that were asked for, in order. */
  readonly asked: readonly (MembershipChange | { readonly transferTo: string | null })[];
}

export function createMemoryMembership(group: MemoryGroup, ids: readonly string[]) {
  const views = new Map(ids.map((id) => [id, voterView(id, group)]));
  const asked: (MembershipChange | { readonly transferTo: string | null })[] = [];
  let failure: Error | 'silence' | null = null;
  const failNow = async (signal: AbortSignal): Promise<void> => {
    if (failure === 'silence') await aborted(signal);
    else if (failure !== null) throw failure;
  };
  const membership: MemoryMembership = {
    views,
    asked,
    members: () => [...views.values()].sort((a, b) => (a.memberId < b.memberId ? -1 : 1)),
    change: async (change, signal) => {
      asked.push(change);
      await failNow(signal);
      const refusal = refusalOf(change, views);
      if (refusal !== null) throw new MembershipError(refusal, `told: ${refusal}`);
      for (const { memberId, address } of change.add) {
        views.set(memberId, learnerView(memberId, address));
      }
      for (const id of change.promote) views.set(id, voterView(id, group));
      for (const id of change.remove) views.delete(id);
    },
    transfer: async (to, signal) => {
      asked.push({ transferTo: to });
      await failNow(signal);
      const next = to ?? [...views.keys()].find((id) => id !== group.leaderId);
      if (next === undefined || !views.has(next)) {
        throw new MembershipError('member_unknown', 'no such member');
      }
      group.leaderId = next;
      return { leaderId: next };
    },
    failWith: (next) => {
      failure = next;
    },
  };
  return membership;
}

function refusalOf(
  change: MembershipChange,
  views: ReadonlyMap<string, MemberView>,
): ChangeRefusal | null {
  if (change.add.some(({ memberId }) => views.has(memberId))) return 'member_exists';
  if ([...change.promote, ...change.remove].some((id) => !views.has(id))) return 'member_unknown';
  if (change.promote.some((id) => views.get(id)?.membership !== 'learner')) return 'not_a_learner';
  const voters = [...views.values()].filter((view) => view.membership === 'voter');
  const stay = voters.filter((view) => !change.remove.includes(view.memberId));
  return stay.length === 0 ? 'no_voter_left' : null;
}

function voterView(memberId: string, group: MemoryGroup): MemberView {
  return {
    memberId,
    address: `${memberId}.example:7401`,
    apiUrl: `http://${memberId}.example:7400`,
    formatMax: FORMAT_MAX,
    membership: 'voter',
    role: group.leaderId === memberId ? 'leader' : 'follower',
    matchIndex: group.index,
    lagEntries: 0,
    contactAgeMs: group.leaderId === memberId ? 0 : 12.5,
    replication: group.leaderId === memberId ? null : 'replicate',
  };
}

function learnerView(memberId: string, address: string): MemberView {
  return {
    memberId,
    address,
    apiUrl: null,
    formatMax: null,
    membership: 'learner',
    role: 'learner',
    matchIndex: 0,
    lagEntries: 100,
    contactAgeMs: null,
    replication: 'probe',
  };
}

/** A cluster of one in memory, as the edge needs to know it. */
export function memoryCluster(consensus: Consensus, group = createMemoryGroup()): ClusterOptions {
  return {
    membership: createMemoryMembership(group, [consensus.status().memberId]),
    directory: createLeaderDirectory({ status: () => consensus.status(), apiUrl: () => null }),
    isJoint: () => false,
    ca: null,
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
  /** Replaces the preview of a policy. */
  preview: PlaneViews['preview'];
  /** Replaces the list of targets. */
  targetGroups: PlaneViews['targetGroups'];
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
    counterfactuals: counterfactualsOf,
    preview: (policy, signal) => previewPolicy(policy, idlePreview(consensus), signal),
    targetGroups: (kind) => [{ targets: ['127.0.0.1:31001'], labels: { kind } }],
    readiness() {
      return this.checks;
    },
  };
}

/** Previews on a metrics source that answers nothing, and on targets that are switched off. */
function idlePreview(consensus: Consensus): PreviewOptions {
  return {
    consensus,
    source: {
      readInstant: (queries) =>
        Promise.resolve(queries.map(() => ({ kind: 'vector', samples: [] }) as const)),
      readRange: (queries) =>
        Promise.resolve(queries.map(() => ({ kind: 'matrix', series: [] }) as const)),
    },
    targets: {},
    clock: { nowMs: () => 1_700_000_000_000, monotonicMs: () => 0 },
    beside: NOTHING_BESIDE,
    timeoutMs: 1_000,
  };
}

/** Everything that an edge needs and no more: it is never asked anything that is then looked at. */
export function idleEdge(auth: HttpServerOptions['auth']): HttpServerOptions {
  const consensus = createMemoryConsensus();
  return {
    consensus,
    cluster: memoryCluster(consensus),
    decisions: createFailingDecisionStore(),
    alerts: createMemoryAlertStore(),
    slos: { slos: [], read: () => Promise.resolve([]) },
    backtests: { run: () => Promise.resolve({ kind: 'busy' }) },
    vertical: { read: () => Promise.resolve({ kind: 'busy' }) },
    views: createMemoryViews(consensus),
    clock: { nowMs: () => 0, monotonicMs: () => 0 },
    precede: raiseFor,
    auth,
    renderMetrics: () => Promise.resolve({ contentType: 'text/plain', body: '' }),
    observe: {
      requestStarted: () => undefined,
      requestFinished: () => undefined,
      authFailed: () => undefined,
      requestForwarded: () => undefined,
    },
    logger: { info: () => undefined, warn: () => undefined, error: () => undefined },
    version: '0.0.0',
    limits: DEFAULT_HTTP_LIMITS,
  };
}
