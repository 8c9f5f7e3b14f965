/**
 * The dashboards as Grafana is given them: parsed from the checked-in JSON, panels and queries laid
 * out flat, variables put in. What is not in the shape that the product generates is refused here.
 */

import assert from 'node:assert/strict';
import { z } from 'zod';
import { filesIn } from './source-tree.ts';

const DATASOURCE = z.object({ type: z.string(), uid: z.string() });
const LINK = z.object({ title: z.string(), url: z.string().optional() });
const PLACE = z.object({ x: z.number(), y: z.number(), w: z.number(), h: z.number() });
const TARGET = z.object({
  refId: z.string(),
  expr: z.string(),
  datasource: DATASOURCE,
  legendFormat: z.string(),
  exemplar: z.boolean(),
  format: z.enum(['time_series', 'table', 'heatmap']),
  instant: z.boolean().default(false),
});
const PANEL = z.object({
  id: z.number().int().positive(),
  type: z.string(),
  title: z.string(),
  description: z.string().default(''),
  gridPos: PLACE,
  datasource: DATASOURCE.optional(),
  links: z.array(LINK).default([]),
  targets: z.array(TARGET).default([]),
  fieldConfig: z
    .object({
      defaults: z.object({
        unit: z.string().optional(),
        noValue: z.string().optional(),
        links: z.array(LINK).default([]),
      }),
      overrides: z.array(
        z.object({ properties: z.array(z.object({ id: z.string(), value: z.unknown() })) }),
      ),
    })
    .default({ defaults: { links: [] }, overrides: [] }),
});
const VARIABLE = z.object({
  type: z.enum(['datasource', 'query']),
  name: z.string(),
  label: z.string(),
  description: z.string(),
  multi: z.boolean(),
  allValue: z.string().optional(),
  definition: z.string().optional(),
  datasource: DATASOURCE.optional(),
});
const DASHBOARD = z.object({
  id: z.null(),
  uid: z.string(),
  title: z.string(),
  description: z.string(),
  tags: z.array(z.string()),
  timezone: z.string(),
  editable: z.boolean(),
  refresh: z.string(),
  schemaVersion: z.number(),
  panels: z.array(PANEL),
  templating: z.object({ list: z.array(VARIABLE) }),
  annotations: z.object({
    list: z.array(
      z.object({
        name: z.string(),
        datasource: DATASOURCE,
        target: z.object({ rawSql: z.string() }),
      }),
    ),
  }),
  links: z.array(z.object({ type: z.string(), tags: z.array(z.string()) })),
});

export type Dashboard = z.infer<typeof DASHBOARD>;
export type DashboardPanel = z.infer<typeof PANEL>;

export interface PanelQuery {
  readonly uid: string;
  readonly panel: string;
  readonly refId: string;
  readonly expr: string;
}

/** @throws when a file is not a dashboard as the product generates them */
export function readDashboards(): readonly Dashboard[] {
  return filesIn(['grafana/dashboards'], ['.json']).map(({ path, text }) => {
    const read = DASHBOARD.safeParse(JSON.parse(text));
    assert.ok(read.success, `${path}: ${read.success ? '' : z.prettifyError(read.error)}`);
    return read.data;
  });
}

/** Those with queries: neither rows nor text. */
export function valuePanels({ panels }: Dashboard): readonly DashboardPanel[] {
  return panels.filter(({ type }) => type !== 'row' && type !== 'text');
}

export function queriesOf(dashboard: Dashboard): readonly PanelQuery[] {
  return valuePanels(dashboard).flatMap(({ title, targets }) =>
    targets.map(({ refId, expr }) => ({ uid: dashboard.uid, panel: title, refId, expr })),
  );
}

/** Names of the variables in a query or link, Grafana's own (`__…`) left out. */
export function variablesIn(text: string): readonly string[] {
  const names = [...text.matchAll(/\$\{?([A-Za-z_]\w*)/g)].map(([, name = '']) => name);
  return [...new Set(names)].filter((name) => !name.startsWith('__'));
}

/** Replaces variables as Grafana would; `.+` stands for all of a variable that is not told. */
export function withVariables(expr: string, values: Readonly<Record<string, string>>): string {
  return expr.replace(
    /\$\{?([A-Za-z_]\w*)(?::\w+)?\}?/g,
    (_, name: string) => values[name] ?? '.+',
  );
}
