/**
 * Target tracking and step scaling as in AWS, written as documents and back. The alarms that both
 * stand on are deciders/strategies/alarm.ts.
 */

import { z } from 'zod';
import type { StepSpec, StepStrategy, TargetTrackingStrategy } from '../../model/strategy.ts';
import {
  list,
  oneOf,
  positive,
  ratio,
  type ReadField,
  strictObject,
  wholeNumber,
} from '../document.ts';
import { durationText, parseDuration, renderDuration } from '../duration.ts';
import type { Fault } from '../fault.ts';
import { judged, type StrategyHead, WINDOW_MAX_MS } from './head.ts';
import { REPLICAS_MAX, STEPS_MAX } from './limits.ts';
import {
  coveredSignalDocumentOf,
  coveredSignalFields,
  coveredSignalOf,
  type Path,
  timestampFaults,
} from './signal.ts';

export const TRACKING = { scaleIn: 0.9, outPeriods: 3, inPeriods: 15, period: '60s' } as const;

const SECOND_MS = 1_000;
const PERIODS_MAX = 1_440;
const VALUE_MAX = 1e15;

const periodField = durationText(SECOND_MS, WINDOW_MAX_MS).default(TRACKING.period);

export const targetTrackingDocument = strictObject('a target tracking', {
  ...coveredSignalFields,
  target: positive().meta({ description: 'Mean per replica.' }),
  scaleIn: ratio(0, 1).default(TRACKING.scaleIn).meta({
    description: 'Below this share of the target it is time to go in.',
  }),
  outPeriods: wholeNumber(1, PERIODS_MAX).default(TRACKING.outPeriods),
  inPeriods: wholeNumber(1, PERIODS_MAX).default(TRACKING.inPeriods),
  period: periodField,
  disableScaleIn: z
    .boolean({ error: 'expected true or false' })
    .default(false)
    .meta({ description: 'The strategy only ever adds.' }),
});

const stepDocument = strictObject('a step', {
  lower: ratio(-VALUE_MAX, VALUE_MAX).optional().meta({
    description: 'Distance from the bound, value − bound; absent is without end.',
  }),
  upper: ratio(-VALUE_MAX, VALUE_MAX).optional(),
  adjustment: ratio(-1_000_000, 1_000_000).meta({
    description: 'Replicas, percent of them, or the number itself, as `adjust` says.',
  }),
});

export const stepStrategyDocument = strictObject('a step scaling', {
  ...coveredSignalFields,
  side: oneOf(['above', 'below']).meta({ description: 'On which side of the bound the alarm is.' }),
  bound: ratio(-VALUE_MAX, VALUE_MAX).meta({ description: 'Of the alarm; itself not beyond.' }),
  periods: wholeNumber(1, PERIODS_MAX).default(1).meta({
    description: 'Periods in a row that must be beyond the bound.',
  }),
  period: periodField,
  adjust: oneOf(['change', 'percent', 'exact']),
  minAdjustment: wholeNumber(0, REPLICAS_MAX).default(0).meta({
    description: 'At least so many replicas change with percent.',
  }),
  steps: list(`1 to ${STEPS_MAX} steps`, stepDocument, 1, STEPS_MAX),
});

type TargetTrackingDocument = z.output<typeof targetTrackingDocument>;
type StepStrategyDocument = z.output<typeof stepStrategyDocument>;
type StepDocument = z.output<typeof stepDocument>;

export function targetTrackingOf(
  head: StrategyHead,
  document: TargetTrackingDocument,
): TargetTrackingStrategy {
  return {
    kind: 'target_tracking',
    ...head,
    ...coveredSignalOf(document),
    target: document.target,
    scaleInRatio: document.scaleIn,
    outPeriods: document.outPeriods,
    inPeriods: document.inPeriods,
    periodMs: parseDuration(document.period),
    disableScaleIn: document.disableScaleIn,
  };
}

export function targetTrackingDocumentOf(spec: TargetTrackingStrategy): TargetTrackingDocument {
  return {
    ...coveredSignalDocumentOf(spec),
    target: spec.target,
    scaleIn: spec.scaleInRatio,
    outPeriods: spec.outPeriods,
    inPeriods: spec.inPeriods,
    period: renderDuration(spec.periodMs),
    disableScaleIn: spec.disableScaleIn,
  };
}

export function stepOf(head: StrategyHead, document: StepStrategyDocument): StepStrategy {
  return {
    kind: 'step',
    ...head,
    ...coveredSignalOf(document),
    side: document.side,
    bound: document.bound,
    periods: document.periods,
    periodMs: parseDuration(document.period),
    adjustmentKind: document.adjust,
    minAdjustmentReplicas: document.minAdjustment,
    steps: document.steps.map(({ lower, upper, adjustment }) => ({
      lower: lower ?? null,
      upper: upper ?? null,
      adjustment,
    })),
  };
}

export function stepDocumentOf(spec: StepStrategy): StepStrategyDocument {
  return {
    ...coveredSignalDocumentOf(spec),
    side: spec.side,
    bound: spec.bound,
    periods: spec.periods,
    period: renderDuration(spec.periodMs),
    adjust: spec.adjustmentKind,
    minAdjustment: spec.minAdjustmentReplicas,
    steps: spec.steps.map(oneStepDocumentOf),
  };
}

export function stepFaults(read: ReadField, path: Path): readonly Fault[] {
  return [
    ...timestampFaults(read, path),
    ...judged(read, path, stepStrategyDocument, (document) => {
      const { adjust, minAdjustment, steps } = document;
      const faults: (readonly [Path, string])[] = [...intervalFaults(steps)];
      for (const [index, { adjustment }] of steps.entries()) {
        const message = adjustmentFault(adjust, adjustment);
        if (message !== null) faults.push([['steps', index, 'adjustment'], message]);
      }
      if (minAdjustment > 0 && adjust !== 'percent') {
        const message = `only with adjust: percent; here it is ${adjust}`;
        faults.push([['minAdjustment'], message]);
      }
      return faults;
    }),
  ];
}

function oneStepDocumentOf({ lower, upper, adjustment }: StepSpec): StepDocument {
  return {
    ...(lower === null ? {} : { lower }),
    ...(upper === null ? {} : { upper }),
    adjustment,
  };
}

function adjustmentFault(adjust: StepStrategyDocument['adjust'], value: number): string | null {
  if (adjust === 'percent' || Number.isInteger(value)) {
    return adjust === 'exact' && value < 0 ? `expected 0 or more replicas; got ${value}` : null;
  }
  return `expected a whole number of replicas; got ${value}`;
}

/** The steps must follow one another, so that each distance has at most one and none is skipped. */
function intervalFaults(steps: readonly StepDocument[]): readonly (readonly [Path, string])[] {
  const faults: (readonly [Path, string])[] = [];
  for (const [index, { lower, upper }] of steps.entries()) {
    const next = steps[index + 1];
    if (lower !== undefined && upper !== undefined && lower >= upper) {
      faults.push([['steps', index], `lower ${lower} is not below upper ${upper}`]);
    }
    if (index > 0 && lower === undefined) {
      const message =
        'required: only the first step may be without lower; write them in rising order';
      faults.push([['steps', index, 'lower'], message]);
    }
    if (next === undefined || next.lower === undefined) continue;
    if (upper === undefined) {
      const message = 'required: only the last step may be without upper';
      faults.push([['steps', index, 'upper'], message]);
    } else if (next.lower !== upper) {
      const what = next.lower > upper ? 'leaves a gap after' : 'overlaps';
      const message = `${next.lower} ${what} the step before, which ends at ${upper}; write ${upper}`;
      faults.push([['steps', index + 1, 'lower'], message]);
    }
  }
  return faults;
}
