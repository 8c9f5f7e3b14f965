/**
 * A histogram over time, as colours: how many observations fell into which bucket, with the exemplars
 * of single ones. For what is rare and spread wide, where a quantile would be a gap or a lie. Refuses
 * anything but one family's buckets, summed by `le`.
 */

import {
  FilterValueRangeBuilder,
  HeatmapColorMode,
  HeatmapColorOptionsBuilder,
  PanelBuilder,
} from '@grafana/grafana-foundation-sdk/heatmap';
import { PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import { METRICS } from './datasources.ts';
import { query } from './fields.ts';
import { linkBuilder, type PanelLink } from './links.ts';
import type { PlacelessPanel, Size } from './panels.ts';
import { UNITS, type Unit } from './units.ts';

export interface HeatmapSpec {
  readonly title: string;
  readonly description: string;
  /** Of the buckets' bounds. */
  readonly unit: Unit;
  readonly link: PanelLink;
  readonly noValue: string;
  /** `sum by (le) (increase(…_bucket[…]))`. */
  readonly expr: string;
  readonly size: Size;
}

export function heatmap(spec: HeatmapSpec): PlacelessPanel {
  const buckets = { expr: spec.expr, legend: '{{le}}', exemplar: true };
  const panel = new PanelBuilder()
    .title(spec.title)
    .description(spec.description)
    .datasource(METRICS)
    .targets([query(buckets, 0, 'range').format(PromQueryFormat.Heatmap)])
    .unit(UNITS[spec.unit])
    .noValue(spec.noValue)
    .links([linkBuilder(spec.link)])
    // The buckets are the histogram's own.
    .calculate(false)
    .color(
      new HeatmapColorOptionsBuilder().mode(HeatmapColorMode.Scheme).scheme('Oranges').steps(16),
    )
    // Empty buckets stay empty.
    .filterValues(new FilterValueRangeBuilder().le(1e-9))
    .showLegend()
    .build();
  return { size: spec.size, panel };
}
