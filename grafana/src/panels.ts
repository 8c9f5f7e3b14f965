/**
 * Panels, as functions over Grafana's own builders that refuse to be incomplete: each asks for a
 * title, a description that a newcomer understands, a unit, a link (what to do, or where to look
 * further) and the text that stands there when the query answers nothing. They set the data source,
 * the reference of each query, legends, and colours. Where a panel stands is dashboard.ts' business.
 *
 *   timeSeries({ title: 'CPU busy', description: '…', unit: 'ratio', max: 1,
 *                link: runbook('OmniMindNodeDown'),
 *                noValue: 'No agent reports CPU time',
 *                queries: [{ expr: 'node:cpu_busy_ratio:rate1m{node=~"$node"}', legend: '{{node}}' }] })
 *
 *   timeSeries    a line per series over time; `stack`, `logarithmic`, `step` change how it is drawn;
 *                 a query with `exemplar: true` (a histogram's _bucket) shows dots that lead to traces
 *   stat          one number, or one per series (`legend` names them); the last value; `textMode: 'name'`
 *                 shows the legend instead of the value, for _info series
 *   barGauge      one bar per series, the last value
 *   stateTimeline what state each series was in over time; `mappings` say what each value is called
 *   table         the last value of each query in one row per set of `labels`; each query is a column
 *   text          Markdown, for what no series can say; not for what a description can
 *
 * `size` is in columns of 24 and rows of 30 pixels; dashboard.ts fills rows from left to right.
 * `thresholds` say from which value on what is meant: [[null, 'ok'], [0.8, 'warning'], [0.9, 'critical']].
 * `mappings` give values words: [[0, 'Down', 'critical'], [1, 'Up', 'ok']].
 * Use $__rate_interval in rate() and increase() over raw series; recorded series have their window in
 * their name. More than 25 series: topk(). Variables: `$node` and so on, from variables.ts.
 */

import {
  AxisColorMode,
  BarGaugeDisplayMode,
  BigValueColorMode,
  BigValueGraphMode,
  BigValueTextMode,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  LegendPlacement,
  LineInterpolation,
  ReduceDataOptionsBuilder,
  ScaleDistribution,
  ScaleDistributionConfigBuilder,
  SortOrder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizOrientation,
  VizTooltipOptionsBuilder,
  GraphThresholdsStyleConfigBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import type { Panel } from '@grafana/grafana-foundation-sdk/dashboard';
import { PanelBuilder as BarGaugeBuilder } from '@grafana/grafana-foundation-sdk/bargauge';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as StateTimelineBuilder } from '@grafana/grafana-foundation-sdk/statetimeline';
import { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as TextBuilder, TextMode } from '@grafana/grafana-foundation-sdk/text';
import { PanelBuilder as TimeSeriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';
import { METRICS } from './datasources.ts';
import {
  look,
  query,
  refId,
  valueFields,
  type Mappings,
  type Thresholds,
  type ValueSpec,
} from './fields.ts';
import { linkBuilder, type PanelLink } from './links.ts';
import { UNITS, type Unit } from './units.ts';

/** Narrower ones cut their titles, as Grafana's menu takes a fifth of a usual screen. */
export const STAT_SIZE: Size = { width: 6, height: 4 };

/** A zero-width space. An empty text would not do: Grafana takes it for the number 0 and draws that. */
const INVISIBLE = '\u200b';

/** In pixels; Grafana's own is 150, and hides the last columns of a table with eight. */
const COLUMN_WIDTH_MIN = 90;

export interface Size {
  /** 1 to 24. */
  readonly width: number;
  readonly height: number;
}

interface Described {
  readonly title: string;
  readonly description: string;
  readonly link: PanelLink;
  readonly size?: Size;
}

/** A panel with values; `noValue` says why there may be none, and whether that is all right. */
interface Valued extends Described, ValueSpec {}

export interface TimeSeriesSpec extends Valued {
  readonly stack?: boolean;
  readonly logarithmic?: boolean;
  /** Values that hold until they change, such as a number wanted. */
  readonly step?: boolean;
  /** Series whose name matches get another unit or look: [pattern, unit]. */
  readonly rightAxis?: readonly (readonly [pattern: string, unit: Unit])[];
}

export interface StatSpec extends Valued {
  readonly textMode?: 'value' | 'name' | 'value_and_name';
  /** Draw the last hours small behind the number; true unless told. */
  readonly graph?: boolean;
}

export interface TableColumn {
  readonly expr: string;
  readonly title: string;
  readonly unit: Unit;
  readonly decimals?: number;
  readonly thresholds?: Thresholds;
  readonly mappings?: Mappings;
}

export interface TableLabel {
  readonly label: string;
  readonly title: string;
  /** Where a click leads; `${__value.raw}` is the cell. */
  readonly link?: PanelLink;
  /** In pixels, for values that are told apart by their ends only. */
  readonly widthMin?: number;
}

export interface TableSpec extends Described {
  readonly noValue: string;
  /** By which labels rows differ; every query must be aggregated by exactly these. */
  readonly labels: readonly TableLabel[];
  readonly columns: readonly TableColumn[];
  /** Title of the column to sort by. */
  readonly sortBy?: string;
  readonly descending?: boolean;
}

export interface TextSpec extends Described {
  readonly content: string;
}

/** A panel without its place. */
export interface PlacelessPanel {
  readonly size: Size;
  readonly panel: Panel;
}

export function timeSeries(spec: TimeSeriesSpec): PlacelessPanel {
  const builder = new TimeSeriesBuilder()
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .showLegend(true)
        .calcs([]),
    )
    .tooltip(
      new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending),
    )
    .lineWidth(1)
    .fillOpacity(spec.stack === true ? 30 : 8)
    .showPoints(VisibilityMode.Never)
    .spanNulls(false)
    .axisColorMode(AxisColorMode.Text);
  if (spec.stack === true) {
    builder.stacking(new StackingConfigBuilder().mode(StackingMode.Normal).group('A'));
  }
  if (spec.step === true) builder.lineInterpolation(LineInterpolation.StepAfter);
  if (spec.logarithmic === true) {
    builder.scaleDistribution(
      new ScaleDistributionConfigBuilder().type(ScaleDistribution.Log).log(10),
    );
    // Grafana writes the text of an empty panel at each tick of a logarithmic axis that has no number.
    builder.overrideByFieldType('number', [{ id: 'noValue', value: INVISIBLE }]);
  }
  if (spec.thresholds !== undefined) {
    builder.thresholdsStyle(
      new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.Dashed),
    );
  }
  for (const [pattern, unit] of spec.rightAxis ?? []) {
    builder.overrideByRegexp(pattern, [
      { id: 'unit', value: UNITS[unit] },
      { id: 'custom.axisPlacement', value: 'right' },
    ]);
  }
  valueFields(builder, spec, { kind: 'range', colourBy: 'series' });
  return placeless(builder, spec, { width: 8, height: 8 });
}

export function stat(spec: StatSpec): PlacelessPanel {
  const builder = new StatBuilder()
    .colorMode(BigValueColorMode.Value)
    .graphMode(spec.graph === false ? BigValueGraphMode.None : BigValueGraphMode.Area)
    .textMode(statText(spec.textMode ?? 'value'))
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(false).fields(''));
  valueFields(builder, spec, {
    kind: spec.graph === false ? 'instant' : 'range',
    colourBy: 'value',
  });
  return placeless(builder, spec, STAT_SIZE);
}

export function barGauge(spec: Valued): PlacelessPanel {
  const builder = new BarGaugeBuilder()
    .displayMode(BarGaugeDisplayMode.Basic)
    .orientation(VizOrientation.Horizontal)
    .showUnfilled(true)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(false).fields(''));
  valueFields(builder, spec, { kind: 'instant', colourBy: 'value' });
  return placeless(builder, spec, { width: 8, height: 8 });
}

export function stateTimeline(spec: Valued & { readonly mappings: Mappings }): PlacelessPanel {
  const builder = new StateTimelineBuilder()
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.List)
        .placement(LegendPlacement.Bottom)
        .showLegend(true),
    )
    .mergeValues(true)
    .showValue(VisibilityMode.Auto)
    .rowHeight(0.8)
    .fillOpacity(80)
    // The text of an empty panel would stand in the legend, for the moments without a value.
    .overrideByFieldType('number', [{ id: 'noValue', value: '–' }]);
  valueFields(builder, spec, { kind: 'range', colourBy: 'mapping' });
  return placeless(builder, spec, { width: 12, height: 6 });
}

export function table(spec: TableSpec): PlacelessPanel {
  const builder = new TableBuilder()
    .targets(spec.columns.map(({ expr }, at) => query({ expr, legend: '' }, at, 'table')))
    .datasource(METRICS)
    .noValue(spec.noValue)
    .unit('short')
    .minWidth(COLUMN_WIDTH_MIN)
    .showHeader(true)
    .filterable(false)
    // The text of an empty table would stand in each empty cell too.
    .overrideByFieldType('number', [{ id: 'noValue', value: '–' }]);
  const fields = [
    ...spec.labels.map(({ label, title }) => ({ field: label, title })),
    ...spec.columns.map(({ title }, at) => ({
      field: spec.columns.length === 1 ? 'Value' : `Value #${refId(at)}`,
      title,
    })),
  ];
  builder.transformations([
    // First, because rows merge only where all that they have in common is equal: a recorded series has
    // its own name among its fields, and would keep a row for itself. The time stays until then, as a
    // query that answers nothing has no other field in common.
    {
      id: 'filterFieldsByName',
      options: { include: { names: ['Time', ...fields.map(({ field }) => field)] } },
    },
    { id: 'merge', options: {} },
    {
      id: 'organize',
      options: {
        excludeByName: { Time: true },
        indexByName: Object.fromEntries(fields.map(({ field }, at) => [field, at])),
        renameByName: Object.fromEntries(fields.map(({ field, title }) => [field, title])),
      },
    },
  ]);
  for (const { title, link, widthMin } of spec.labels) {
    builder.overrideByName(title, [
      { id: 'unit', value: UNITS.text },
      ...(link === undefined ? [] : [{ id: 'links', value: [linkBuilder(link).build()] }]),
      ...(widthMin === undefined ? [] : [{ id: 'custom.minWidth', value: widthMin }]),
    ]);
  }
  for (const column of spec.columns) builder.overrideByName(column.title, look(column));
  if (spec.sortBy !== undefined) {
    builder.sortBy([
      { build: () => ({ displayName: spec.sortBy ?? '', desc: spec.descending === true }) },
    ]);
  }
  return placeless(builder, spec, { width: 24, height: 8 });
}

export function text(spec: TextSpec): PlacelessPanel {
  const builder = new TextBuilder().mode(TextMode.Markdown).content(spec.content);
  return placeless(builder, spec, { width: 24, height: 4 });
}

/** The parts that every panel has, and its size unless the spec says one. */
function placeless(
  builder: {
    title(title: string): unknown;
    description(description: string): unknown;
    links(links: ReturnType<typeof linkBuilder>[]): unknown;
    build(): Panel;
  },
  { title, description, link, size }: Described,
  usual: Size,
): PlacelessPanel {
  builder.title(title);
  builder.description(description);
  builder.links([linkBuilder(link)]);
  return { size: size ?? usual, panel: builder.build() };
}

function statText(mode: NonNullable<StatSpec['textMode']>): BigValueTextMode {
  switch (mode) {
    case 'value':
      return BigValueTextMode.Value;
    case 'name':
      return BigValueTextMode.Name;
    case 'value_and_name':
      return BigValueTextMode.ValueAndName;
  }
}
