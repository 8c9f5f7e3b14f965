/**
 * What a panel shows: the queries of one panel of a checked-in dashboard, asked of a real Prometheus with
 * the dashboard's variables put in, as they are at this moment.
 */

import assert from 'node:assert/strict';
import { z } from 'zod';
import { readDashboards, withVariables } from './dashboards.ts';

const ANSWER = z.object({
  data: z.object({
    result: z.array(
      z.object({
        metric: z.record(z.string(), z.string()),
        value: z.tuple([z.number(), z.string()]),
      }),
    ),
  }),
});
/** What the panels' own variables stand for here: the time that a test looks back. */
const TIMES = { __range: '120s', __rate_interval: '10s', __interval: '1s' };

export interface Shown {
  readonly refId: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export async function instantQuery(prometheusUrl: string, query: string) {
  const answer = await fetch(`${prometheusUrl}/api/v1/query`, {
    method: 'POST',
    body: new URLSearchParams({ query }),
    signal: AbortSignal.timeout(10_000),
  });
  const text = await answer.text();
  assert.equal(answer.status, 200, `${query}: ${text}`);
  return ANSWER.parse(JSON.parse(text)).data.result.map(({ metric, value }) => ({
    labels: metric,
    value: Number(value[1]),
  }));
}

/** All series of all queries of the panel, of one workload. */
export async function panelValues(
  prometheusUrl: string,
  [dashboard, panel]: readonly [dashboard: string, panel: string],
  variables: Readonly<Record<string, string>>,
): Promise<readonly Shown[]> {
  const found = readDashboards()
    .find(({ uid }) => uid === dashboard)
    ?.panels.find(({ title }) => title === panel);
  assert.ok(found !== undefined, `${dashboard} has no panel ${panel}`);
  const shown = await Promise.all(
    found.targets.map(async ({ refId, expr }) => {
      const query = withVariables(expr, { ...TIMES, ...variables });
      const series = await instantQuery(prometheusUrl, query);
      return series.map((one) => ({ refId, ...one }));
    }),
  );
  return shown.flat();
}
