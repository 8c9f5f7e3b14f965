/**
 * The control plane in a backtest: one workload, one policy, and the state machine of the cluster. Each
 * tick verifies what is in flight, builds the decider's input as the scale loop does, decides with the
 * live decider and has the state remember it through the same rules that apply a committed entry. It
 * decides nothing of its own; loops/decision-input.ts and loops/tick-decisions.ts are what it must
 * stay equal to.
 */

import { decideScale } from '../deciders/scale.ts';
import type { DecisionEntry } from '../model/command.ts';
import { NO_BRAKES, decisionIdOf } from '../model/decision.ts';
import type { FencingToken, ScaleInput, ScaleOutcome } from '../model/decision.ts';
import type { ForecastInput } from '../model/forecast.ts';
import type { ReplicaFact } from '../model/observation.ts';
import type { ScalePolicy } from '../model/policy.ts';
import type { ActiveSchedule } from '../model/schedule.ts';
import type { Workload } from '../model/workload.ts';
import { applyCommand } from '../state/apply.ts';
import { finishAction, recordDecisions } from '../state/decisions.ts';
import { FORMAT_MAX } from '../state/format.ts';
import type { Outcome } from '../state/outcome.ts';
import { INITIAL_STATE } from '../state/state.ts';
import type { PlaneState, WorkloadState } from '../state/state.ts';
import type { Sensed } from './sensors.ts';

/** What one tick is told beside the state. */
export interface Tick {
  readonly nowMs: number;
  readonly ready: number;
  readonly starting: number;
  readonly sensed: Sensed;
  /** Each replica; null unless the policy looks at them. */
  readonly replicas: readonly ReplicaFact[] | null;
  /** The policy's schedules in force now. */
  readonly schedules: readonly ActiveSchedule[];
  /** Null when the policy asks for none. */
  readonly forecast: ForecastInput | null;
}

export class LivePlane {
  readonly #policy: ScalePolicy;
  #state: PlaneState;
  #index = 0;

  constructor(policy: ScalePolicy, replicasInitial: number) {
    this.#policy = withoutBudgets(policy);
    this.#state = stateOf(this.#policy, replicasInitial, this.#token());
  }

  /** Replicas wanted by the last decision. */
  get desired(): number {
    return this.#entry().desired;
  }

  /** One tick: verify, decide, remember. */
  tick(tick: Tick): { readonly input: ScaleInput; readonly outcome: ScaleOutcome } {
    this.#verify(tick);
    const input = inputOf(this.#state, this.#entry(), this.#policy, tick);
    const outcome = decideScale(input);
    const entries = [entryOf(input, outcome)];
    const key = `tick/${tick.nowMs}`;
    const command = { kind: 'record_decisions' as const, key, atMs: tick.nowMs, entries };
    this.#state = appliedTo(recordDecisions(this.#state, this.#token(), command));
    return { input, outcome };
  }

  /** A leader without a log: knows the number of replicas, and nothing of what was decided. */
  forget(ready: number, starting: number): void {
    this.#state = stateOf(this.#policy, ready + starting, this.#token());
  }

  /** As loops/verification.ts: verified when all that is wanted is there and nothing starts. */
  #verify({ nowMs, ready, starting }: Tick): void {
    const action = this.#entry().inFlight;
    if (action === null) return;
    const verified = ready === action.toReplicas && starting === 0;
    if (!verified && nowMs < action.deadlineMs) return;
    const { workloadId, decisionId } = action;
    const outcome = verified ? 'verified' : 'failed';
    const about = { workloadId, decisionId, outcome, readyReplicas: ready } as const;
    const command = { kind: 'finish_action', key: `finish/${decisionId}`, atMs: nowMs } as const;
    this.#state = appliedTo(finishAction(this.#state, this.#token(), { ...command, ...about }));
  }

  #entry(): WorkloadState {
    const entry = this.#state.workloads[this.#policy.workloadId];
    if (entry === undefined) throw new Error('the workload of the backtest is gone');
    return entry;
  }

  #token(): FencingToken {
    this.#index += 1;
    return { term: 1, index: this.#index };
  }
}

/** What the other workloads take of a budget is not simulated, so that nothing is known of it. */
function withoutBudgets(policy: ScalePolicy): ScalePolicy {
  if (policy.budgets === undefined) return policy;
  return { ...policy, budgets: [] };
}

/** Everything that the decider reads, as the scale loop puts it together. */
function inputOf(
  state: PlaneState,
  entry: WorkloadState,
  policy: ScalePolicy,
  tick: Tick,
): ScaleInput {
  const { nowMs, ready, starting, sensed, replicas, schedules, forecast } = tick;
  return {
    nowMs,
    policy,
    mode: 'act',
    desired: entry.desired,
    actual: { kind: 'known', ready, starting },
    observations: sensed.observations,
    brakes: state.brakes[policy.id] ?? NO_BRAKES,
    inFlight: entry.inFlight,
    ...(sensed.readings !== undefined && { readings: sensed.readings }),
    ...(replicas !== null && { replicas }),
    ...(policy.schedules !== undefined && { schedules }),
    ...(forecast !== null && { forecast }),
  };
}

/** What the state is told of a decision, as the scale loop tells it. */
function entryOf(
  input: ScaleInput,
  { verdict, recommendation, memory }: ScaleOutcome,
): DecisionEntry {
  const { nowMs, policy, desired, inFlight } = input;
  return {
    decisionId: decisionIdOf(nowMs, policy.workloadId),
    workloadId: policy.workloadId,
    policyId: policy.id,
    recommendation,
    action:
      verdict.kind === 'hold'
        ? null
        : {
            fromReplicas: desired,
            toReplicas: verdict.replicas,
            deadlineMs: nowMs + policy.actionTimeoutMs,
            ...(inFlight !== null && { supersedes: inFlight.decisionId }),
          },
    ...(memory !== undefined && { memory }),
  };
}

/** A cluster in which everything that this program can do is in force. */
function stateOf(policy: ScalePolicy, replicasInitial: number, token: FencingToken): PlaneState {
  const state: PlaneState = { ...INITIAL_STATE, formatVersion: FORMAT_MAX };
  const workload = workloadOf(policy, replicasInitial);
  const head = { atMs: 0, expectedVersion: null };
  const put = { ...head, kind: 'put_workload', key: 'workload', source: 'api' } as const;
  const withWorkload = applied(applyCommand(state, token, { ...put, workload }));
  return applied(
    applyCommand(withWorkload, token, { ...head, kind: 'put_policy', key: 'policy', policy }),
  );
}

function applied({ state, result }: ReturnType<typeof applyCommand>): PlaneState {
  if (result.kind === 'applied') return state;
  throw new Error(`the state machine refused to begin the backtest: ${result.detail}`);
}

/** Never told anything: the plant stands for its target. */
function workloadOf({ workloadId }: ScalePolicy, replicasInitial: number): Workload {
  return {
    id: workloadId,
    description: '',
    capability: 'backtest',
    labels: {},
    mode: 'act',
    replicasInitial,
    target: {
      kind: 'local_process',
      command: [],
      environment: {},
      readinessPath: '/',
      metricsPath: '/',
      startTimeoutMs: 0,
      stopGraceMs: 0,
    },
  };
}

function appliedTo(outcome: Outcome): PlaneState {
  if (outcome.kind === 'applied') return outcome.state;
  throw new Error(`the state machine refused a step of the backtest: ${outcome.detail}`);
}
