/** Budgets that workloads share: how much there is, and how much of it each of them has. */

import type { StoredBudget } from '../model/budget.ts';
import type { Consensus } from '../ports/consensus.ts';
import { budgetDocument, parseBudget } from '../schemas/budget.ts';
import { budgetPath, nothing, pageQuery } from '../schemas/query.ts';
import { type Committer, createdStatus } from './committer.ts';
import { documentBody } from './document-body.ts';
import { HttpRefusal } from './errors.ts';
import { cutPage, memberOf, PAGE_HEADERS, pageReply, sortedValues } from './page.ts';
import { budgetView } from './policy-representations.ts';
import { etagOf, expectedVersion } from './precondition.ts';
import { pageOf } from './representations.ts';
import { defineRoute, json, NO_BODY, NO_CONTENT, type Reply, type Route } from './route.ts';

type PlaneState = ReturnType<Consensus['readState']>;

const ETAG = { etag: 'The version, in quotes; send it back as If-Match.' };

export function budgetRoutes(consensus: Consensus, committer: Committer): readonly Route[] {
  return [
    listBudgets(consensus),
    readBudget(consensus),
    putBudget(consensus, committer),
    removeBudget(consensus, committer),
  ];
}

function listBudgets(consensus: Consensus): Route {
  return defineRoute({
    method: 'get',
    path: '/v1/budgets',
    operationId: 'listBudgets',
    tag: 'budgets',
    summary: 'Budgets and what is used of them, in the order of their ids',
    role: 'viewer',
    answeredBy: 'state',
    pathSchema: nothing,
    querySchema: pageQuery,
    body: NO_BODY,
    responses: {
      200: {
        description: 'A page of budgets',
        schema: pageOf(budgetView, 'BudgetPage'),
        headers: PAGE_HEADERS,
      },
    },
    answer: ({ query, raw }) => {
      const state = consensus.readState();
      const page = cutPage(sortedValues(state.budgets), ({ budget }) => budget.id, query);
      return pageReply(
        raw,
        page.items.map((one) => viewOf(state, one)),
        page.nextAfterId,
      );
    },
  });
}

function readBudget(consensus: Consensus): Route {
  return defineRoute({
    method: 'get',
    path: '/v1/budgets/{id}',
    operationId: 'readBudget',
    tag: 'budgets',
    summary: 'One budget, who shares it, and what each has',
    role: 'viewer',
    answeredBy: 'state',
    pathSchema: budgetPath,
    querySchema: nothing,
    body: NO_BODY,
    responses: { 200: { description: 'The budget', schema: budgetView, headers: ETAG } },
    problems: ['budget_not_found'],
    answer: ({ path }) => {
      const state = consensus.readState();
      const stored = memberOf(state.budgets, path.id);
      if (stored !== null) return reply(state, stored, 200);
      throw new HttpRefusal('budget_not_found', `No budget has the id "${path.id}".`);
    },
  });
}

function putBudget(consensus: Consensus, committer: Committer): Route {
  return defineRoute({
    method: 'put',
    path: '/v1/budgets/{id}',
    operationId: 'putBudget',
    tag: 'budgets',
    summary: 'Creates or replaces a budget',
    description:
      'A budget keeps workloads from going out and never takes replicas away: one that is set below what is used lets nothing grow until enough was given back.',
    role: 'operator',
    answeredBy: 'leader',
    conditional: true,
    command: true,
    pathSchema: budgetPath,
    querySchema: nothing,
    body: documentBody(budgetDocument, parseBudget),
    responses: {
      200: { description: 'Replaced', schema: budgetView, headers: ETAG },
      201: { description: 'Created', schema: budgetView, headers: ETAG },
    },
    problems: ['format_not_read'],
    answer: async (call) => {
      const budget = call.body;
      const before = versionOf(consensus, budget.id);
      const expected = expectedVersion(call.expectation.version, before);
      const committed = await committer.commit(call, (head) => ({
        kind: 'put_budget',
        ...head,
        budget,
        expectedVersion: expected,
      }));
      const stored = { budget, version: committed.version };
      return reply(consensus.readState(), stored, createdStatus(committed, before));
    },
  });
}

function removeBudget(consensus: Consensus, committer: Committer): Route {
  return defineRoute({
    method: 'delete',
    path: '/v1/budgets/{id}',
    operationId: 'removeBudget',
    tag: 'budgets',
    summary: 'Removes a budget that no policy shares',
    role: 'operator',
    answeredBy: 'leader',
    conditional: true,
    command: true,
    pathSchema: budgetPath,
    querySchema: nothing,
    body: NO_BODY,
    responses: { 204: { description: 'Removed' } },
    problems: ['budget_not_found', 'budget_in_use', 'format_not_read'],
    answer: async (call) => {
      const budgetId = call.path.id;
      const expected = expectedVersion(call.expectation.version, versionOf(consensus, budgetId));
      await committer.commit(call, (head) => ({
        kind: 'remove_budget',
        ...head,
        budgetId,
        expectedVersion: expected,
      }));
      return NO_CONTENT;
    },
  });
}

function versionOf(consensus: Consensus, id: string): number | null {
  return memberOf(consensus.readState().budgets, id)?.version ?? null;
}

/** What each has is what it is wanted to have, and while an action takes some away, what it had. */
function viewOf(state: PlaneState, { budget, version }: StoredBudget) {
  const shares = sortedValues(state.policies).flatMap(({ policy }) => {
    const share = policy.budgets?.find(({ budgetId }) => budgetId === budget.id);
    const entry = memberOf(state.workloads, policy.workloadId);
    if (share === undefined || entry === null) return [];
    const replicas = Math.max(entry.desired, entry.inFlight?.fromReplicas ?? 0);
    const { unitsPerReplica } = share;
    const used = replicas * unitsPerReplica;
    return [{ policy: policy.id, workload: policy.workloadId, unitsPerReplica, used }];
  });
  const used = shares.reduce((sum, share) => sum + share.used, 0);
  return { budget, version, used, shares };
}

function reply(state: PlaneState, stored: StoredBudget, status: number): Reply {
  return { ...json(viewOf(state, stored), status), headers: { etag: etagOf(stored.version) } };
}
