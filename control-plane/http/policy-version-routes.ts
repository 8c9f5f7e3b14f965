/** The versions of a policy that are kept, and what changed between two of them or to its shadow. */

import type { ScalePolicy, StoredPolicy } from '../model/policy.ts';
import type { Consensus } from '../ports/consensus.ts';
import { renderPolicy } from '../schemas/policy.ts';
import { diffQuery, nothing, policyPath } from '../schemas/query.ts';
import { HttpRefusal } from './errors.ts';
import { jsonChanges } from './json-changes.ts';
import { policyDiff, policyVersions } from './policy-representations.ts';
import { policyOf } from './policy-view.ts';
import { defineRoute, json, NO_BODY, type Route } from './route.ts';

export function policyVersionRoutes(consensus: Consensus): readonly Route[] {
  return [listVersions(consensus), diffVersions(consensus)];
}

function listVersions(consensus: Consensus): Route {
  return defineRoute({
    method: 'get',
    path: '/v1/policies/{id}/versions',
    operationId: 'listPolicyVersions',
    tag: 'policies',
    summary: 'The policy in force and the versions before it that are kept, newest first',
    description: 'To go back, put an older document again: it gets a new version.',
    role: 'viewer',
    answeredBy: 'state',
    pathSchema: policyPath,
    querySchema: nothing,
    body: NO_BODY,
    responses: { 200: { description: 'The versions', schema: policyVersions } },
    problems: ['policy_not_found'],
    answer: ({ path }) => {
      const { policy, version, past = [] } = policyOf(consensus.readState(), path.id);
      const current = { version, current: true, replacedAtMs: null, policy: renderPolicy(policy) };
      const before = past.toReversed().map((one) => ({
        version: one.version,
        current: false,
        replacedAtMs: one.replacedAtMs,
        policy: renderPolicy(one.policy),
      }));
      return json({ policy: path.id, items: [current, ...before] });
    },
  });
}

function diffVersions(consensus: Consensus): Route {
  return defineRoute({
    method: 'get',
    path: '/v1/policies/{id}/diff',
    operationId: 'diffPolicyVersions',
    tag: 'policies',
    summary: 'What changed from one version of a policy to another, or to its shadow',
    role: 'viewer',
    answeredBy: 'state',
    pathSchema: policyPath,
    querySchema: diffQuery,
    body: NO_BODY,
    responses: { 200: { description: 'Each change', schema: policyDiff } },
    problems: ['policy_not_found', 'policy_version_not_found', 'shadow_not_found'],
    answer: ({ path, query }) => {
      const stored = policyOf(consensus.readState(), path.id);
      const to = query.to ?? 'current';
      const from = query.from ?? (to === 'shadow' ? 'current' : 'previous');
      const changes = jsonChanges(
        renderPolicy(versionOf(stored, from)),
        renderPolicy(versionOf(stored, to)),
      );
      return json({ policy: path.id, from, to, changes });
    },
  });
}

/** @throws HttpRefusal */
function versionOf(
  { policy, version, past = [], shadow }: StoredPolicy,
  asked: string,
): ScalePolicy {
  if (asked === 'current' || asked === String(version)) return policy;
  if (asked === 'shadow') {
    if (shadow !== undefined) return shadow.policy;
    throw new HttpRefusal('shadow_not_found', `The policy "${policy.id}" has no shadow.`);
  }
  const found =
    asked === 'previous' ? past.at(-1) : past.find((one) => String(one.version) === asked);
  if (found !== undefined) return found.policy;
  const kept = past.map((one) => one.version).join(', ') || 'none';
  const detail = `The policy "${policy.id}" is at version ${version}; kept from before: ${kept}.`;
  throw new HttpRefusal('policy_version_not_found', detail);
}
