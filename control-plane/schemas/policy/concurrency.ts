/** Knative's autoscaler on concurrency or requests per second, written as a document and back. */

import type { z } from 'zod';
import type { ConcurrencyStrategy } from '../../model/strategy.ts';
import { positive, ratio, type ReadField, strictObject, wholeNumber } from '../document.ts';
import { durationText, parseDuration, renderDuration } from '../duration.ts';
import type { Fault } from '../fault.ts';
import { judged, type StrategyHead, WINDOW_MAX_MS } from './head.ts';
import { REPLICAS_MAX } from './limits.ts';
import { type Path, timestampFaults } from './signal.ts';
import { windowDocumentOf, windowedOf, windowFault, windowFields } from './windows.ts';

export const CONCURRENCY = {
  step: '2s',
  stableWindow: '60s',
  panicThreshold: 2,
  maxScaleUpRate: 1_000,
  maxScaleDownRate: 2,
  activationScale: 1,
  scaleDownDelay: '0s',
  scaleToZeroGrace: '30s',
  targetBurstCapacity: 200,
} as const;

const SECOND_MS = 1_000;
/** The panic window is this part of the stable one when the document does not say. */
const PANIC_PART = 10;
const BURST_MAX = 1_000_000_000;

export const concurrencyDocument = strictObject('a concurrency', {
  ...windowFields(CONCURRENCY.step),
  target: positive().meta({
    description: 'Load that one replica shall carry: 70 % of its limit, say.',
  }),
  capacity: positive().optional().meta({
    description: 'Load that one replica can carry; the target when absent.',
  }),
  stableWindow: durationText(6 * SECOND_MS, WINDOW_MAX_MS).default(CONCURRENCY.stableWindow),
  panicWindow: durationText(SECOND_MS, WINDOW_MAX_MS).optional().meta({
    description: 'Shorter than the stable window; a tenth of it, and 1s at least, when absent.',
  }),
  panicThreshold: ratio(1, 1_000).default(CONCURRENCY.panicThreshold).meta({
    description: 'Panic from so many times what is ready.',
  }),
  maxScaleUpRate: ratio(1, REPLICAS_MAX).default(CONCURRENCY.maxScaleUpRate).meta({
    description: 'At most so many times what is ready; above 1.',
  }),
  maxScaleDownRate: ratio(1, REPLICAS_MAX).default(CONCURRENCY.maxScaleDownRate).meta({
    description: 'At least what is ready ÷ this; above 1.',
  }),
  activationScale: wholeNumber(1, REPLICAS_MAX).default(CONCURRENCY.activationScale).meta({
    description: 'Going above 0 goes at least to this.',
  }),
  scaleDownDelay: durationText(0, WINDOW_MAX_MS).default(CONCURRENCY.scaleDownDelay),
  scaleToZeroGrace: durationText(0, WINDOW_MAX_MS).default(CONCURRENCY.scaleToZeroGrace),
  targetBurstCapacity: wholeNumber(-1, BURST_MAX).default(CONCURRENCY.targetBurstCapacity).meta({
    description: 'Load that shall fit at any time: 0 none, -1 all of it.',
  }),
});

type ConcurrencyDocument = z.output<typeof concurrencyDocument>;

export function concurrencyOf(
  head: StrategyHead,
  document: ConcurrencyDocument,
): ConcurrencyStrategy {
  return {
    kind: 'concurrency',
    ...head,
    ...windowedOf(document),
    target: document.target,
    capacity: document.capacity ?? document.target,
    stableWindowMs: parseDuration(document.stableWindow),
    panicWindowMs: parseDuration(panicWindowOf(document)),
    panicThresholdRatio: document.panicThreshold,
    maxScaleUpRate: document.maxScaleUpRate,
    maxScaleDownRate: document.maxScaleDownRate,
    activationScale: document.activationScale,
    scaleDownDelayMs: parseDuration(document.scaleDownDelay),
    scaleToZeroGraceMs: parseDuration(document.scaleToZeroGrace),
    targetBurstCapacity: document.targetBurstCapacity,
  };
}

export function concurrencyDocumentOf(spec: ConcurrencyStrategy): ConcurrencyDocument {
  return {
    ...windowDocumentOf(spec),
    target: spec.target,
    capacity: spec.capacity,
    stableWindow: renderDuration(spec.stableWindowMs),
    panicWindow: renderDuration(spec.panicWindowMs),
    panicThreshold: spec.panicThresholdRatio,
    maxScaleUpRate: spec.maxScaleUpRate,
    maxScaleDownRate: spec.maxScaleDownRate,
    activationScale: spec.activationScale,
    scaleDownDelay: renderDuration(spec.scaleDownDelayMs),
    scaleToZeroGrace: renderDuration(spec.scaleToZeroGraceMs),
    targetBurstCapacity: spec.targetBurstCapacity,
  };
}

export function concurrencyFaults(read: ReadField, path: Path): readonly Fault[] {
  return [
    ...timestampFaults(read, path),
    ...judged(read, path, concurrencyDocument, (document) => {
      const { stableWindow, step, target, capacity } = document;
      const faults: (readonly [Path, string])[] = [];
      const panicWindow = panicWindowOf(document);
      const stable = windowFault(stableWindow, step);
      if (stable !== null) faults.push([['stableWindow'], stable]);
      const panic = windowFault(panicWindow, step);
      if (stable === null && panic !== null) {
        faults.push([['panicWindow'], `${panicWindow} is ${panic}`]);
      }
      if (parseDuration(panicWindow) >= parseDuration(stableWindow)) {
        const message = `${panicWindow} is not shorter than the stable window ${stableWindow}`;
        faults.push([['panicWindow'], message]);
      }
      for (const rate of ['maxScaleUpRate', 'maxScaleDownRate'] as const) {
        if (document[rate] > 1) continue;
        faults.push([[rate], 'expected a number above 1: with 1 nothing could ever change']);
      }
      if (document.panicThreshold <= 1) {
        const message = 'expected a number above 1: with 1 a steady load would be a panic';
        faults.push([['panicThreshold'], message]);
      }
      if (capacity !== undefined && capacity < target) {
        faults.push([['capacity'], `${capacity} is below the target ${target}`]);
      }
      return faults;
    }),
  ];
}

function panicWindowOf(document: ConcurrencyDocument): string {
  if (document.panicWindow !== undefined) return document.panicWindow;
  const stableMs = parseDuration(document.stableWindow);
  return renderDuration(Math.max(SECOND_MS, Math.round(stableMs / PANIC_PART)));
}
