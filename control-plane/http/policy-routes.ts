/**
 * Policies: read, put, remove, each under the version that the client saw, and what one would decide
 * before it is saved. Whether the workload exists and may have a policy is the state machine's to say.
 */

import type { ScalePolicy } from '../model/policy.ts';
import { z } from 'zod';
import type { Consensus } from '../ports/consensus.ts';
import { parsePolicy, policyDocument, renderPolicy } from '../schemas/policy.ts';
import { nothing, pageQuery, policyPath, putPolicyQuery } from '../schemas/query.ts';
import { type Committer, createdStatus } from './committer.ts';
import { documentBody } from './document-body.ts';
import { HttpRefusal } from './errors.ts';
import { explainOutcome } from './explanation.ts';
import { jsonChanges } from './json-changes.ts';
import { cutPage, memberOf, PAGE_HEADERS, pageReply, sortedValues } from './page.ts';
import type { PlaneViews, PolicyPreview } from './plane.ts';
import { policyView, preview, savedPolicy } from './policy-representations.ts';
import { policyOf, policyViewOf } from './policy-view.ts';
import { etagOf, expectedVersion } from './precondition.ts';
import { pageOf } from './representations.ts';
import { defineRoute, json, NO_BODY, NO_CONTENT, type Route } from './route.ts';

const ETAG = { etag: 'The version, in quotes; send it back as If-Match.' };

export function policyRoutes(
  consensus: Consensus,
  views: PlaneViews,
  committer: Committer,
): readonly Route[] {
  return [
    listPolicies(consensus),
    readPolicy(consensus),
    putPolicy(consensus, views, committer),
    removePolicy(consensus, committer),
  ];
}

function listPolicies(consensus: Consensus): Route {
  return defineRoute({
    method: 'get',
    path: '/v1/policies',
    operationId: 'listPolicies',
    tag: 'policies',
    summary: 'Policies with their versions, in the order of their ids',
    role: 'viewer',
    answeredBy: 'state',
    pathSchema: nothing,
    querySchema: pageQuery,
    body: NO_BODY,
    responses: {
      200: {
        description: 'A page of policies',
        schema: pageOf(policyView, 'PolicyPage'),
        headers: PAGE_HEADERS,
      },
    },
    answer: ({ query, raw }) => {
      const state = consensus.readState();
      const all = sortedValues(state.policies);
      const page = cutPage(all, ({ policy }) => policy.id, query);
      const items = page.items.map((stored) => policyViewOf(state, stored));
      return pageReply(raw, items, page.nextAfterId);
    },
  });
}

function readPolicy(consensus: Consensus): Route {
  return defineRoute({
    method: 'get',
    path: '/v1/policies/{id}',
    operationId: 'readPolicy',
    tag: 'policies',
    summary: 'One policy, with its version as ETag',
    role: 'viewer',
    answeredBy: 'state',
    pathSchema: policyPath,
    querySchema: nothing,
    body: NO_BODY,
    responses: { 200: { description: 'The policy', schema: policyView, headers: ETAG } },
    problems: ['policy_not_found'],
    answer: ({ path }) => {
      const state = consensus.readState();
      const stored = policyOf(state, path.id);
      return { ...json(policyViewOf(state, stored)), headers: { etag: etagOf(stored.version) } };
    },
  });
}

function putPolicy(consensus: Consensus, views: PlaneViews, committer: Committer): Route {
  return defineRoute({
    method: 'put',
    path: '/v1/policies/{id}',
    operationId: 'putPolicy',
    tag: 'policies',
    summary: 'Creates or replaces a policy, or says what it would decide now',
    description:
      'If-Match: "version" replaces only what was read; If-None-Match: * only creates. The decisions after the commit follow it; stabilization windows and cooldowns of the policy stay as they were. With dryRun=true nothing is saved: the answer is what the policy would decide at this moment, with its explanation, and what it changes. Its queries are tried in either case: one that the metrics source refuses is refused here, unless force=true; one that has no value just now is a warning.',
    role: 'operator',
    answeredBy: 'leader',
    conditional: true,
    command: true,
    pathSchema: policyPath,
    querySchema: putPolicyQuery,
    body: documentBody(policyDocument, parsePolicy),
    responses: {
      200: {
        description: 'Replaced; with dryRun=true what would be decided',
        schema: z.union([savedPolicy, preview]),
        headers: ETAG,
      },
      201: { description: 'Created', schema: savedPolicy, headers: ETAG },
    },
    problems: [
      'workload_unknown',
      'workload_already_has_policy',
      'budget_unknown',
      'policy_query_rejected',
      'format_not_read',
    ],
    answer: async (call) => {
      const policy = call.body;
      const { dryRun, force } = call.query;
      const before = versionOf(consensus, policy.id);
      const expected = expectedVersion(call.expectation.version, before);
      const tried = await views.preview(policy, call.raw.signal);
      if (tried === null) {
        throw new HttpRefusal('workload_unknown', `there is no workload ${policy.workloadId}`);
      }
      if (!force) requireAcceptedQueries(policy, tried);
      if (dryRun) return json(previewOf(consensus, policy, tried));
      const committed = await committer.commit(
        call,
        (head) => ({ kind: 'put_policy', ...head, policy, expectedVersion: expected }),
        { workload_not_found: 'workload_unknown', budget_not_found: 'budget_unknown' },
      );
      const { version } = committed;
      const stored = memberOf(consensus.readState().policies, policy.id);
      const saved = stored?.version === version ? stored : { policy, version };
      const warnings = tried.signalFaults;
      const body = { ...policyViewOf(consensus.readState(), saved), warnings };
      return {
        ...json(body, createdStatus(committed, before)),
        headers: { etag: etagOf(version) },
      };
    },
  });
}

/** A query that the metrics source refuses will never have a value: better told now than held by for ever. */
function requireAcceptedQueries(policy: ScalePolicy, { signalFaults }: PolicyPreview): void {
  const refused = signalFaults.filter(({ reason }) => reason === 'signal_rejected');
  if (refused.length === 0) return;
  const detail = 'The metrics source refuses a query; nothing was saved. Mend it, or force=true.';
  throw new HttpRefusal('policy_query_rejected', detail, {
    faults: refused.map(({ signal, detail: message }) => ({
      in: 'body',
      pointer: pointerToSignal(policy, signal),
      message,
    })),
  });
}

function pointerToSignal({ metrics, strategies = [] }: ScalePolicy, name: string): string {
  const metric = metrics.findIndex((one) => one.name === name);
  if (metric >= 0) return `/metrics/${metric}`;
  return `/strategies/${strategies.findIndex((one) => one.name === name)}`;
}

function previewOf(consensus: Consensus, policy: ScalePolicy, tried: PolicyPreview) {
  const { input, outcome, counterfactuals, signalFaults } = tried;
  const known = memberOf(consensus.readState().policies, policy.id);
  return {
    policy: renderPolicy(policy),
    changes: jsonChanges(known === null ? null : renderPolicy(known.policy), renderPolicy(policy)),
    input,
    outcome,
    explanation: explainOutcome(input, outcome, counterfactuals),
    counterfactuals,
    signalFaults,
  };
}

function removePolicy(consensus: Consensus, committer: Committer): Route {
  return defineRoute({
    method: 'delete',
    path: '/v1/policies/{id}',
    operationId: 'removePolicy',
    tag: 'policies',
    summary: 'Removes a policy; its workload stays at the number that it has',
    role: 'operator',
    answeredBy: 'leader',
    conditional: true,
    command: true,
    pathSchema: policyPath,
    querySchema: nothing,
    body: NO_BODY,
    responses: { 204: { description: 'Removed' } },
    problems: ['policy_not_found'],
    answer: async (call) => {
      const policyId = call.path.id;
      const expected = expectedVersion(call.expectation.version, versionOf(consensus, policyId));
      await committer.commit(call, (head) => ({
        kind: 'remove_policy',
        ...head,
        policyId,
        expectedVersion: expected,
      }));
      return NO_CONTENT;
    },
  });
}

function versionOf(consensus: Consensus, id: string): number | null {
  return memberOf(consensus.readState().policies, id)?.version ?? null;
}
