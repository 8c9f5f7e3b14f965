/**
 * What panels with values have in common: their queries, unit, colours, words for values, and links.
 * Refuses a query without the data source variable; there is no other way to make one here.
 */

import {
  FieldColorBuilder,
  FieldColorModeId,
  MappingType,
  ThresholdsConfigBuilder,
  ThresholdsMode,
} from '@grafana/grafana-foundation-sdk/dashboard';
import type {
  DashboardLinkBuilder,
  DynamicConfigValue,
  Threshold,
  ValueMapping,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import { COLOURS, type Meaning } from './colours.ts';
import { METRICS } from './datasources.ts';
import { linkBuilder, type PanelLink } from './links.ts';
import { UNITS, type Unit } from './units.ts';

export interface Query {
  readonly expr: string;
  /** Grafana's pattern: `{{node}}`, or a fixed text. */
  readonly legend: string;
  /** Show the exemplars of the series, each a link to a trace; for _bucket series. */
  readonly exemplar?: boolean;
}

/** In rising order; the first is from null on. */
export type Thresholds = readonly (readonly [from: number | null, means: Meaning])[];
export type Mappings = readonly (readonly [value: number, text: string, means: Meaning])[];

export interface ValueSpec {
  readonly unit: Unit;
  readonly noValue: string;
  readonly queries: readonly Query[];
  readonly min?: number;
  readonly max?: number;
  readonly decimals?: number;
  readonly thresholds?: Thresholds;
  readonly mappings?: Mappings;
  /** Where a click on a series leads; may name `${__field.labels.node}`. */
  readonly seriesLink?: PanelLink;
}

/** Each series its own, the thresholds, or the words for the values. */
type ColourBy = 'series' | 'value' | 'mapping';

/** What Grafana's builders of panels with values have. */
interface ValueBuilder {
  targets(targets: DataqueryBuilder[]): unknown;
  datasource(source: typeof METRICS): unknown;
  unit(unit: string): unknown;
  noValue(text: string): unknown;
  min(value: number): unknown;
  max(value: number): unknown;
  decimals(value: number): unknown;
  mappings(mappings: ValueMapping[]): unknown;
  thresholds(thresholds: ThresholdsConfigBuilder): unknown;
  colorScheme(colour: FieldColorBuilder): unknown;
  dataLinks(links: DashboardLinkBuilder[]): unknown;
}

export function valueFields(
  builder: ValueBuilder,
  spec: ValueSpec,
  { kind, colourBy }: { readonly kind: 'range' | 'instant'; readonly colourBy: ColourBy },
): void {
  builder.datasource(METRICS);
  builder.targets(spec.queries.map((one, at) => query(one, at, kind)));
  builder.unit(UNITS[spec.unit]);
  builder.noValue(spec.noValue);
  if (spec.min !== undefined) builder.min(spec.min);
  if (spec.max !== undefined) builder.max(spec.max);
  if (spec.decimals !== undefined) builder.decimals(spec.decimals);
  if (spec.mappings !== undefined) builder.mappings([valueMapping(spec.mappings)]);
  builder.thresholds(
    new ThresholdsConfigBuilder()
      .mode(ThresholdsMode.Absolute)
      .steps(steps(spec.thresholds ?? [[null, 'neutral']])),
  );
  builder.colorScheme(colourScheme(colourBy));
  if (spec.seriesLink !== undefined) builder.dataLinks([linkBuilder(spec.seriesLink)]);
}

/**
 * By position rather than by name: Grafana 10.4 takes the name before the legend is applied, so that
 * legends show one colour for all. State timelines are coloured by their mappings; with thresholds they
 * would show ranges ("-∞+") in place of the words.
 */
function colourScheme(colourBy: ColourBy): FieldColorBuilder {
  const colour = new FieldColorBuilder();
  switch (colourBy) {
    case 'value':
      return colour.mode(FieldColorModeId.Thresholds);
    case 'series':
      return colour.mode(FieldColorModeId.PaletteClassic);
    case 'mapping':
      return colour.mode(FieldColorModeId.Fixed).fixedColor(COLOURS.neutral);
  }
}

/** A, B, C … by position. */
export function refId(at: number): string {
  return String.fromCharCode('A'.charCodeAt(0) + at);
}

export function query(
  { expr, legend, exemplar }: Query,
  at: number,
  kind: 'range' | 'instant' | 'table',
): DataqueryBuilder {
  const builder = new DataqueryBuilder()
    .refId(refId(at))
    .datasource(METRICS)
    .expr(expr)
    .legendFormat(legend)
    .exemplar(exemplar === true)
    .format(kind === 'table' ? PromQueryFormat.Table : PromQueryFormat.TimeSeries);
  return kind === 'range' ? builder.range() : builder.instant();
}

/** A table's column, as overrides of its field. */
export function look({
  unit,
  decimals,
  thresholds,
  mappings,
}: {
  readonly unit: Unit;
  readonly decimals?: number;
  readonly thresholds?: Thresholds;
  readonly mappings?: Mappings;
}): DynamicConfigValue[] {
  return [
    { id: 'unit', value: UNITS[unit] },
    ...(decimals === undefined ? [] : [{ id: 'decimals', value: decimals }]),
    ...(mappings === undefined ? [] : [{ id: 'mappings', value: [valueMapping(mappings)] }]),
    ...(thresholds === undefined
      ? []
      : [{ id: 'thresholds', value: { mode: ThresholdsMode.Absolute, steps: steps(thresholds) } }]),
    ...(thresholds === undefined && mappings === undefined
      ? []
      : [
          { id: 'color', value: { mode: FieldColorModeId.Thresholds } },
          { id: 'custom.cellOptions', value: { type: 'color-text' } },
        ]),
  ];
}

function steps(thresholds: Thresholds): Threshold[] {
  return thresholds.map(([value, means]) => ({ value, color: COLOURS[means] }));
}

function valueMapping(mappings: Mappings): ValueMapping {
  return {
    type: MappingType.ValueToText,
    options: Object.fromEntries(
      mappings.map(([value, text, means], index) => [
        String(value),
        { text, color: COLOURS[means], index },
      ]),
    ),
  };
}
