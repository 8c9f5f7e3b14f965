/**
 * The part of the table of series that is about scaling: decisions and what they read, actions,
 * workloads, and the record of decisions. Gauges of workloads are the leader's: a member that leads no
 * more takes them back, so that nothing contradicts the next one.
 */

import { SCALE_STAGES } from '../model/decision.ts';
import { MODES } from '../model/mode.ts';
import { REASONS } from '../model/reasons.ts';
import { autoscalingSeries } from './autoscaling-series-table.ts';
import type { SeriesMaker } from './instruments.ts';

const AGE_SECONDS = [1, 2, 5, 10, 15, 30, 45, 60, 120, 300, 600, 1800];
const ACTION_SECONDS = [0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600];
const REQUEST_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export const INPUT_RESULTS = ['known', 'lost'] as const;
export type InputResult = (typeof INPUT_RESULTS)[number];

export function scalingSeries(make: SeriesMaker) {
  return {
    ...decisionSeries(make),
    ...actionSeries(make),
    ...workloadSeries(make),
    ...decisionStoreSeries(make),
    ...autoscalingSeries(make),
  };
}

function decisionSeries(make: SeriesMaker) {
  return {
    evaluations: make.counter({
      name: 'omnimind_evaluations_total',
      help: 'Decisions made, by whether they act and why.',
      labels: ['workload', 'outcome', 'reason'],
      capFactor: REASONS.length,
    }),
    decisionInputs: make.counter({
      name: 'omnimind_decision_inputs_total',
      help: 'Decisions by whether what they need could be known: lost are those that hold because a signal, or how many replicas there are, could not.',
      labels: ['workload', 'result'],
      capFactor: INPUT_RESULTS.length,
    }),
    lastEvaluation: make.gauge({
      name: 'omnimind_last_evaluation_timestamp_seconds',
      help: 'UNIX time of the last decision for a workload.',
      labels: ['workload'],
    }),
    decisionInputAge: make.gauge({
      name: 'omnimind_decision_input_age_seconds',
      help: 'Age of the oldest sample under a signal when the last decision read it.',
      labels: ['workload', 'metric'],
      capFactor: 4,
    }),
    decisionInputAgeDistribution: make.histogram({
      name: 'omnimind_decision_input_age_distribution_seconds',
      help: 'Ages of the oldest samples under the signals that decisions read.',
      labels: [],
      buckets: AGE_SECONDS,
    }),
    sampleToAction: make.histogram({
      name: 'omnimind_sample_to_action_seconds',
      help: 'From the newest sample of the deciding signal to the target being told.',
      labels: [],
      buckets: ACTION_SECONDS,
      exemplars: true,
    }),
    proposalReplicas: make.gauge({
      name: 'omnimind_proposal_replicas',
      help: 'Replicas that one metric of the policy asks for; absent when the signal cannot be used.',
      labels: ['workload', 'metric'],
      capFactor: 4,
    }),
    signalLost: make.gauge({
      name: 'omnimind_signal_lost_info',
      help: 'Always 1; one per signal that the last decision could not use, or only in part, with the reason.',
      labels: ['workload', 'metric', 'reason'],
      capFactor: 4,
    }),
    lastDecision: make.gauge({
      name: 'omnimind_last_decision_info',
      help: 'Always 1; whether the last decision for a workload acts or holds, and why, are the labels.',
      labels: ['workload', 'outcome', 'reason'],
    }),
    decisionStageReplicas: make.gauge({
      name: 'omnimind_decision_stage_replicas',
      help: 'Replicas that the last decision had arrived at after each of its stages.',
      labels: ['workload', 'stage'],
      capFactor: SCALE_STAGES.length,
    }),
    decisionConstraint: make.gauge({
      name: 'omnimind_decision_constraint_info',
      help: 'Always 1; one per stage behind the proposals that changed or kept the number, with its reason.',
      labels: ['workload', 'stage', 'reason'],
      capFactor: SCALE_STAGES.length,
    }),
  };
}

function actionSeries(make: SeriesMaker) {
  return {
    actions: make.counter({
      name: 'omnimind_actions_total',
      help: 'Scaling actions that ended, by direction and outcome.',
      labels: ['workload', 'direction', 'outcome'],
      capFactor: 4,
    }),
    actionDuration: make.histogram({
      name: 'omnimind_action_duration_seconds',
      help: 'From the commit of a scaling action to its end.',
      labels: ['outcome'],
      buckets: ACTION_SECONDS,
      known: [{ outcome: 'verified' }, { outcome: 'failed' }],
    }),
    actionsInFlight: make.gauge({
      name: 'omnimind_actions_in_flight',
      help: 'Scaling actions that are committed and not verified yet.',
      labels: [],
    }),
  };
}

function workloadSeries(make: SeriesMaker) {
  return {
    replicasDesired: make.gauge({
      name: 'omnimind_replicas_desired',
      help: 'Replicas wanted by the last committed decision.',
      labels: ['workload'],
    }),
    replicasReady: make.gauge({
      name: 'omnimind_replicas_ready',
      help: 'Replicas that serve, as last observed.',
      labels: ['workload'],
    }),
    replicasStarting: make.gauge({
      name: 'omnimind_replicas_starting',
      help: 'Replicas that were started and do not serve yet, as last observed.',
      labels: ['workload'],
    }),
    replicasMin: make.gauge({
      name: 'omnimind_replicas_min',
      help: 'Fewest replicas that the policy of a workload allows.',
      labels: ['workload'],
    }),
    replicasMax: make.gauge({
      name: 'omnimind_replicas_max',
      help: 'Most replicas that the policy of a workload allows.',
      labels: ['workload'],
    }),
    workloadMode: make.gauge({
      name: 'omnimind_workload_mode',
      help: 'One per workload and mode: 1 for the mode that it is in, 0 for the others.',
      labels: ['workload', 'mode'],
      capFactor: MODES.length,
    }),
    planeMode: make.gauge({
      name: 'omnimind_plane_mode',
      help: 'One per mode: 1 for the mode that the whole plane is in, 0 for the others.',
      labels: ['mode'],
      known: MODES.map((mode) => ({ mode })),
    }),
    workloads: make.gauge({
      name: 'omnimind_workloads',
      help: 'Workloads in the state.',
      labels: [],
    }),
    policies: make.gauge({
      name: 'omnimind_policies',
      help: 'Policies in the state.',
      labels: [],
    }),
  };
}

function decisionStoreSeries(make: SeriesMaker) {
  return {
    decisionStoreConnected: make.gauge({
      name: 'omnimind_decision_store_connected',
      help: '1 while the database of the decision record answers.',
      labels: [],
    }),
    decisionStoreBuffered: make.gauge({
      name: 'omnimind_decision_store_buffered',
      help: 'Decision records that wait on disk for the database.',
      labels: [],
    }),
    decisionStoreDropped: make.counter({
      name: 'omnimind_decision_store_dropped_total',
      help: 'Decision records given up because the spool reached its bound.',
      labels: [],
    }),
    decisionStoreSpoolBytes: make.gauge({
      name: 'omnimind_decision_store_spool_bytes',
      help: 'Bytes that the spool of decision records takes on disk.',
      labels: [],
    }),
    decisionStoreSpoolLimit: make.gauge({
      name: 'omnimind_decision_store_spool_limit_bytes',
      help: 'Bytes that the spool may take before records are given up.',
      labels: [],
    }),
    decisionStoreBatches: make.counter({
      name: 'omnimind_decision_store_batches_total',
      help: 'Exchanges of the writer with the database, by outcome: a batch of records, or a look at an idle one.',
      labels: ['outcome'],
      known: [{ outcome: 'ok' }, { outcome: 'failed' }],
    }),
    decisionStoreBatchDuration: make.histogram({
      name: 'omnimind_decision_store_batch_duration_seconds',
      help: 'Duration of those exchanges, the wait for a connection included.',
      labels: [],
      buckets: REQUEST_SECONDS,
      known: [{}],
    }),
  };
}
