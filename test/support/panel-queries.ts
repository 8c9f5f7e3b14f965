/**
 * Every query of every dashboard, asked of a real Prometheus as Grafana would ask it: variables put in,
 * over a range for panels over time and at one moment for the others. Says how many series came, and
 * which panels may rightly have none in a demo on loopback, each with its reason.
 */

import { z } from 'zod';
import { readDashboards, valuePanels, withVariables, type Dashboard } from './dashboards.ts';

export interface PanelAnswer {
  readonly uid: string;
  readonly panel: string;
  readonly refId: string;
  readonly expr: string;
  /** With at least one number in them: NaN draws nothing. */
  readonly series: number;
  /** What Prometheus refused the query for; null when it answered. */
  readonly error: string | null;
}

/** What a demo on loopback, with stand-ins for GPUs and caches, cannot show. */
export const EMPTY_WITH_REASON: readonly {
  readonly uid: string;
  readonly panel: string;
  /** Of the queries that may be empty; all of the panel when left out. */
  readonly refIds?: readonly string[];
  readonly reason: string;
}[] = [
  ...[
    'Messages failed',
    'Messages sent',
    'Messages that failed',
    'Time to deliver',
    'Alerts in Alertmanager',
    'Since the watchdog came through',
  ].map((panel) => ({ uid: 'omnimind-alerts', panel, reason: 'npm start runs no Alertmanager' })),
  {
    uid: 'omnimind-alerts',
    panel: 'Configurations',
    refIds: ['B'],
    reason: 'npm start runs no Alertmanager',
  },
  {
    uid: 'omnimind-alerts',
    panel: 'Stored on disk',
    refIds: ['B'],
    reason: 'told by Prometheus 2.46 and newer',
  },
  ...['Firing now', 'Firing by severity', 'Firing by part'].map((panel) => ({
    uid: 'omnimind-alerts',
    panel,
    reason: 'no alert fires while all is well',
  })),
  ...['Time without a leader', 'Duration of elections'].map((panel) => ({
    uid: 'omnimind-raft',
    panel,
    reason: 'no election in the last minute',
  })),
  {
    uid: 'omnimind-workloads',
    panel: 'Active constraints',
    reason: 'A has what brakes, B the word "none" when nothing does: never both',
  },
  ...[
    'Load and its forecast',
    'What the forecast raises',
    'State of the forecast',
    'Skill of the forecast',
    'Loads above the forecast',
  ].map((panel) => ({
    uid: 'omnimind-workloads',
    panel,
    reason: 'the policy of the demo forecasts nothing',
  })),
  ...['Shadow and policy in force', 'What the shadow would change'].map((panel) => ({
    uid: 'omnimind-workloads',
    panel,
    reason: 'the policy of the demo has no shadow',
  })),
  {
    uid: 'omnimind-workloads',
    panel: 'Turns within the hour',
    refIds: ['B'],
    reason: 'the policy of the demo has no flap budget',
  },
  {
    uid: 'omnimind-workloads',
    panel: 'Set by hand',
    reason: 'nobody paused the demo or set its number',
  },
  { uid: 'omnimind-workloads', panel: 'Budgets', reason: 'the demo has no budget' },
  {
    uid: 'omnimind-workloads',
    panel: 'Stages of the last decision',
    refIds: ['B', 'C', 'F', 'H', 'J', 'K', 'L'],
    reason: 'the policy of the demo asks for none of these stages',
  },
  {
    uid: 'omnimind-node',
    panel: 'Swap in use',
    reason: 'a host without swap space has no line',
  },
  {
    uid: 'omnimind-node',
    panel: 'Temperature',
    reason: 'a virtual machine shows no sensors',
  },
  {
    uid: 'omnimind-node',
    panel: 'Memory errors (ECC)',
    reason: 'a virtual machine shows no memory modules',
  },
];

/** Four scrape intervals of the provisioned data source, as Grafana computes it. */
const RATE_INTERVAL = '1m';
const RANGE_SECONDS = 60;
const STEP_SECONDS = 5;
const ANSWER_WITHIN_MS = 15_000;
const AT_ONCE = 8;

const SAMPLE = z.tuple([z.number(), z.string()]);
const ANSWER = z.union([
  z.object({
    status: z.literal('success'),
    data: z.object({
      result: z.array(
        z.object({ value: SAMPLE.optional(), values: z.array(SAMPLE).optional() }).loose(),
      ),
    }),
  }),
  z.object({ status: z.literal('error'), error: z.string() }),
]);
const LABEL_VALUES = z.object({ data: z.array(z.string()) });

interface Question {
  readonly uid: string;
  readonly panel: string;
  readonly refId: string;
  readonly expr: string;
  readonly overTime: boolean;
}

/** Asks all, or only those that `again` had no series for. */
export async function askPanels(
  prometheusUrl: string,
  again: readonly PanelAnswer[] = [],
): Promise<readonly PanelAnswer[]> {
  const known = new Map(again.filter(({ series }) => series > 0).map((one) => [keyOf(one), one]));
  const questions: Question[] = [];
  for (const dashboard of readDashboards()) {
    questions.push(...questionsOf(dashboard, await valuesOf(dashboard, prometheusUrl)));
  }
  const answers: PanelAnswer[] = [];
  for (let at = 0; at < questions.length; at += AT_ONCE) {
    const some = questions.slice(at, at + AT_ONCE);
    answers.push(
      ...(await Promise.all(
        some.map((question) =>
          Promise.resolve(known.get(keyOf(question)) ?? ask(prometheusUrl, question)),
        ),
      )),
    );
  }
  return answers;
}

/** Empty, and not for a reason that is known. */
export function unexplained(answers: readonly PanelAnswer[]): readonly PanelAnswer[] {
  return answers.filter((answer) => answer.series === 0 && reasonFor(answer) === null);
}

export function reasonFor({ uid, panel, refId }: PanelAnswer): string | null {
  const found = EMPTY_WITH_REASON.find(
    (one) =>
      one.uid === uid &&
      one.panel === panel &&
      (one.refIds === undefined || one.refIds.includes(refId)),
  );
  return found?.reason ?? null;
}

/** One line per panel: how many series each query has, and why there are none. */
export function panelTable(answers: readonly PanelAnswer[]): string {
  const panels = Map.groupBy(answers, ({ uid, panel }) => `${uid} / ${panel}`);
  return [...panels]
    .map(([panel, queries]) => {
      const counts = queries.map(({ series }) => String(series)).join(' + ');
      const why = queries.map((one) => (one.series > 0 ? null : (one.error ?? reasonFor(one))));
      const reasons = [...new Set(why.filter((reason) => reason !== null))].join('; ');
      return `${counts.padStart(12)}  ${panel}${reasons === '' ? '' : `  (${reasons})`}`;
    })
    .join('\n');
}

function keyOf({ uid, panel, refId }: { uid: string; panel: string; refId: string }): string {
  return `${uid}\n${panel}\n${refId}`;
}

function questionsOf(
  dashboard: Dashboard,
  values: Readonly<Record<string, string>>,
): readonly Question[] {
  return valuePanels(dashboard).flatMap(({ title, targets }) =>
    targets.map(({ refId, expr, instant }) => ({
      uid: dashboard.uid,
      panel: title,
      refId,
      expr: withVariables(expr, {
        __rate_interval: RATE_INTERVAL,
        __interval: `${STEP_SECONDS}s`,
        __range: `${RANGE_SECONDS}s`,
        ...values,
      }),
      overTime: !instant,
    })),
  );
}

/** All of a variable for many, the first of a variable for one. */
async function valuesOf(
  { templating }: Dashboard,
  prometheusUrl: string,
): Promise<Readonly<Record<string, string>>> {
  const values: Record<string, string> = {};
  for (const { name, multi, definition } of templating.list) {
    const [, series, label] = /^label_values\((.+), (\w+)\)$/.exec(definition ?? '') ?? [];
    if (multi || series === undefined || label === undefined) continue;
    const selector = withVariables(series, values);
    const url = `${prometheusUrl}/api/v1/label/${label}/values?match[]=${encodeURIComponent(selector)}`;
    const answer = await fetch(url, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
    const [first] = LABEL_VALUES.parse(await answer.json()).data;
    if (first !== undefined) values[name] = first;
  }
  return values;
}

async function ask(prometheusUrl: string, question: Question): Promise<PanelAnswer> {
  const { uid, panel, refId, expr } = question;
  const now = Math.floor(Date.now() / 1_000);
  const form: Record<string, string> = question.overTime
    ? {
        query: expr,
        start: String(now - RANGE_SECONDS),
        end: String(now),
        step: String(STEP_SECONDS),
      }
    : { query: expr };
  const answer = await fetch(
    `${prometheusUrl}/api/v1/${question.overTime ? 'query_range' : 'query'}`,
    {
      method: 'POST',
      body: new URLSearchParams(form),
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    },
  );
  const body = ANSWER.parse(await answer.json());
  if (body.status === 'error') return { uid, panel, refId, expr, series: 0, error: body.error };
  const series = body.data.result.filter(({ value, values }) =>
    [...(values ?? []), ...(value === undefined ? [] : [value])].some(
      ([, text]) => !Number.isNaN(Number(text)),
    ),
  ).length;
  return { uid, panel, refId, expr, series, error: null };
}
