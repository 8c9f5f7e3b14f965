/**
 * What the scale loop shows of itself: durations per stage, replicas, proposals, ages, decisions by
 * reason, actions by outcome. Reads what the loop hands it and changes nothing.
 */

import type { ActionOutcome } from '../model/command.ts';
import { SCALE_STAGES } from '../model/decision.ts';
import type { DecisionRecord, InFlightAction, Proposal, StageRecord } from '../model/decision.ts';
import { MODES, weakerMode } from '../model/mode.ts';
import type { Mode } from '../model/mode.ts';
import type { ScalePolicy } from '../model/policy.ts';
import type { Reason } from '../model/reasons.ts';
import type { Clock } from '../ports/clock.ts';
import { valuesOf } from '../state/records.ts';
import type { PlaneState, WorkloadState } from '../state/state.ts';
import type { InputResult } from '../telemetry/scaling-series-table.ts';
import type { Series } from '../telemetry/series.ts';
import { AutoscalingTelemetry } from './autoscaling-telemetry.ts';
import type { Forecasts } from './forecasts.ts';
import { inTurns } from './in-turns.ts';
import { LostSignals } from './lost-signals.ts';
import { actualOf } from './sight.ts';
import type { Sight } from './sight.ts';

export type ScaleStageName = 'observe' | 'verify' | 'decide' | 'commit' | 'act';

export class ScaleTelemetry {
  readonly #series: Series;
  readonly #clock: Clock;
  readonly #known = new Set<string>();
  /** Metrics whose proposals are shown, by workload. */
  readonly #metrics = new Map<string, readonly string[]>();
  /** What is shown of the last decision for a workload. */
  readonly #shown = new Map<string, ShownDecision>();
  /** What of each workload's state is shown. */
  readonly #stood = new Map<string, { readonly entry: WorkloadState; readonly effective: Mode }>();
  /** The policy whose bounds are shown, by workload. */
  readonly #boundedBy = new Map<string, ScalePolicy>();
  readonly #autoscaling: AutoscalingTelemetry;
  readonly #lost: LostSignals;
  #leads = false;

  constructor(series: Series, clock: Clock) {
    this.#series = series;
    this.#clock = clock;
    this.#autoscaling = new AutoscalingTelemetry(series);
    this.#lost = new LostSignals(series);
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
    const workloads = valuesOf(state.workloads);
    const policies = valuesOf(state.policies);
    this.#introduce(workloads.map(({ workload }) => workload.id));
    series.workloads.set({}, workloads.length);
    series.policies.set({}, policies.length);
    for (const mode of MODES) series.planeMode.set({ mode }, mode === state.mode ? 1 : 0);
    let inFlight = 0;
    for (const entry of workloads) {
      if (entry.inFlight !== null) inFlight += 1;
      this.#stand(entry.workload.id, entry, weakerMode(state.mode, entry.mode));
    }
    series.actionsInFlight.set({}, inFlight);
    this.#bounds(policies.map(({ policy }) => policy));
  }

  /** Nothing is written of a workload that is as it was: of most of them, in nearly every tick. */
  #stand(workload: string, entry: WorkloadState, effective: Mode): void {
    const stood = this.#stood.get(workload);
    if (stood?.entry === entry && stood.effective === effective) return;
    this.#stood.set(workload, { entry, effective });
    this.#series.replicasDesired.set({ workload }, entry.desired);
    for (const mode of MODES) {
      this.#series.workloadMode.set({ workload, mode }, mode === effective ? 1 : 0);
    }
  }

  /** This member leads no more: the next leader shows what is wanted, and nothing may contradict it. */
  rests(): void {
    if (!this.#leads) return;
    this.#leads = false;
    this.#autoscaling.rests();
    const series = this.#series;
    series.workloads.set({}, 0);
    series.policies.set({}, 0);
    series.actionsInFlight.set({}, 0);
    for (const mode of MODES) series.planeMode.set({ mode }, 0);
    for (const workload of this.#metrics.keys()) this.#unshown(workload);
    this.#metrics.clear();
    this.#stood.clear();
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
    for (const { workload: found } of valuesOf(state.workloads)) {
      const workload = found.id;
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

  /** Of a large fleet over several turns of the event loop. */
  async decided(records: readonly DecisionRecord[]): Promise<void> {
    const series = this.#series;
    await inTurns(records, ({ workloadId: workload, outcome, atMs }) => {
      const { kind, reason } = outcome.verdict;
      series.evaluations.inc({ workload, outcome: kind, reason });
      series.decisionInputs.inc({ workload, result: inputResultOf(reason) });
      series.lastEvaluation.set({ workload }, atMs / 1_000);
      const metrics = outcome.proposals.map((proposal) => proposal.metric);
      for (const metric of this.#metrics.get(workload) ?? []) {
        if (!metrics.includes(metric)) this.#unproposed(workload, metric);
      }
      this.#metrics.set(workload, metrics);
      for (const proposal of outcome.proposals) this.#proposed(workload, proposal);
      this.#lost.show(workload, outcome.proposals);
      this.#show(workload, { outcome: kind, reason }, outcome.stages);
    });
  }

  /** What goes with the decisions: forecasts, shadows, budgets, what operators did by hand. */
  besides(
    state: PlaneState,
    records: readonly DecisionRecord[],
    nowMs: number,
    forecasts: Pick<Forecasts, 'coverageOf'>,
  ): void {
    this.#autoscaling.show(state, records, nowMs, forecasts);
  }

  /** Called with the decisions that act, once their targets have been told. */
  acted(records: readonly DecisionRecord[], nowMs: number): void {
    for (const { atMs, outcome } of records) {
      const { reason } = outcome.verdict;
      // A bound holds without any signal: no sample led to it.
      if (reason !== 'above_target' && reason !== 'below_target') continue;
      const deciding = largest(outcome.proposals);
      const ageMs = deciding?.ageMs ?? null;
      if (ageMs === null) continue;
      const seconds = (nowMs - (atMs - ageMs)) / 1_000;
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

  /** What is as it was stays: of a fleet at rest next to nothing is written. */
  #show(
    workload: string,
    verdict: { readonly outcome: string; readonly reason: string },
    stages: readonly StageRecord[],
  ): void {
    const series = this.#series;
    const decision = { workload, ...verdict };
    const constraints = stages.flatMap(({ stage, reason }) =>
      stage === 'combine' || reason === null ? [] : [{ workload, stage, reason }],
    );
    if (!sameDecision(this.#shown.get(workload), { decision, constraints })) {
      this.#takeBack(workload);
      series.lastDecision.set(decision, 1);
      for (const constraint of constraints) series.decisionConstraint.set(constraint, 1);
      this.#shown.set(workload, { decision, constraints });
    }
    for (const stage of SCALE_STAGES) {
      const found = stages.find((one) => one.stage === stage);
      if (found === undefined) series.decisionStageReplicas.remove({ workload, stage });
      else series.decisionStageReplicas.set({ workload, stage }, found.after);
    }
  }

  #takeBack(workload: string): void {
    const shown = this.#shown.get(workload);
    if (shown === undefined) return;
    this.#series.lastDecision.remove(shown.decision);
    for (const constraint of shown.constraints) this.#series.decisionConstraint.remove(constraint);
    this.#shown.delete(workload);
  }

  #unshown(workload: string): void {
    for (const metric of this.#metrics.get(workload) ?? []) this.#unproposed(workload, metric);
    this.#takeBack(workload);
    this.#lost.takeBack(workload);
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
    for (const policy of policies) {
      const { workloadId: workload, replicasMin, replicasMax } = policy;
      if (this.#boundedBy.get(workload) === policy) continue;
      this.#boundedBy.set(workload, policy);
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
    this.#boundedBy.delete(workload);
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
      // Where a family was full there is room now, for one that was left out.
      this.#stood.clear();
      this.#boundedBy.clear();
    }
  }
}

interface ShownDecision {
  readonly decision: {
    readonly workload: string;
    readonly outcome: string;
    readonly reason: string;
  };
  readonly constraints: readonly {
    readonly workload: string;
    readonly stage: string;
    readonly reason: string;
  }[];
}

function sameDecision(shown: ShownDecision | undefined, next: ShownDecision): boolean {
  if (shown?.constraints.length !== next.constraints.length) return false;
  const { outcome, reason } = shown.decision;
  if (outcome !== next.decision.outcome || reason !== next.decision.reason) return false;
  return shown.constraints.every((one, at) => {
    const other = next.constraints[at];
    return one.stage === other?.stage && one.reason === other.reason;
  });
}

function inputResultOf(reason: Reason): InputResult {
  const isLost =
    reason.startsWith('signal_') || reason === 'no_replica_ready' || reason === 'actual_unknown';
  return isLost ? 'lost' : 'known';
}

function largest(proposals: readonly Proposal[]) {
  let found: Extract<Proposal, { kind: 'replicas' }> | null = null;
  for (const proposal of proposals) {
    if (proposal.kind !== 'replicas') continue;
    if (found === null || proposal.replicas > found.replicas) found = proposal;
  }
  return found;
}
