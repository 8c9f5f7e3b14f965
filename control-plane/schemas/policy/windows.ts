/** Strategies that read points over a window: what their documents have in common, and its limits. */

import type { SignalQuery } from '../../model/signal.ts';
import { ratio } from '../document.ts';
import { durationText, parseDuration, renderDuration } from '../duration.ts';
import { WINDOW_MAX_MS, WINDOW_POINTS_MAX } from './head.ts';
import { signalDocumentOf, signalFields, signalOf } from './signal.ts';

const SECOND_MS = 1_000;

/** Share of a window's points that may be missing when the policy does not say. */
export const GAP_RATIO_MAX = 0.1;

export function windowFields(step: string) {
  return {
    ...signalFields,
    step: durationText(SECOND_MS, WINDOW_MAX_MS).default(step).meta({
      description: 'Distance of the points that are read.',
    }),
    gapMax: ratio(0, 1).default(GAP_RATIO_MAX).meta({
      description:
        'Share of the points that may be missing or not a number; they are left out. With more the strategy proposes nothing.',
    }),
  };
}

interface WindowDocument {
  readonly query: string;
  readonly timestampQuery?: string | undefined;
  readonly step: string;
  readonly gapMax: number;
}

interface Windowed extends SignalQuery {
  readonly stepMs: number;
  readonly gapRatioMax: number;
}

export function windowedOf(document: WindowDocument): Windowed {
  return {
    ...signalOf(document),
    stepMs: parseDuration(document.step),
    gapRatioMax: document.gapMax,
  };
}

export function windowDocumentOf(spec: Windowed) {
  return {
    ...signalDocumentOf(spec),
    step: renderDuration(spec.stepMs),
    gapMax: spec.gapRatioMax,
  };
}

/** Points that a window holds for sure. */
export function pointsIn(window: string, step: string): number {
  return Math.floor(parseDuration(window) / parseDuration(step));
}

/** Why a window cannot be read at the distance; null when it can. */
export function windowFault(window: string, step: string): string | null {
  const points = pointsIn(window, step);
  if (points < 1) return `shorter than the step ${step}, so that it holds no point`;
  if (points <= WINDOW_POINTS_MAX) return null;
  return `holds ${points} points at a step of ${step}; at most ${WINDOW_POINTS_MAX} are read, so shorten it or raise the step`;
}
