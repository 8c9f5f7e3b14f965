/**
 * Policies: read, put, remove, each under the version that the client saw. Whether the workload
 * exists and may have a policy is the state machine's to say.
 */

import type { Consensus } from '../ports/consensus.ts';
import { parsePolicy, policyDocument, renderPolicy } from '../schemas/policy.ts';
import { nothing, pageQuery, policyPath } from '../schemas/query.ts';
import { type Committer, createdStatus } from './committer.ts';
import { documentBody } from './document-body.ts';
import { HttpRefusal } from './errors.ts';
import { cutPage, memberOf, PAGE_HEADERS, pageReply, sortedValues } from './page.ts';
import { etagOf, expectedVersion } from './precondition.ts';
import { pageOf, policyView } from './representations.ts';
import { defineRoute, json, NO_BODY, NO_CONTENT, type Reply, type Route } from './route.ts';

type StoredPolicy = ReturnType<Consensus['readState']>['policies'][string];

const ETAG = { etag: 'The version, in quotes; send it back as If-Match.' };

export function policyRoutes(consensus: Consensus, committer: Committer): readonly Route[] {
  return [
    listPolicies(consensus),
    readPolicy(consensus),
    putPolicy(consensus, committer),
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
      const all = sortedValues(consensus.readState().policies);
      const page = cutPage(all, ({ policy }) => policy.id, query);
      return pageReply(raw, page.items.map(viewOf), page.nextAfterId);
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
      const stored = memberOf(consensus.readState().policies, path.id);
      if (stored === null) {
        throw new HttpRefusal('policy_not_found', `No policy has the id "${path.id}".`);
      }
      return reply(stored, 200);
    },
  });
}

function putPolicy(consensus: Consensus, committer: Committer): Route {
  return defineRoute({
    method: 'put',
    path: '/v1/policies/{id}',
    operationId: 'putPolicy',
    tag: 'policies',
    summary: 'Creates or replaces a policy',
    description:
      'If-Match: "version" replaces only what was read; If-None-Match: * only creates. The decisions after the commit follow it; stabilization windows and cooldowns of the policy stay as they were.',
    role: 'operator',
    answeredBy: 'leader',
    conditional: true,
    command: true,
    pathSchema: policyPath,
    querySchema: nothing,
    body: documentBody(policyDocument, parsePolicy),
    responses: {
      200: { description: 'Replaced', schema: policyView, headers: ETAG },
      201: { description: 'Created', schema: policyView, headers: ETAG },
    },
    problems: ['workload_unknown', 'workload_already_has_policy'],
    answer: async (call) => {
      const policy = call.body;
      const before = versionOf(consensus, policy.id);
      const expected = expectedVersion(call.expectation.version, before);
      const committed = await committer.commit(
        call,
        (head) => ({ kind: 'put_policy', ...head, policy, expectedVersion: expected }),
        { workload_not_found: 'workload_unknown' },
      );
      const { version } = committed;
      return reply({ policy, version }, createdStatus(committed, before));
    },
  });
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

function viewOf({ policy, version }: StoredPolicy) {
  return { policy: renderPolicy(policy), version };
}

function reply(stored: StoredPolicy, status: number): Reply {
  return { ...json(viewOf(stored), status), headers: { etag: etagOf(stored.version) } };
}
