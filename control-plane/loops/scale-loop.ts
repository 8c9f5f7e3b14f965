/**
 * The reconcile loop of scaling: observe → verify → decide → commit → record → act, once per tick,
 * each a child span of the tick's trace. It owns order and failure; what to do is decided by the
 * pure decider, and nothing acts before its command is committed and its record is on disk. A
 * member that does not lead looks at nothing and acts on nothing.
 */

import { decideScale } from '../deciders/scale.ts';
import type { Command, Committed, DecisionEntry } from '../model/command.ts';
import { NO_BRAKES, decisionIdOf } from '../model/decision.ts';
import type { DecisionRecord, ScaleInput } from '../model/decision.ts';
import { weakerMode } from '../model/mode.ts';
import type { StoredPolicy } from '../model/policy.ts';
import type { Workload } from '../model/workload.ts';
import type { Clock } from '../ports/clock.ts';
import type { Consensus } from '../ports/consensus.ts';
import type { DecisionStore } from '../ports/decision-store.ts';
import type { MetricsSource } from '../ports/metrics-source.ts';
import type { PlaneState, WorkloadState } from '../state/state.ts';
import { inSpan } from '../telemetry/span.ts';
import type { LoopLogger } from './logger.ts';
import type { ReplicaWatch } from './replica-watch.ts';
import { actualOf, look } from './sight.ts';
import type { ScaleTargets, Sight } from './sight.ts';
import type { ScaleTelemetry } from './scale-telemetry.ts';
import { verifyAction } from './verification.ts';

export interface ScaleLoopOptions {
  readonly consensus: Consensus;
  readonly source: MetricsSource;
  readonly targets: ScaleTargets;
  readonly decisions: DecisionStore;
  readonly replicas: ReplicaWatch;
  readonly clock: Clock;
  readonly telemetry: ScaleTelemetry;
  readonly logger: LoopLogger;
  /** Deadline of one look at the world, in ms. */
  readonly observeTimeoutMs: number;
  /** Deadline of telling the scaling targets, in ms. */
  readonly actTimeoutMs: number;
}

export class ScaleLoop {
  readonly #options: ScaleLoopOptions;
  #lastTickMs = 0;
  #lastEndedMs: number | null = null;
  readonly #lastDecisions = new Map<string, DecisionRecord>();

  constructor(options: ScaleLoopOptions) {
    this.#options = options;
  }

  /** The last decision for a workload on this member since its start. */
  lastDecision(workloadId: string): DecisionRecord | null {
    return this.#lastDecisions.get(workloadId) ?? null;
  }

  /** Monotonic ms at which the last tick ended without failing; null before the first. */
  get lastEndedMs(): number | null {
    return this.#lastEndedMs;
  }

  /** One tick. Rejects when nothing could be committed or recorded; then nothing acted either. */
  async tick(signal: AbortSignal): Promise<void> {
    const { consensus } = this.#options;
    if (consensus.status().leadership.kind !== 'leader') return;
    const atMs = this.#nextTickMs();
    await inSpan(
      'scale tick',
      { 'omnimind.tick.at_ms': atMs },
      async (span) => {
        const sight = await this.#stage('observe', () => this.#observe(atMs, signal));
        await this.#stage('verify', () => this.#verify(sight, signal));
        const state = consensus.readState();
        const decided = await this.#stage('decide', () => this.#decide(state, sight, span.traceId));
        const recorded = await this.#stage('commit', () => this.#commit(decided, atMs, signal));
        await this.#stage('act', () => this.#act(recorded, signal));
      },
      { root: true },
    );
    this.#lastEndedMs = this.#options.clock.monotonicMs();
  }

  async #stage<T>(
    name: Parameters<ScaleTelemetry['stage']>[0],
    work: () => Promise<T> | T,
  ): Promise<T> {
    return inSpan(name, {}, () => this.#options.telemetry.stage(name, work));
  }

  /** Two ticks never share a millisecond, so that their decisions have ids of their own. */
  #nextTickMs(): number {
    this.#lastTickMs = Math.max(this.#options.clock.nowMs(), this.#lastTickMs + 1);
    return this.#lastTickMs;
  }

  async #observe(atMs: number, signal: AbortSignal): Promise<Sight> {
    const { consensus, source, targets, replicas, observeTimeoutMs, telemetry } = this.#options;
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(observeTimeoutMs)]);
    const state = consensus.readState();
    const sight = await look(state, source, targets, atMs, deadline);
    replicas.saw(sight.replicas);
    telemetry.seen(state, sight);
    return sight;
  }

  async #verify(sight: Sight, signal: AbortSignal): Promise<void> {
    const { consensus, telemetry, logger } = this.#options;
    for (const { workload, inFlight } of Object.values(consensus.readState().workloads)) {
      if (inFlight === null) continue;
      const verdict = verifyAction(inFlight, sight.replicas.get(workload.id), sight.atMs);
      if (verdict.kind === 'waiting') continue;
      const { outcome, readyReplicas } = verdict;
      const { decisionId } = inFlight;
      await consensus.propose(
        {
          kind: 'finish_action',
          key: `finish/${decisionId}`,
          atMs: sight.atMs,
          workloadId: workload.id,
          decisionId,
          outcome,
          readyReplicas,
        },
        signal,
      );
      telemetry.finished(inFlight, outcome, sight.atMs);
      const fields = { workload: workload.id, decision: decisionId, outcome, ready: readyReplicas };
      if (outcome === 'failed') logger.warn(fields, 'action failed');
      else logger.info(fields, 'action verified');
    }
  }

  #decide(state: PlaneState, sight: Sight, traceId: string): readonly DecisionRecord[] {
    const records: DecisionRecord[] = [];
    for (const stored of Object.values(state.policies)) {
      const workload = state.workloads[stored.policy.workloadId];
      if (workload === undefined) continue;
      records.push(decideOne(state, workload, stored, sight, traceId));
    }
    return records;
  }

  /**
   * Records, then commits what the brakes must remember and what may act, then notes on the record of
   * each act that it was committed. A record without a token is of an act that may never have come.
   */
  async #commit(
    decided: readonly DecisionRecord[],
    atMs: number,
    signal: AbortSignal,
  ): Promise<readonly DecisionRecord[]> {
    if (decided.length === 0) return [];
    await this.#record(decided);
    const { token, result } = await this.#propose(decided, atMs, signal);
    if (result.kind === 'refused') throw new Error(`the decisions were refused: ${result.detail}`);
    const committed = decided.map((record) => (isAct(record) ? { ...record, token } : record));
    await this.#record(committed.filter(isAct));
    for (const record of committed) this.#lastDecisions.set(record.workloadId, record);
    this.#options.telemetry.decided(committed);
    return committed;
  }

  /** A disk that takes no records must not stop the scaling: the loss is counted, and shouted about. */
  async #record(records: readonly DecisionRecord[]): Promise<void> {
    if (records.length === 0) return;
    try {
      await this.#options.decisions.append(records);
    } catch (err) {
      this.#options.logger.error({ err, records: records.length }, 'decisions were not recorded');
    }
  }

  async #propose(
    decided: readonly DecisionRecord[],
    atMs: number,
    signal: AbortSignal,
  ): Promise<Committed> {
    const command: Command = {
      kind: 'record_decisions',
      key: `tick/${atMs}`,
      atMs,
      entries: decided.map(entryOf),
    };
    return this.#options.consensus.propose(command, signal);
  }

  /** Tells every target the number wanted, under the token that allowed it; most are told nothing new. */
  async #act(records: readonly DecisionRecord[], signal: AbortSignal): Promise<void> {
    const { consensus, actTimeoutMs, telemetry, logger } = this.#options;
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(actTimeoutMs)]);
    const state = consensus.readState();
    await Promise.all(
      Object.values(state.workloads).map(async (entry) => {
        const failure = await this.#assertDesired(state, entry, deadline);
        if (failure === null) return;
        logger.warn({ workload: entry.workload.id, err: failure }, 'the scaling target refused');
      }),
    );
    await this.#removeDeparted(state, deadline);
    telemetry.acted(records, this.#options.clock.nowMs());
    for (const record of records) logAction(logger, record);
  }

  async #assertDesired(
    state: PlaneState,
    entry: WorkloadState,
    signal: AbortSignal,
  ): Promise<unknown> {
    const target = this.#options.targets[entry.workload.target.kind];
    const mayAct = weakerMode(state.mode, entry.mode) === 'act';
    if (target === null || !mayAct) return null;
    try {
      await target.setReplicas(entry.workload, entry.desired, entry.desiredToken, signal);
      return null;
    } catch (error) {
      return error;
    }
  }

  /** What a target runs and the state does not know was removed, perhaps just before a crash. */
  async #removeDeparted(state: PlaneState, signal: AbortSignal): Promise<void> {
    if (state.mode !== 'act') return;
    const { consensus, targets, logger } = this.#options;
    const { leadership, appliedIndex } = consensus.status();
    const token = { term: leadership.term, index: appliedIndex };
    for (const target of Object.values(targets)) {
      if (target === null) continue;
      for (const workloadId of await target.listWorkloads()) {
        if (state.workloads[workloadId] !== undefined) continue;
        logger.info({ workload: workloadId }, 'stopping the replicas of a removed workload');
        await target.removeWorkload(workloadId, token, signal);
        this.#lastDecisions.delete(workloadId);
      }
    }
  }
}

function isAct(record: DecisionRecord): boolean {
  return record.outcome.verdict.kind === 'act';
}

function decideOne(
  state: PlaneState,
  entry: WorkloadState,
  stored: StoredPolicy,
  sight: Sight,
  traceId: string,
): DecisionRecord {
  const { policy, version } = stored;
  const workload: Workload = entry.workload;
  const input: ScaleInput = {
    nowMs: sight.atMs,
    policy,
    mode: weakerMode(state.mode, entry.mode),
    desired: entry.desired,
    actual: actualOf(sight.replicas.get(workload.id)),
    observations: sight.observations.get(policy.id) ?? [],
    brakes: state.brakes[policy.id] ?? NO_BRAKES,
    inFlight: entry.inFlight,
  };
  return {
    decisionId: decisionIdOf(sight.atMs, workload.id),
    kind: 'scale',
    workloadId: workload.id,
    policyId: policy.id,
    policyVersion: version,
    atMs: sight.atMs,
    input,
    outcome: decideScale(input),
    traceId,
    token: null,
  };
}

function entryOf(record: DecisionRecord): DecisionEntry {
  const { verdict, recommendation } = record.outcome;
  return {
    decisionId: record.decisionId,
    workloadId: record.workloadId,
    policyId: record.policyId,
    recommendation,
    action:
      verdict.kind === 'hold'
        ? null
        : {
            fromReplicas: record.input.desired,
            toReplicas: verdict.replicas,
            deadlineMs: record.atMs + record.input.policy.actionTimeoutMs,
          },
  };
}

function logAction(logger: LoopLogger, record: DecisionRecord): void {
  const { verdict } = record.outcome;
  if (verdict.kind === 'hold') return;
  const fields = {
    workload: record.workloadId,
    decision: record.decisionId,
    direction: verdict.direction,
    from: record.input.desired,
    to: verdict.replicas,
    reason: verdict.reason,
  };
  logger.info(fields, 'scaling');
}
