/**
 * The strategies of nomad-autoscaler, written as documents and back: `target-value`, `pass-through`,
 * `threshold`, `fixed-value`.
 */

import type { z } from 'zod';
import { unreachable } from '../../model/reasons.ts';
import type {
  FixedValueStrategy,
  PassThroughStrategy,
  TargetValueStrategy,
  ThresholdActionSpec,
  ThresholdStrategy,
} from '../../model/strategy.ts';
import { ratio, type ReadField, strictObject, wholeNumber } from '../document.ts';
import { durationText, parseDuration, renderDuration } from '../duration.ts';
import type { Fault } from '../fault.ts';
import {
  judged,
  oneMemberFault,
  type StrategyHead,
  WINDOW_MAX_MS,
  WINDOW_POINTS_MAX,
} from './head.ts';
import { REPLICAS_MAX } from './limits.ts';
import {
  coveredSignalDocumentOf,
  coveredSignalFields,
  coveredSignalOf,
  type Path,
  timestampFaults,
} from './signal.ts';
import { pointsIn, windowDocumentOf, windowedOf, windowFault, windowFields } from './windows.ts';

export const NOMAD = {
  threshold: 0.01,
  window: '1m',
  step: '10s',
  withinBoundsTrigger: 5,
} as const;

const VALUE_MAX = 1e15;

const stepLimits = {
  maxScaleUp: wholeNumber(1, REPLICAS_MAX).optional().meta({
    description: 'At most so many replicas more in one step.',
  }),
  maxScaleDown: wholeNumber(1, REPLICAS_MAX).optional().meta({
    description: 'At most so many replicas fewer in one step.',
  }),
};

export const targetValueDocument = strictObject('a target value', {
  ...coveredSignalFields,
  target: ratio(0, VALUE_MAX).meta({
    description: 'What there is, times value ÷ target; with 0 the value itself is the factor.',
  }),
  threshold: ratio(0, 1).default(NOMAD.threshold).meta({
    description: 'Distance of the factor from 1 in which nothing changes.',
  }),
  ...stepLimits,
});

export const passThroughDocument = strictObject('a pass-through', {
  ...coveredSignalFields,
  ...stepLimits,
});

const actionDocument = strictObject('{ delta }, { percentage } or { value }', {
  delta: wholeNumber(-REPLICAS_MAX, REPLICAS_MAX).optional(),
  percentage: ratio(-100, 1_000_000).optional(),
  value: wholeNumber(0, REPLICAS_MAX).optional(),
}).meta({ description: 'Exactly one of delta, percentage and value.' });

export const thresholdDocument = strictObject('a threshold', {
  ...windowFields(NOMAD.step),
  window: durationText(1_000, WINDOW_MAX_MS).default(NOMAD.window),
  lowerBound: ratio(-VALUE_MAX, VALUE_MAX).optional().meta({
    description: 'Belongs to the band; absent is none.',
  }),
  upperBound: ratio(-VALUE_MAX, VALUE_MAX).optional().meta({
    description: 'Does not belong to the band; absent is none.',
  }),
  withinBoundsTrigger: wholeNumber(1, WINDOW_POINTS_MAX).default(NOMAD.withinBoundsTrigger).meta({
    description: 'So many points must lie in the band.',
  }),
  action: actionDocument,
});

export const fixedValueDocument = strictObject('a fixed value', {
  replicas: wholeNumber(0, REPLICAS_MAX),
});

type TargetValueDocument = z.output<typeof targetValueDocument>;
type PassThroughDocument = z.output<typeof passThroughDocument>;
type ThresholdDocument = z.output<typeof thresholdDocument>;
type ActionDocument = z.output<typeof actionDocument>;
type FixedValueDocument = z.output<typeof fixedValueDocument>;

export function targetValueOf(
  head: StrategyHead,
  document: TargetValueDocument,
): TargetValueStrategy {
  return {
    kind: 'target_value',
    ...head,
    ...coveredSignalOf(document),
    target: document.target,
    thresholdRatio: document.threshold,
    ...limitsOf(document),
  };
}

export function targetValueDocumentOf(spec: TargetValueStrategy): TargetValueDocument {
  return {
    ...coveredSignalDocumentOf(spec),
    target: spec.target,
    threshold: spec.thresholdRatio,
    ...limitsDocumentOf(spec),
  };
}

export function passThroughOf(
  head: StrategyHead,
  document: PassThroughDocument,
): PassThroughStrategy {
  return {
    kind: 'pass_through',
    ...head,
    ...coveredSignalOf(document),
    ...limitsOf(document),
  };
}

export function passThroughDocumentOf(spec: PassThroughStrategy): PassThroughDocument {
  return {
    ...coveredSignalDocumentOf(spec),
    ...limitsDocumentOf(spec),
  };
}

export function thresholdOf(head: StrategyHead, document: ThresholdDocument): ThresholdStrategy {
  return {
    kind: 'threshold',
    ...head,
    ...windowedOf(document),
    windowMs: parseDuration(document.window),
    lowerBound: document.lowerBound ?? null,
    upperBound: document.upperBound ?? null,
    withinBoundsTrigger: document.withinBoundsTrigger,
    action: actionOf(document.action),
  };
}

export function thresholdDocumentOf(spec: ThresholdStrategy): ThresholdDocument {
  const { lowerBound, upperBound } = spec;
  return {
    ...windowDocumentOf(spec),
    window: renderDuration(spec.windowMs),
    ...(lowerBound === null ? {} : { lowerBound }),
    ...(upperBound === null ? {} : { upperBound }),
    withinBoundsTrigger: spec.withinBoundsTrigger,
    action: actionDocumentOf(spec.action),
  };
}

export function thresholdFaults(read: ReadField, path: Path): readonly Fault[] {
  return [
    ...timestampFaults(read, path),
    ...judged(read, path, thresholdDocument, (document) => {
      const { window, step, withinBoundsTrigger: trigger, lowerBound, upperBound } = document;
      const faults: (readonly [Path, string])[] = [];
      const size = windowFault(window, step);
      if (size !== null) faults.push([['window'], size]);
      const points = pointsIn(window, step);
      if (size === null && points < trigger) {
        const message = `${trigger} points can never lie in the band: the window ${window} holds ${points} at a step of ${step}; lower it, or lengthen the window`;
        faults.push([['withinBoundsTrigger'], message]);
      }
      if (lowerBound === undefined && upperBound === undefined) {
        faults.push([['lowerBound'], 'required: expected lowerBound, upperBound or both']);
      }
      if (lowerBound !== undefined && upperBound !== undefined && lowerBound >= upperBound) {
        const message = `lowerBound ${lowerBound} is not below upperBound ${upperBound}, so that nothing lies between them`;
        faults.push([['lowerBound'], message]);
      }
      const action = oneMemberFault(document.action, ['delta', 'percentage', 'value']);
      if (action !== null) faults.push([['action'], action]);
      return faults;
    }),
  ];
}

export function fixedValueOf(head: StrategyHead, document: FixedValueDocument): FixedValueStrategy {
  return { kind: 'fixed_value', ...head, replicas: document.replicas };
}

export function fixedValueDocumentOf({ replicas }: FixedValueStrategy): FixedValueDocument {
  return { replicas };
}

function limitsOf(document: PassThroughDocument) {
  return {
    maxScaleUp: document.maxScaleUp ?? null,
    maxScaleDown: document.maxScaleDown ?? null,
  };
}

function limitsDocumentOf(spec: TargetValueStrategy | PassThroughStrategy) {
  const { maxScaleUp, maxScaleDown } = spec;
  return {
    ...(maxScaleUp === null ? {} : { maxScaleUp }),
    ...(maxScaleDown === null ? {} : { maxScaleDown }),
  };
}

function actionOf({ delta, percentage, value }: ActionDocument): ThresholdActionSpec {
  if (delta !== undefined) return { kind: 'delta', replicas: delta };
  if (percentage !== undefined) return { kind: 'percentage', percent: percentage };
  return { kind: 'value', replicas: value ?? 0 };
}

function actionDocumentOf(action: ThresholdActionSpec): ActionDocument {
  switch (action.kind) {
    case 'delta':
      return { delta: action.replicas };
    case 'percentage':
      return { percentage: action.percent };
    case 'value':
      return { value: action.replicas };
    default:
      return unreachable(action);
  }
}
