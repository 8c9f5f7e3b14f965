/**
 * Shadows: a second policy for a workload, decided by with every tick on the same observations and
 * never acted on, until it is promoted to be the policy in force.
 */

import type { Consensus } from '../ports/consensus.ts';
import { parsePolicy, policyDocument } from '../schemas/policy.ts';
import { nothing, policyPath, promoteQuery } from '../schemas/query.ts';
import type { Committer } from './committer.ts';
import { documentBody } from './document-body.ts';
import { HttpRefusal } from './errors.ts';
import { policyView, shadowView } from './policy-representations.ts';
import { policyOf, policyViewOf, shadowViewOf } from './policy-view.ts';
import { etagOf } from './precondition.ts';
import { defineRoute, json, NO_BODY, NO_CONTENT, type Route } from './route.ts';

export function shadowRoutes(consensus: Consensus, committer: Committer): readonly Route[] {
  return [
    readShadow(consensus),
    putShadow(consensus, committer),
    removeShadow(committer),
    promoteShadow(consensus, committer),
  ];
}

function readShadow(consensus: Consensus): Route {
  return defineRoute({
    method: 'get',
    path: '/v1/policies/{id}/shadow',
    operationId: 'readShadow',
    tag: 'policies',
    summary: 'The shadow of a policy: what it wants beside what is wanted',
    role: 'viewer',
    answeredBy: 'state',
    pathSchema: policyPath,
    querySchema: nothing,
    body: NO_BODY,
    responses: { 200: { description: 'The shadow', schema: shadowView } },
    problems: ['policy_not_found', 'shadow_not_found'],
    answer: ({ path }) => json(shadowOf(consensus, path.id)),
  });
}

function putShadow(consensus: Consensus, committer: Committer): Route {
  return defineRoute({
    method: 'put',
    path: '/v1/policies/{id}/shadow',
    operationId: 'putShadow',
    tag: 'policies',
    summary: 'Sets a policy beside the one in force, to be decided by and not acted on',
    description:
      'A document with the id and the workload of the policy in force. It begins at the number that is wanted and follows its own decisions from there; its difference is exported and stands in each record.',
    role: 'operator',
    answeredBy: 'leader',
    command: true,
    pathSchema: policyPath,
    querySchema: nothing,
    body: documentBody(policyDocument, parsePolicy),
    responses: { 200: { description: 'Set', schema: shadowView } },
    problems: [
      'policy_not_found',
      'shadow_of_another_workload',
      'budget_unknown',
      'format_not_read',
    ],
    answer: async (call) => {
      const policy = call.body;
      await committer.commit(call, (head) => ({ kind: 'put_shadow', ...head, policy }), {
        budget_not_found: 'budget_unknown',
      });
      return json(shadowOf(consensus, policy.id));
    },
  });
}

function removeShadow(committer: Committer): Route {
  return defineRoute({
    method: 'delete',
    path: '/v1/policies/{id}/shadow',
    operationId: 'removeShadow',
    tag: 'policies',
    summary: 'Removes the shadow of a policy',
    role: 'operator',
    answeredBy: 'leader',
    command: true,
    pathSchema: policyPath,
    querySchema: nothing,
    body: NO_BODY,
    responses: { 204: { description: 'Removed' } },
    problems: ['policy_not_found', 'shadow_not_found', 'format_not_read'],
    answer: async (call) => {
      const policyId = call.path.id;
      await committer.commit(call, (head) => ({ kind: 'remove_shadow', ...head, policyId }));
      return NO_CONTENT;
    },
  });
}

function promoteShadow(consensus: Consensus, committer: Committer): Route {
  return defineRoute({
    method: 'post',
    path: '/v1/policies/{id}/shadow/promote',
    operationId: 'promoteShadow',
    tag: 'policies',
    summary: 'Makes the shadow the policy in force',
    description:
      'The policy before is kept as a past version. What was really done goes on braking. `version` names the shadow that is meant; another one is refused.',
    role: 'operator',
    answeredBy: 'leader',
    command: true,
    pathSchema: policyPath,
    querySchema: promoteQuery,
    body: NO_BODY,
    responses: { 200: { description: 'In force', schema: policyView } },
    problems: ['policy_not_found', 'shadow_not_found', 'version_conflict', 'format_not_read'],
    answer: async (call) => {
      const policyId = call.path.id;
      const shadowVersion = call.query.version ?? null;
      await committer.commit(call, (head) => ({
        kind: 'promote_shadow',
        ...head,
        policyId,
        shadowVersion,
      }));
      const state = consensus.readState();
      const stored = policyOf(state, policyId);
      return { ...json(policyViewOf(state, stored)), headers: { etag: etagOf(stored.version) } };
    },
  });
}

function shadowOf(consensus: Consensus, id: string) {
  const state = consensus.readState();
  const view = shadowViewOf(state, policyOf(state, id));
  if (view !== null) return view;
  throw new HttpRefusal('shadow_not_found', `The policy "${id}" has no shadow.`);
}
