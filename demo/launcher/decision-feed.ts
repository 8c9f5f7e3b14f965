/**
 * Follows the decisions that act, as any client of the API would: asks for the newest, prints what it
 * has not printed yet. It misses none as long as fewer than a page come between two readings, and it
 * goes on quietly while the control plane restarts. Until the first answer it asks no member whose
 * database is still starting: a question that must fail would count against the API's objective.
 */

import { setTimeout as delay } from 'node:timers/promises';

export interface ActingDecision {
  readonly decisionId: string;
  readonly atMs: number;
  readonly workloadId: string;
  readonly fromReplicas: number;
  readonly toReplicas: number;
  readonly reason: string;
  /** The signal that won, in words: `concurrency 17 of 4 per replica`. */
  readonly signal: string;
  readonly traceId: string;
}

export interface FeedOptions {
  /** Of the members: any that answers will do. */
  readonly planeUrls: readonly string[];
  /** Decisions before this moment are not news. */
  readonly sinceMs: number;
  readonly intervalMs: number;
  readonly onDecision: (decision: ActingDecision) => void | Promise<void>;
}

const PAGE = 20;

/** Resolves when the signal aborts; never rejects for trouble outside. */
export async function followDecisions(options: FeedOptions, signal: AbortSignal): Promise<void> {
  let lastId = '';
  let hasAnswered = false;
  while (!signal.aborted) {
    const planeUrls: readonly string[] = hasAnswered
      ? options.planeUrls
      : await withStore(options.planeUrls, signal);
    const decisions = await readActingOfAny(planeUrls, signal);
    hasAnswered ||= planeUrls.length > 0;
    for (const decision of decisions) {
      if (decision.decisionId <= lastId || decision.atMs < options.sinceMs) continue;
      lastId = decision.decisionId;
      await options.onDecision(decision);
    }
    await delay(options.intervalMs, undefined, { signal }).catch(() => undefined);
  }
}

/** Those whose database of decisions answers. */
async function withStore(
  planeUrls: readonly string[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const answers = await Promise.all(
    planeUrls.map(async (planeUrl) => {
      const { checks } = fieldsOf(await readJson(new URL('/readyz', planeUrl), signal));
      return listOf(checks).some(
        ({ name, status }) => name === 'decision_store' && status === 'ok',
      );
    }),
  );
  return planeUrls.filter((_, nth) => answers[nth] === true);
}

/** Of any status; null when there is no answer. */
async function readJson(url: URL, signal: AbortSignal): Promise<unknown> {
  try {
    const response = await fetch(url, {
      signal: AbortSignal.any([signal, AbortSignal.timeout(3000)]),
    });
    return await response.json();
  } catch {
    return null;
  }
}

async function readActingOfAny(
  planeUrls: readonly string[],
  signal: AbortSignal,
): Promise<readonly ActingDecision[]> {
  for (const planeUrl of planeUrls) {
    const decisions = await readActing(planeUrl, signal);
    if (decisions !== null) return decisions;
  }
  return [];
}

/** Null when this member does not answer. */
async function readActing(
  planeUrl: string,
  signal: AbortSignal,
): Promise<readonly ActingDecision[] | null> {
  try {
    const url = new URL(`/v1/decisions?verdict=act&limit=${PAGE}`, planeUrl);
    const response = await fetch(url, {
      signal: AbortSignal.any([signal, AbortSignal.timeout(3000)]),
    });
    return response.ok ? parseDecisions(await response.json()) : null;
  } catch {
    return null;
  }
}

/** Oldest first. What is not a decision that acts is left out. */
export function parseDecisions(body: unknown): readonly ActingDecision[] {
  const { items } = fieldsOf(body);
  if (!Array.isArray(items)) return [];
  return items
    .flatMap((entry: unknown) => {
      const decision = parseDecision(fieldsOf(entry));
      return decision === null ? [] : [decision];
    })
    .sort((a, b) => (a.decisionId < b.decisionId ? -1 : 1));
}

function parseDecision(record: Fields): ActingDecision | null {
  const { decisionId, atMs, workloadId, traceId } = record;
  const input = fieldsOf(record['input']);
  const outcome = fieldsOf(record['outcome']);
  const verdict = fieldsOf(outcome['verdict']);
  const { desired } = input;
  const { kind, replicas, reason } = verdict;
  if (typeof decisionId !== 'string' || typeof atMs !== 'number') return null;
  if (typeof workloadId !== 'string' || typeof traceId !== 'string') return null;
  if (kind !== 'act' || typeof replicas !== 'number' || typeof reason !== 'string') return null;
  return {
    decisionId,
    atMs,
    workloadId,
    fromReplicas: typeof desired === 'number' ? desired : 0,
    toReplicas: replicas,
    reason,
    signal: winningSignal(input, outcome),
    traceId,
  };
}

/** The metric with the largest proposal, its value and its target. */
function winningSignal(input: Fields, outcome: Fields): string {
  const proposals = listOf(outcome['proposals']).filter(({ kind }) => kind === 'replicas');
  const winner = proposals.reduce<Fields | null>(
    (best, entry) =>
      best === null || numberOf(entry['replicas']) > numberOf(best['replicas']) ? entry : best,
    null,
  );
  if (winner === null) return 'no signal';
  const name = winner['metric'];
  const observation = listOf(input['observations']).find(({ metric }) => metric === name);
  const spec = listOf(fieldsOf(input['policy'])['metrics']).find((entry) => entry['name'] === name);
  const target = `${numberOf(spec?.['target'])}${spec?.['kind'] === 'average_value' ? ' per replica' : ''}`;
  const value = numberOf(observation?.['value']);
  return `${String(name)} ${value.toFixed(value < 10 ? 2 : 1)}, target ${target}`;
}

/** One line for the terminal; `p95Seconds` is what users see at this moment. */
export function decisionLine(decision: ActingDecision, p95Seconds: number | null): string {
  const time = new Date(decision.atMs).toTimeString().slice(0, 8);
  const p95 = p95Seconds === null ? '-' : `${Math.round(p95Seconds * 1000)} ms`;
  return [
    time,
    decision.workloadId,
    `${decision.fromReplicas} → ${decision.toReplicas}`,
    decision.reason,
    decision.signal,
    `p95 now ${p95}`,
    `trace ${decision.traceId}`,
  ].join('  ');
}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function listOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.map((entry: unknown) => fieldsOf(entry)) : [];
}

function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : Number.NaN;
}
