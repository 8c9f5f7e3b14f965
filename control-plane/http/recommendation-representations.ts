/** How vertical recommendations are answered: the schema that documents them, and the rendering. */

import { z } from 'zod';
import { unreachable } from '../model/reasons.ts';
import {
  VERTICAL_ADVICE,
  VERTICAL_REASONS,
  VERTICAL_RESOURCES,
  VERTICAL_STAGES,
} from '../model/vertical.ts';
import type { VerticalRecommendation, VerticalReport } from '../model/vertical.ts';

const amount = (description: string) =>
  z.number().meta({ description: `${description} In cores of CPU or bytes of memory.` });

const evidence = z
  .strictObject({
    samples: z.int().meta({ description: 'Values that were looked at, of all replicas together.' }),
    samplesRefused: z.int().meta({ description: 'Values that were NaN, infinite or negative.' }),
    replicas: z.int().meta({ description: 'Replicas seen, those that are gone included.' }),
    spanMs: z.number().meta({ description: 'From the first to the last sample.' }),
    observedMs: z.number().meta({ description: 'For how long of it any replica was seen.' }),
    coverageRatio: z.number().meta({
      description: 'Seen share of the replicas’ lives, from each one’s first to its last sample.',
    }),
    gaps: z.int().meta({ description: 'Runs of missing samples within those lives.' }),
    longestGapMs: z.number(),
    oomKills: z.int().nullable().meta({
      description:
        'Kills for want of memory; null when the policy does not say how they are known.',
    }),
    lastSampleAtMs: z.number().nullable().meta({ description: 'UNIX time in ms.' }),
  })
  .meta({ id: 'RecommendationEvidence', description: 'What a recommendation rests on.' });

const recommendation = z
  .strictObject({
    resource: z.enum(VERTICAL_RESOURCES),
    status: z.enum(['recommended', 'withheld']).meta({
      description: '`withheld`: there is no number, and `reason` says why. None is made up.',
    }),
    reason: z.enum(VERTICAL_REASONS).nullable(),
    text: z.string().meta({ description: 'What to do and why, or what is missing, in words.' }),
    advice: z.enum(VERTICAL_ADVICE).nullable().meta({
      description:
        'What to do with what a replica is given now; `set` when that is not known. `keep` between the bounds.',
    }),
    target: amount('What a replica should be given.').nullable(),
    lowerBound: amount('Less is certainly too little.').nullable(),
    upperBound: amount(
      'More is certainly too much; far off while the history is short.',
    ).nullable(),
    uncappedTarget: amount('The target before bounds, slices and the device.').nullable(),
    peak: amount('The highest value of one replica.').nullable(),
    current: amount('What a replica is given now.').nullable(),
    changePercent: z.number().nullable().meta({ description: 'From current to target.' }),
    steps: z
      .array(
        z.strictObject({
          stage: z.enum(VERTICAL_STAGES),
          before: z.number(),
          after: z.number(),
        }),
      )
      .meta({ description: 'The stages that changed the target, in their order.' }),
    evidence,
  })
  .meta({ id: 'Recommendation' });

export const recommendationsView = z
  .strictObject({
    workload: z.string(),
    policy: z.string().nullable().meta({ description: 'Null when the workload has none.' }),
    policyVersion: z.int().nullable(),
    computedAtMs: z.number().nullable().meta({
      description: 'UNIX time in ms; an answer is given again for up to a minute.',
    }),
    ageMs: z.number().nullable().meta({ description: 'How old the answer is.' }),
    startMs: z
      .number()
      .nullable()
      .meta({ description: 'From when usage was looked at, excluded.' }),
    endMs: z.number().nullable().meta({ description: 'Until when, included.' }),
    stepMs: z.number().nullable(),
    recommendations: z.array(recommendation).meta({
      description: 'In the order of the policy; empty when no policy asks for any.',
    }),
  })
  .meta({ id: 'Recommendations' });

type View = z.input<typeof recommendationsView>;

export function renderReport(workloadId: string, report: VerticalReport, nowMs: number): View {
  const { policyId, policyVersion, computedAtMs, startMs, endMs, stepMs } = report;
  return {
    workload: workloadId,
    policy: policyId,
    policyVersion,
    computedAtMs,
    ageMs: Math.max(0, nowMs - computedAtMs),
    startMs,
    endMs,
    stepMs,
    recommendations: report.recommendations.map(renderRecommendation),
  };
}

/** Of a workload that nobody asks recommendations for. */
export function renderUnasked(workloadId: string, policyId: string | null): View {
  return {
    workload: workloadId,
    policy: policyId,
    policyVersion: null,
    computedAtMs: null,
    ageMs: null,
    startMs: null,
    endMs: null,
    stepMs: null,
    recommendations: [],
  };
}

function renderRecommendation(one: VerticalRecommendation): z.input<typeof recommendation> {
  switch (one.kind) {
    case 'recommended': {
      const { kind: status, steps, evidence: found, ...rest } = one;
      return { ...rest, status, reason: null, steps: [...steps], evidence: { ...found } };
    }
    case 'withheld': {
      const { kind: status, resource, reason, detail: text, current, evidence: found } = one;
      return { ...NO_NUMBERS, resource, status, reason, text, current, evidence: { ...found } };
    }
    default:
      return unreachable(one);
  }
}

const NO_NUMBERS = {
  advice: null,
  target: null,
  lowerBound: null,
  upperBound: null,
  uncappedTarget: null,
  peak: null,
  changePercent: null,
  steps: [],
};
