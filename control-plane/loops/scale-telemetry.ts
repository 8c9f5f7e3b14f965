/**
 * What the scale loop shows of itself: durations per stage, replicas, proposals, ages, decisions by
 * reason, actions by outcome. Reads what the loop hands it and changes nothing.
 */

import type { ActionOutcome } from '../model/command.ts';
import { SCALE_STAGES } from '../model/decision.ts';
import type { DecisionRecord, InFlightAction, Proposal, StageRecord } from '../model/decision.ts';
import { MODES, weakerMode } from '../model/mode.ts';
import type { ScalePolicy } from '../model/policy.ts';
import type { Clock } from '../ports/clock.ts';
import type { PlaneState } from '../state/state.ts';
import type { Series } from '../telemetry/series.ts';
import { actualOf } from './sight.ts';
import type { Sight } from './sight.ts';

export type ScaleStageName = 'observe' | 'verify' | 'decide' | 'commit' | 'act';

export class ScaleTelemetry {
  readonly #series: Series;
  readonly #clock: Clock;
  readonly #known = new Set<string>();
  /** Metrics whose proposals are shown, by workload. */
  readonly #metrics = new Map<string, readonly string[]>();
  /** Takes back what is shown of the last decision for a workload. */
  readonly #shown = new Map<string, () => void>();
  #leads = false;

  constructor(series: Series, clock: Clock) {
    this.#series = series;
    this.#clock = clock;
  }

  get series(): Series {
    return this.#series;
  }

  async stage<T>(stage: ScaleStageName, work: () => Promise<T> | T): Promise<T> {
    const startMs = this.#clock.monotonicMs();
    try {
      return await work();
    } finally {
      const seconds = (this.#clock.monotonicMs() - startMs) / 1_000;
      this.#series.stageDuration.observe({ stage }, seconds);
    }
  }

  /** What the state wants. What is about workloads and policies that have gone goes too. */
  stands(state: PlaneState): void {
    this.#leads = true;
    const series = this.#series;
    this.#introduce(Object.keys(state.workloads));
    series.workloads.set({}, Object.keys(state.workloads).length);
    series.policies.set({}, Object.keys(state.policies).length);
    for (const mode of MODES) series.planeMode.set({ mode }, mode === state.mode ? 1 : 0);
    for (const [workload, entry] of Object.entries(state.workloads)) {
      series.replicasDesired.set({ workload }, entry.desired);
      const effective = weakerMode(state.mode, entry.mode);
      for (const mode of MODES)
        series.workloadMode.set({ workload, mode }, mode === effective ? 1 : 0);
    }
    const inFlight = Object.values(state.workloads).filter((entry) => entry.inFlight !== null);
    series.actionsInFlight.set({}, inFlight.length);
    this.#bounds(Object.values(state.policies).map(({ policy }) => policy));
  }

  /** This member leads no more: the next leader shows what is wanted, and nothing may contradict it. */
  rests(): void {
    if (!this.#leads) return;
    this.#leads = false;
    const series = this.#series;
    series.workloads.set({}, 0);
    series.policies.set({}, 0);
    series.actionsInFlight.set({}, 0);
    for (const mode of MODES) series.planeMode.set({ mode }, 0);
    for (const workload of this.#metrics.keys()) this.#unshown(workload);
    this.#metrics.clear();
    for (const workload of this.#known) {
      this.#unbounded(workload);
      series.replicasDesired.remove({ workload });
      series.replicasReady.remove({ workload });
      series.replicasStarting.remove({ workload });
      for (const mode of MODES) series.workloadMode.remove({ workload, mode });
    }
  }

  seen(state: PlaneState, sight: Sight): void {
    const series = this.#series;
    for (const workload of Object.keys(state.workloads)) {
      const actual = actualOf(sight.replicas.get(workload));
      if (actual.kind === 'unknown') {
        series.replicasReady.remove({ workload });
        series.replicasStarting.remove({ workload });
      } else {
        series.replicasReady.set({ workload }, actual.ready);
        series.replicasStarting.set({ workload }, actual.starting);
      }
    }
  }

  decided(records: readonly DecisionRecord[]): void {
    const series = this.#series;
    for (const { workloadId: workload, outcome, atMs } of records) {
      const { kind, reason } = outcome.verdict;
      series.evaluations.inc({ workload, outcome: kind, reason });
      series.lastEvaluation.set({ workload }, atMs / 1_000);
      const metrics = outcome.proposals.map((proposal) => proposal.metric);
      for (const metric of this.#metrics.get(workload) ?? []) {
        if (!metrics.includes(metric)) this.#unproposed(workload, metric);
      }
      this.#metrics.set(workload, metrics);
      for (const proposal of outcome.proposals) this.#proposed(workload, proposal);
      this.#show(workload, { outcome: kind, reason }, outcome.stages);
    }
  }

  /** Called with the decisions that act, once their targets have been told. */
  acted(records: readonly DecisionRecord[], nowMs: number): void {
    for (const { atMs, outcome } of records) {
      const { reason } = outcome.verdict;
      // A bound holds without any signal: no sample led to it.
      if (reason !== 'above_target' && reason !== 'below_target') continue;
      const deciding = largest(outcome.proposals);
      if (deciding === null) continue;
      const seconds = (nowMs - (atMs - deciding.ageMs)) / 1_000;
      this.#series.sampleToAction.observe({}, Math.max(0, seconds));
    }
  }

  finished(action: InFlightAction, outcome: ActionOutcome, atMs: number): void {
    const direction = action.toReplicas > action.fromReplicas ? 'out' : 'in';
    this.#series.actions.inc({ workload: action.workloadId, direction, outcome });
    const seconds = Math.max(0, atMs - action.startedAtMs) / 1_000;
    this.#series.actionDuration.observe({ outcome }, seconds);
  }

  #proposed(workload: string, proposal: Proposal): void {
    const series = this.#series;
    const labels = { workload, metric: proposal.metric };
    if (proposal.ageMs === null) {
      series.decisionInputAge.remove(labels);
    } else {
      const seconds = proposal.ageMs / 1_000;
      series.decisionInputAge.set(labels, seconds);
      series.decisionInputAgeDistribution.observe({}, Math.max(0, seconds));
    }
    if (proposal.kind === 'replicas') series.proposalReplicas.set(labels, proposal.replicas);
    else series.proposalReplicas.remove(labels);
  }

  /** A gauge that nobody sets any more would show its last value for ever. */
  #unproposed(workload: string, metric: string): void {
    this.#series.decisionInputAge.remove({ workload, metric });
    this.#series.proposalReplicas.remove({ workload, metric });
  }

  #show(
    workload: string,
    verdict: { readonly outcome: string; readonly reason: string },
    stages: readonly StageRecord[],
  ): void {
    this.#shown.get(workload)?.();
    const series = this.#series;
    const decision = { workload, ...verdict };
    const constraints = stages.flatMap(({ stage, reason }) =>
      stage === 'combine' || reason === null ? [] : [{ workload, stage, reason }],
    );
    series.lastDecision.set(decision, 1);
    for (const constraint of constraints) series.decisionConstraint.set(constraint, 1);
    for (const stage of SCALE_STAGES) {
      const found = stages.find((one) => one.stage === stage);
      if (found === undefined) series.decisionStageReplicas.remove({ workload, stage });
      else series.decisionStageReplicas.set({ workload, stage }, found.after);
    }
    this.#shown.set(workload, () => {
      series.lastDecision.remove(decision);
      for (const constraint of constraints) series.decisionConstraint.remove(constraint);
    });
  }

  #unshown(workload: string): void {
    for (const metric of this.#metrics.get(workload) ?? []) this.#unproposed(workload, metric);
    this.#shown.get(workload)?.();
    this.#shown.delete(workload);
    for (const stage of SCALE_STAGES) {
      this.#series.decisionStageReplicas.remove({ workload, stage });
    }
  }

  #undecided(workload: string): void {
    this.#unshown(workload);
    this.#series.lastEvaluation.remove({ workload });
    this.#metrics.delete(workload);
  }

  /** What the policies allow; a workload that lost its policy is bounded and decided for no more. */
  #bounds(policies: readonly ScalePolicy[]): void {
    for (const { workloadId: workload, replicasMin, replicasMax } of policies) {
      this.#series.replicasMin.set({ workload }, replicasMin);
      this.#series.replicasMax.set({ workload }, replicasMax);
    }
    const bounded = new Set(policies.map(({ workloadId }) => workloadId));
    for (const workload of this.#known) if (!bounded.has(workload)) this.#unbounded(workload);
    for (const workload of this.#metrics.keys()) {
      if (!bounded.has(workload)) this.#undecided(workload);
    }
  }

  #unbounded(workload: string): void {
    this.#series.replicasMin.remove({ workload });
    this.#series.replicasMax.remove({ workload });
  }

  #introduce(workloads: readonly string[]): void {
    const present = new Set(workloads);
    for (const workload of present) {
      if (this.#known.has(workload)) continue;
      this.#series.introduceWorkload(workload);
      this.#known.add(workload);
    }
    for (const workload of this.#known) {
      if (present.has(workload)) continue;
      this.#series.forgetWorkload(workload);
      this.#known.delete(workload);
    }
  }
}

function largest(proposals: readonly Proposal[]) {
  let found: Extract<Proposal, { kind: 'replicas' }> | null = null;
  for (const proposal of proposals) {
    if (proposal.kind !== 'replicas') continue;
    if (found === null || proposal.replicas > found.replicas) found = proposal;
  }
  return found;
}
