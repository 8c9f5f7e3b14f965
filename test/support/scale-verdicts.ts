/** Decisions in one line, and what the tables of the decider's tests are made of. */

import { decideScale } from '../../control-plane/deciders/scale.ts';
import type {
  InFlightAction,
  PolicyMemory,
  Proposal,
  ScaleInput,
} from '../../control-plane/model/decision.ts';
import { NO_MEMORY } from '../../control-plane/model/decision.ts';
import type { ScalePolicy } from '../../control-plane/model/policy.ts';
import type { SignalReason } from '../../control-plane/model/reasons.ts';
import { NOW_MS, policy, scaleInput } from './scale-input.ts';

/** E.g. `out 7 above_target`, `hold 4 at_desired`. */
export function told(overrides: Partial<ScaleInput>): string {
  const { verdict } = decideScale(scaleInput(overrides));
  const way = verdict.kind === 'hold' ? 'hold' : verdict.direction;
  return `${way} ${verdict.replicas} ${verdict.reason}`;
}

/** The same of a policy with one thing otherwise. */
export function toldOf(change: Partial<ScalePolicy>, overrides: Partial<ScaleInput> = {}): string {
  return told({ policy: policy(change), ...overrides });
}

/** So many are wanted, and all of them are ready. */
export function having(count: number): Pick<ScaleInput, 'desired' | 'actual'> {
  return { desired: count, actual: { kind: 'known', ready: count, starting: 0 } };
}

/** Under way to 4. */
export function going(fromReplicas: number): InFlightAction {
  return {
    decisionId: 'd',
    workloadId: 'w',
    fromReplicas,
    toReplicas: 4,
    startedAtMs: NOW_MS - 1_000,
    deadlineMs: NOW_MS + 59_000,
    token: { term: 1, index: 7 },
  };
}

/** Brakes that let everything through, and remember what is given. */
export function remembering(
  memory: Partial<PolicyMemory>,
  overrides: Partial<ScaleInput['brakes']> = {},
): Pick<ScaleInput, 'brakes'> {
  const { brakes } = scaleInput();
  return { brakes: { ...brakes, ...overrides, memory: { ...NO_MEMORY, ...memory } } };
}

/** A proposal as a metric makes it. */
export function asking(
  replicas: number,
  overrides: Partial<Extract<Proposal, { kind: 'replicas' }>> = {},
): Proposal {
  return {
    kind: 'replicas',
    metric: 'load',
    replicas,
    ratio: null,
    ageMs: 5_000,
    withinTolerance: false,
    limited: null,
    ...overrides,
  };
}

export function silent(reason: SignalReason, metric = 'load'): Proposal {
  return { kind: 'none', metric, reason, ageMs: null, detail: 'made by a test' };
}
