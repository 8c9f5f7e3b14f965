/**
 * Decisions: the record of each, its explanation, its replay, and the decision on given numbers.
 * Nothing here acts or writes.
 */

import type { DecisionRecord } from '../model/decision.ts';
import {
  type DecisionFilter,
  type DecisionStore,
  DecisionStoreError,
} from '../ports/decision-store.ts';
import { evaluateDocument, parseScaleInput } from '../schemas/evaluate.ts';
import { decisionPath, decisionQuery, decisionsQuery, nothing } from '../schemas/query.ts';
import { decisionListPage } from './decision-list-page.ts';
import { readNeighbours } from './decision-neighbours.ts';
import { decisionPage } from './decision-page.ts';
import { HttpRefusal } from './errors.ts';
import { explainDecision } from './explanation.ts';
import { ACCEPT_HEADERS, askedFormat, HTML, VARY_ACCEPT } from './media-type.ts';
import { nextPagePath, PAGE_HEADERS, pageReply } from './page.ts';
import { htmlReply } from './page-frame.ts';
import type { PlaneViews } from './plane.ts';
import { jsonDifferences } from './replay.ts';
import {
  decisionRecord,
  explainedDecision,
  pageOf,
  replayAnswer,
  scaleOutcome,
} from './representations.ts';
import { defineRoute, json, NO_BODY, type Route } from './route.ts';

export function decisionRoutes(
  store: DecisionStore,
  views: PlaneViews,
  storeTimeoutMs: number,
): readonly Route[] {
  const reader = boundedReader(store, storeTimeoutMs);
  return [
    listDecisions(reader),
    readDecision(reader, views),
    replayDecision(reader, views),
    evaluate(views),
  ];
}

function listDecisions(reader: Reader): Route {
  return defineRoute({
    method: 'get',
    path: '/v1/decisions',
    operationId: 'listDecisions',
    tag: 'decisions',
    summary: 'Decisions, newest first, each with everything that it read and concluded',
    description:
      'With `Accept: text/html`, as a browser sends it, the answer is a table that links to the page of each.',
    role: 'viewer',
    answeredBy: 'leader_or_member',
    pathSchema: nothing,
    querySchema: decisionsQuery,
    body: NO_BODY,
    responses: {
      200: {
        description: 'A page of decisions',
        schema: pageOf(decisionRecord, 'DecisionPage'),
        alsoAs: [HTML],
        headers: { ...PAGE_HEADERS, ...ACCEPT_HEADERS },
      },
    },
    problems: ['decision_store_unavailable'],
    answer: async ({ query, raw }) => {
      const filter: DecisionFilter = {
        workloadId: query.workload ?? null,
        policyId: query.policy ?? null,
        verdict: query.verdict ?? null,
        direction: query.direction ?? null,
        reason: query.reason ?? null,
        traceId: query.traceId ?? null,
        fromMs: query.from ?? null,
        toMs: query.to ?? null,
      };
      const page = await reader(raw.signal, (from, signal) =>
        from.list(filter, query.limit, query.cursor ?? null, signal),
      );
      const { records, nextAfterId } = page;
      const reply = pageReply(raw, records, nextAfterId);
      if ((query.format ?? askedFormat(raw.headers)) === 'json') {
        return { ...reply, headers: { ...reply.headers, ...VARY_ACCEPT } };
      }
      const next = nextAfterId === null ? null : nextPagePath(raw, nextAfterId);
      return htmlReply(decisionListPage({ records, search: raw.search, next }), reply.headers);
    },
  });
}

function readDecision(reader: Reader, views: PlaneViews): Route {
  return defineRoute({
    method: 'get',
    path: '/v1/decisions/{decisionId}',
    operationId: 'readDecision',
    tag: 'decisions',
    summary: 'One decision, with its explanation in words',
    description:
      'With `Accept: text/html`, as a browser sends it, the answer is a page: what was decided, why, and what it would have been otherwise. A browser sends no key: where keys are configured, a proxy has to add it.',
    role: 'viewer',
    answeredBy: 'leader_or_member',
    pathSchema: decisionPath,
    querySchema: decisionQuery,
    body: NO_BODY,
    responses: {
      200: {
        description: 'The decision',
        schema: explainedDecision,
        alsoAs: [HTML],
        headers: ACCEPT_HEADERS,
      },
    },
    problems: ['decision_not_found', 'decision_store_unavailable'],
    answer: async ({ path, query, raw }) => {
      const record = await readRecord(reader, path.decisionId, raw.signal);
      const counterfactuals = views.counterfactuals(record.input);
      if ((query.format ?? askedFormat(raw.headers)) === 'html') {
        const neighbours = await readNeighbours(record, (...asked) =>
          reader(raw.signal, (store, signal) => store.list(...asked, signal)),
        );
        return htmlReply(decisionPage({ record, counterfactuals, neighbours }));
      }
      const explanation = explainDecision(record, counterfactuals);
      return { ...json({ ...record, explanation, counterfactuals }), headers: VARY_ACCEPT };
    },
  });
}

function replayDecision(reader: Reader, views: PlaneViews): Route {
  return defineRoute({
    method: 'get',
    path: '/v1/decisions/{decisionId}/replay',
    operationId: 'replayDecision',
    tag: 'decisions',
    summary: 'Decides again on the record’s input, and says whether the outcome is identical',
    role: 'viewer',
    answeredBy: 'leader_or_member',
    pathSchema: decisionPath,
    querySchema: nothing,
    body: NO_BODY,
    responses: { 200: { description: 'Both outcomes', schema: replayAnswer } },
    problems: ['decision_not_found', 'decision_store_unavailable'],
    answer: async ({ path, raw }) => {
      const record = await readRecord(reader, path.decisionId, raw.signal);
      const replayed = views.evaluate(record.input);
      const differences = jsonDifferences(record.outcome, replayed);
      return json({
        decisionId: record.decisionId,
        identical: differences.length === 0,
        recorded: record.outcome,
        replayed,
        differences,
      });
    },
  });
}

function evaluate(views: PlaneViews): Route {
  return defineRoute({
    method: 'post',
    path: '/v1/autoscaling/evaluate',
    operationId: 'evaluate',
    tag: 'decisions',
    summary: 'The decision on given numbers; nothing is acted on or stored',
    description:
      'The code path that runs live. `policy` is a policy document, or a policy as a record holds it (told apart by `workloadId`): the `input` of any record may be sent as it is. Needs the role viewer, as it changes nothing.',
    role: 'viewer',
    answeredBy: 'member',
    pathSchema: nothing,
    querySchema: nothing,
    body: { schema: evaluateDocument, parse: parseScaleInput },
    responses: { 200: { description: 'The outcome', schema: scaleOutcome } },
    answer: ({ body }) => json(views.evaluate(body)),
  });
}

/** A read of the store, under its deadline and the client's patience. */
type Reader = <T>(
  client: AbortSignal,
  read: (store: DecisionStore, signal: AbortSignal) => Promise<T>,
) => Promise<T>;

function boundedReader(store: DecisionStore, timeoutMs: number): Reader {
  return async (client, read) => {
    const signal = AbortSignal.any([client, AbortSignal.timeout(timeoutMs)]);
    try {
      return await read(store, signal);
    } catch (cause) {
      if (!signal.aborted || cause instanceof DecisionStoreError) throw cause;
      throw new DecisionStoreError(`no answer within ${timeoutMs} ms`, { cause });
    }
  };
}

async function readRecord(
  reader: Reader,
  decisionId: string,
  client: AbortSignal,
): Promise<DecisionRecord> {
  const record = await reader(client, (store, signal) => store.read(decisionId, signal));
  if (record === null) {
    throw new HttpRefusal('decision_not_found', `No decision "${decisionId}" is in the store.`);
  }
  return record;
}
