/** How an SLO and what is known of it is answered: the schema that documents it, and the rendering. */

import { z } from 'zod';
import { unreachable } from '../model/reasons.ts';
import { SIGNAL_REASONS } from '../model/reasons.ts';
import { budgetMinutes, SLO_SCOPES } from '../model/slo.ts';
import type { SloMeasurement, SloReport } from '../model/slo.ts';

const DATA_STATUSES = ['available', 'not_recorded', 'unavailable'] as const;

const nullable = (description: string) => z.number().nullable().meta({ description });

const measurement = z
  .strictObject({
    labels: z.record(z.string(), z.string()).meta({
      description: 'What the budget is kept apart by; empty for an SLO with one budget.',
      examples: [{ workload: 'demo-inference' }],
    }),
    windows: z.array(
      z.strictObject({
        window: z.string().meta({ examples: ['1h'] }),
        errorRatio: nullable('Share of the events that were bad; null when there was no event.'),
        burnRate: nullable('Times the pace at which the budget lasts exactly its window.'),
      }),
    ),
    budgetRemainingRatio: nullable(
      'Share of the whole window’s budget that is left; negative when overspent. A part of the window with recordings counts for what it is.',
    ),
    budgetRemainingMinutes: nullable(
      'The same as minutes in which everything may fail, at the traffic of the window.',
    ),
    coverageRatio: nullable('Share of the window for which there are recordings at all.'),
    recordedAtMs: nullable('UNIX time in ms of the newest recording; null when none is recent.'),
    dataAgeMs: nullable('How old that was when it was read.'),
  })
  .meta({ id: 'SloMeasurement' });

export const sloView = z
  .strictObject({
    id: z.string(),
    description: z.string(),
    owner: z.string(),
    scope: z.enum(SLO_SCOPES),
    objective: z.number().meta({ description: 'Share of the events that shall be good.' }),
    window: z.string().meta({ examples: ['30d'] }),
    budgetMinutes: z.number().meta({ description: 'Minutes of full outage in the whole budget.' }),
    indicator: z.strictObject({
      kind: z.enum(['good', 'bad']).meta({ description: 'What `events` counts.' }),
      events: z.string().meta({ description: 'PromQL over `$window`.' }),
      total: z.string().meta({ description: 'PromQL over `$window`.' }),
    }),
    labels: z.array(z.string()),
    eventsMin: z.int().meta({ description: 'Alerts stay silent on fewer events.' }),
    dashboard: z.string().meta({ description: 'uid in Grafana.' }),
    runbook: z.string().meta({ description: 'Heading in alerts/runbook.md.' }),
    asOfMs: z.number().meta({ description: 'UNIX time in ms that the recordings were read for.' }),
    data: z
      .strictObject({
        status: z.enum(DATA_STATUSES),
        reason: z.enum(SIGNAL_REASONS).nullable(),
        detail: z.string().nullable(),
      })
      .meta({
        id: 'SloData',
        description:
          'Whether there are numbers, and why not: `unavailable` when the metrics source could not be read, `not_recorded` when it has none.',
      }),
    measurements: z.array(measurement).meta({
      description: 'One per set of labels; empty without data. A number is never made up.',
    }),
    measurementsOmitted: z.int().min(0),
  })
  .meta({ id: 'Slo' });

export function renderSlo({ slo, atMs, data }: SloReport): z.input<typeof sloView> {
  const minutes = budgetMinutes(slo);
  const measurements = data.kind === 'available' ? data.measurements : [];
  return {
    ...slo,
    labels: [...slo.labels],
    budgetMinutes: minutes,
    asOfMs: atMs,
    data: renderData(data),
    measurements: measurements.map((one) => renderMeasurement(one, minutes, atMs)),
    measurementsOmitted: data.kind === 'available' ? data.omitted : 0,
  };
}

function renderData(data: SloReport['data']): z.input<typeof sloView>['data'] {
  switch (data.kind) {
    case 'available':
      return { status: data.kind, reason: null, detail: null };
    case 'not_recorded':
      return { status: data.kind, reason: null, detail: data.detail };
    case 'unavailable':
      return { status: data.kind, reason: data.reason, detail: data.detail };
    default:
      return unreachable(data);
  }
}

function renderMeasurement(
  one: SloMeasurement,
  minutes: number,
  atMs: number,
): z.input<typeof measurement> {
  const { budgetRemainingRatio, recordedAtMs } = one;
  return {
    ...one,
    labels: { ...one.labels },
    windows: [...one.windows],
    budgetRemainingMinutes: budgetRemainingRatio === null ? null : budgetRemainingRatio * minutes,
    dataAgeMs: recordedAtMs === null ? null : Math.max(0, atMs - recordedAtMs),
  };
}
