/**
 * What a policy says of vertical recommendations, turned into the model and back. Refuses what could
 * never be answered (a minimum beyond the history, more samples than a metrics source gives) and what
 * would be answered dangerously (memory without a replica's first minutes: one that is killed while it
 * starts never reaches the later ones).
 */

import { z } from 'zod';
import { VERTICAL_RESOURCES } from '../model/vertical.ts';
import type { VerticalResource, VerticalResourceSpec, VerticalSpec } from '../model/vertical.ts';
import {
  list,
  oneOf,
  parseDocument,
  positive,
  ratio,
  type ReadField,
  strictObject,
  text,
} from './document.ts';
import { durationText, parseDuration, renderDuration } from './duration.ts';
import { type Fault, pointerOf } from './fault.ts';
import { parsePromql, promqlText } from './promql.ts';

/** Samples of one series over the whole history; Prometheus answers 11,000 at most. */
export const VERTICAL_POINTS_MAX = 10_000;
export const VERTICAL_SLICES_MAX = 16;

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const MONTH_MS = 30 * 24 * HOUR_MS;

const MARGIN_DEFAULT = 0.15;
const PERCENTILE_DEFAULT = 0.9;

const replicaQuery = promqlText().check((context) => {
  const reading = parsePromql(context.value);
  // What does not parse, or is no number, has a fault already.
  if (reading.kind === 'faulty' || reading.type !== 'scalar') return;
  const message = 'answers with a scalar; expected one series per replica';
  context.issues.push({ code: 'custom', message, input: context.value });
});

const slices = list(
  `at most ${VERTICAL_SLICES_MAX} sizes in bytes`,
  positive(),
  0,
  VERTICAL_SLICES_MAX,
);

const resourceDocument = strictObject('a resource', {
  resource: oneOf(VERTICAL_RESOURCES),
  query: replicaQuery.meta({
    description:
      'PromQL for the usage with one series per replica: cores of CPU (a rate over at least the step), bytes of memory, bytes of the GPU that the replica fills most. Of memory and GPU memory the peaks between two samples are read too. A server that takes all of the GPU memory when it starts shows what it took: read what it uses of it.',
    examples: ['sum by (replica) (rate(process_cpu_seconds_total{workload="chat"}[5m]))'],
  }),
  request: positive().optional().meta({
    description: 'What a replica is given now, in cores or bytes.',
  }),
  percentile: ratio(0.5, 1).default(PERCENTILE_DEFAULT).meta({
    description:
      'Share of the use that the target covers, the newer the weightier. Of memory and GPU memory it matters with `belowPeak` alone.',
  }),
  margin: ratio(0, 1).default(MARGIN_DEFAULT).meta({
    description: 'Added to the use, as a share of it.',
  }),
  allowed: strictObject('{ min, max }', {
    min: positive().optional(),
    max: positive().optional(),
  })
    .optional()
    .meta({ description: 'Bounds of what is recommended, in cores or bytes.' }),
  ignoreFirst: durationText(0, 24 * HOUR_MS)
    .optional()
    .meta({ description: 'Of CPU: how much of a replica’s beginning is not looked at.' }),
  belowPeak: z.boolean().optional().meta({
    description:
      'Of memory and GPU memory: whether less than the highest peak and its margin may be recommended.',
  }),
  oom: strictObject('{ kills, limit }', {
    kills: replicaQuery.meta({
      description: 'PromQL for a counter of kills for want of memory, one series per replica.',
    }),
    limit: replicaQuery.optional().meta({
      description: 'PromQL for the limit in force, in bytes, one series per replica.',
    }),
  })
    .optional()
    .meta({ description: 'Of memory: how kills are known of.' }),
  device: strictObject('{ memory, slices }', {
    memory: positive().meta({ description: 'Memory of one GPU, in bytes.' }),
    slices: slices.default([]).meta({
      description: 'Sizes that it can be cut into, in bytes, ascending.',
    }),
  })
    .optional()
    .meta({ description: 'Of GPU memory: the device that it is memory of.' }),
});

export const verticalDocument = strictObject('vertical recommendations', {
  resources: list('1 to 3 resources', resourceDocument, 1, VERTICAL_RESOURCES.length),
  replicaLabel: text('the name of a label', 63)
    .regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/, { error: 'expected a label name of a-z, A-Z, 0-9 and _' })
    .default('replica')
    .meta({ description: 'Tells the replicas apart in every answer.' }),
  history: durationText(HOUR_MS, MONTH_MS).default('192h'),
  step: durationText(15 * SECOND_MS, HOUR_MS).default('5m'),
  halfLife: durationText(MINUTE_MS, MONTH_MS).default('24h').meta({
    description: 'Age at which a sample weighs half of a new one.',
  }),
  peakInterval: durationText(MINUTE_MS, MONTH_MS).default('24h').meta({
    description: 'Of each replica the peak of each interval of this length is one sample.',
  }),
  spanMin: durationText(10 * MINUTE_MS, MONTH_MS)
    .default('24h')
    .meta({
      description: 'History below which nothing is recommended.',
    }),
  coverageMin: ratio(0, 1).default(0.8).meta({
    description: 'Share of the replicas’ lives that must have been seen.',
  }),
}).meta({
  id: 'VerticalRecommendations',
  description: 'What replicas are judged by to say how much CPU and memory one should have.',
});

export type VerticalDocument = z.output<typeof verticalDocument>;

/**
 * Parses the document by itself.
 * @throws SchemaError with every fault
 */
export function parseVertical(document: unknown): VerticalSpec {
  return verticalOf(parseDocument(verticalDocument, document, (read) => verticalFaults(read, [])));
}

/** The model of a document without faults. */
export function verticalOf(document: VerticalDocument): VerticalSpec {
  return {
    resources: document.resources.map(resourceOf),
    replicaLabel: document.replicaLabel,
    historyMs: parseDuration(document.history),
    stepMs: parseDuration(document.step),
    halfLifeMs: parseDuration(document.halfLife),
    peakIntervalMs: parseDuration(document.peakInterval),
    spanMinMs: parseDuration(document.spanMin),
    coverageMinRatio: document.coverageMin,
  };
}

/** Writes it as a document, defaults spelt out. verticalOf(renderVertical(v)) equals v. */
export function renderVertical(spec: VerticalSpec): VerticalDocument {
  return {
    resources: spec.resources.map(resourceDocumentOf),
    replicaLabel: spec.replicaLabel,
    history: renderDuration(spec.historyMs),
    step: renderDuration(spec.stepMs),
    halfLife: renderDuration(spec.halfLifeMs),
    peakInterval: renderDuration(spec.peakIntervalMs),
    spanMin: renderDuration(spec.spanMinMs),
    coverageMin: spec.coverageMinRatio,
  };
}

/** The rules that span fields. @param at where the document stands within the one that is read */
export function verticalFaults(read: ReadField, at: readonly PropertyKey[]): readonly Fault[] {
  const listed = read([...at, 'resources'], z.array(z.unknown())) ?? [];
  const places = [...listed.slice(0, VERTICAL_RESOURCES.length).keys()].map((index) => [
    ...at,
    'resources',
    index,
  ]);
  return [
    ...historyFaults(read, at),
    ...repeatedFaults(read, places),
    ...places.flatMap((place) => [...fieldFaults(read, place), ...boundFaults(read, place)]),
  ];
}

type ResourceDocument = VerticalDocument['resources'][number];

function resourceOf(document: ResourceDocument): VerticalResourceSpec {
  const { oom, device, allowed } = document;
  return {
    resource: document.resource,
    query: document.query,
    request: document.request ?? null,
    percentile: document.percentile,
    marginRatio: document.margin,
    min: allowed?.min ?? null,
    max: allowed?.max ?? null,
    warmupMs: parseDuration(document.ignoreFirst ?? '0s'),
    belowPeak: document.belowPeak ?? false,
    oom: oom === undefined ? null : { killsQuery: oom.kills, limitQuery: oom.limit ?? null },
    device:
      device === undefined ? null : { memoryBytes: device.memory, slicesBytes: device.slices },
  };
}

function resourceDocumentOf(spec: VerticalResourceSpec): ResourceDocument {
  const { min, max, oom, device } = spec;
  const allowed = { ...(min !== null && { min }), ...(max !== null && { max }) };
  return {
    resource: spec.resource,
    query: spec.query,
    ...(spec.request !== null && { request: spec.request }),
    percentile: spec.percentile,
    margin: spec.marginRatio,
    ...((min !== null || max !== null) && { allowed }),
    ...(spec.warmupMs > 0 && { ignoreFirst: renderDuration(spec.warmupMs) }),
    ...(spec.belowPeak && { belowPeak: true }),
    ...(oom !== null && {
      oom: { kills: oom.killsQuery, ...(oom.limitQuery !== null && { limit: oom.limitQuery }) },
    }),
    ...(device !== null && {
      device: { memory: device.memoryBytes, slices: [...device.slicesBytes] },
    }),
  };
}

function historyFaults(read: ReadField, at: readonly PropertyKey[]): readonly Fault[] {
  const { history, step, spanMin } = verticalDocument.shape;
  const [historyText, stepText, spanText] = [
    read([...at, 'history'], history) ?? absent(read, [...at, 'history'], '192h'),
    read([...at, 'step'], step) ?? absent(read, [...at, 'step'], '5m'),
    read([...at, 'spanMin'], spanMin) ?? absent(read, [...at, 'spanMin'], '24h'),
  ];
  if (historyText === null) return [];
  const historyMs = parseDuration(historyText);
  const points = stepText === null ? 0 : historyMs / parseDuration(stepText);
  return [
    ...(points > VERTICAL_POINTS_MAX
      ? [
          fault(
            [...at, 'step'],
            `the history has ${Math.ceil(points)} of these; at most ${VERTICAL_POINTS_MAX} are read: take a longer step or a shorter history`,
          ),
        ]
      : []),
    ...(spanText !== null && parseDuration(spanText) > historyMs
      ? [
          fault(
            [...at, 'spanMin'],
            `${spanText} are longer than the history of ${historyText}, so nothing would ever be recommended`,
          ),
        ]
      : []),
  ];
}

/** The default where the field is absent; null where it is there and wrong, which is a fault already. */
function absent(read: ReadField, path: readonly PropertyKey[], preset: string): string | null {
  return read(path, z.unknown()) === undefined ? preset : null;
}

function repeatedFaults(
  read: ReadField,
  places: readonly (readonly PropertyKey[])[],
): readonly Fault[] {
  const firstAt = new Map<VerticalResource, string>();
  return places.flatMap((place) => {
    const resource = read([...place, 'resource'], resourceDocument.shape.resource);
    if (resource === undefined) return [];
    const first = firstAt.get(resource);
    if (first === undefined) {
      firstAt.set(resource, pointerOf(place));
      return [];
    }
    return [fault([...place, 'resource'], `${resource} is also the resource of ${first}`)];
  });
}

/** Fields that say something of some resources alone. */
const FIELDS: Readonly<
  Record<string, { readonly of: readonly VerticalResource[]; readonly why: string }>
> = {
  ignoreFirst: {
    of: ['cpu'],
    why: 'a replica that is killed while it starts never reaches its later minutes',
  },
  belowPeak: { of: ['memory', 'gpu_memory'], why: 'CPU may be less than its peak: it only waits' },
  oom: { of: ['memory'], why: 'only memory kills' },
  device: { of: ['gpu_memory'], why: 'only GPU memory is that of a device' },
};

function fieldFaults(read: ReadField, place: readonly PropertyKey[]): readonly Fault[] {
  const resource = read([...place, 'resource'], resourceDocument.shape.resource);
  if (resource === undefined) return [];
  return Object.entries(FIELDS).flatMap(([name, { of, why }]) => {
    const isGiven = read([...place, name], z.unknown()) !== undefined;
    if (!isGiven || of.includes(resource)) return [];
    return [fault([...place, name], `not for ${resource}: ${why}`)];
  });
}

function boundFaults(read: ReadField, place: readonly PropertyKey[]): readonly Fault[] {
  const min = read([...place, 'allowed', 'min'], positive());
  const max = read([...place, 'allowed', 'max'], positive());
  const memory = read([...place, 'device', 'memory'], positive());
  const sizes = read([...place, 'device', 'slices'], slices) ?? [];
  const above = (limit: number | undefined, value: number | undefined): boolean =>
    limit !== undefined && value !== undefined && value > limit;
  return [
    ...(above(max, min)
      ? [fault([...place, 'allowed', 'min'], `min ${min} is above max ${max}`)]
      : []),
    ...(above(memory, min)
      ? [
          fault(
            [...place, 'allowed', 'min'],
            `min ${min} is above the memory of the device, ${memory}`,
          ),
        ]
      : []),
    ...(above(max, sizes[0])
      ? [fault([...place, 'allowed', 'max'], `max ${max} is below the smallest slice, ${sizes[0]}`)]
      : []),
    ...sizes.flatMap((size, index) => [
      ...(above(memory, size)
        ? [
            fault(
              [...place, 'device', 'slices', index],
              `above the memory of the device, ${memory}`,
            ),
          ]
        : []),
      ...(index > 0 && size <= (sizes[index - 1] ?? 0)
        ? [fault([...place, 'device', 'slices', index], 'not ascending')]
        : []),
    ]),
  ];
}

function fault(path: readonly PropertyKey[], message: string): Fault {
  return { pointer: pointerOf(path), message };
}
