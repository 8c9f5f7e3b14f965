/**
 * Workloads: what is scaled, as it was asked for and as it was last seen. Putting one
 * needs the role admin, since its target says what the plane runs, scales or sends requests to.
 */

import { weakerMode } from '../model/mode.ts';
import type { Workload } from '../model/workload.ts';
import type { Consensus } from '../ports/consensus.ts';
import { parseWith } from '../schemas/fault.ts';
import { modeDocument, nothing, pageQuery, workloadPath } from '../schemas/query.ts';
import { parseWorkload, renderWorkload, workloadDocument } from '../schemas/workload.ts';
import type { Principal, Role } from './api-keys.ts';
import { requireRole } from './auth.ts';
import { type Committer, createdStatus } from './committer.ts';
import { documentBody } from './document-body.ts';
import { HttpRefusal } from './errors.ts';
import { cutPage, memberOf, PAGE_HEADERS, pageReply, sortedValues } from './page.ts';
import type { PlaneViews } from './plane.ts';
import { etagOf, expectedVersion } from './precondition.ts';
import { pageOf, workloadModeView, workloadView } from './representations.ts';
import { policiesOf } from './workload-policies.ts';
import { defineRoute, json, NO_BODY, NO_CONTENT, type Route } from './route.ts';

type PlaneState = ReturnType<Consensus['readState']>;
type WorkloadState = PlaneState['workloads'][string];

const ETAG = { etag: 'The version, in quotes; send it back as If-Match.' };

export function workloadRoutes(
  consensus: Consensus,
  views: PlaneViews,
  committer: Committer,
): readonly Route[] {
  return [
    listWorkloads(consensus, views),
    readWorkload(consensus, views),
    putWorkload(consensus, views, committer),
    removeWorkload(consensus, committer),
    putWorkloadMode(consensus, committer),
  ];
}

function listWorkloads(consensus: Consensus, views: PlaneViews): Route {
  return defineRoute({
    method: 'get',
    path: '/v1/workloads',
    operationId: 'listWorkloads',
    tag: 'workloads',
    summary: 'Workloads as asked for and as last seen, in the order of their ids',
    role: 'viewer',
    answeredBy: 'state',
    pathSchema: nothing,
    querySchema: pageQuery,
    body: NO_BODY,
    responses: {
      200: {
        description: 'A page of workloads',
        schema: pageOf(workloadView, 'WorkloadPage'),
        headers: PAGE_HEADERS,
      },
    },
    answer: ({ query, raw }) => {
      const state = consensus.readState();
      const page = cutPage(sortedValues(state.workloads), ({ workload }) => workload.id, query);
      const items = page.items.map((one) => viewOf(one, state, views));
      return pageReply(raw, items, page.nextAfterId);
    },
  });
}

function readWorkload(consensus: Consensus, views: PlaneViews): Route {
  return defineRoute({
    method: 'get',
    path: '/v1/workloads/{id}',
    operationId: 'readWorkload',
    tag: 'workloads',
    summary: 'One workload: document, desired number, action in flight, replicas, last evaluation',
    description: 'The ETag is the version of the document alone; the rest changes without it.',
    role: 'viewer',
    answeredBy: 'state',
    pathSchema: workloadPath,
    querySchema: nothing,
    body: NO_BODY,
    responses: { 200: { description: 'The workload', schema: workloadView, headers: ETAG } },
    problems: ['workload_not_found'],
    answer: ({ path }) => reply(consensus.readState(), path.id, views, 200),
  });
}

function putWorkload(consensus: Consensus, views: PlaneViews, committer: Committer): Route {
  return defineRoute({
    method: 'put',
    path: '/v1/workloads/{id}',
    operationId: 'putWorkload',
    tag: 'workloads',
    summary: 'Creates or replaces a workload',
    description:
      'Needs the role admin, since a target runs commands (`local_process`) or containers (`docker`), scales what runs elsewhere (`kubernetes`, `nomad`), or has requests sent (`webhook`). If-Match: "version" replaces only what was read; If-None-Match: * only creates.',
    role: 'operator',
    answeredBy: 'leader',
    conditional: true,
    command: true,
    pathSchema: workloadPath,
    querySchema: nothing,
    body: documentBody(workloadDocument, parseWorkload),
    responses: {
      200: { description: 'Replaced', schema: workloadView, headers: ETAG },
      201: { description: 'Created', schema: workloadView, headers: ETAG },
    },
    problems: ['format_not_read'],
    answer: async (call) => {
      const workload = call.body;
      requireTargetRole(call.raw.principal, workload);
      const before = versionOf(consensus, workload.id);
      const expected = expectedVersion(call.expectation.version, before);
      const committed = await committer.commit(call, (head) => ({
        kind: 'put_workload',
        ...head,
        workload,
        source: 'api',
        expectedVersion: expected,
      }));
      return reply(consensus.readState(), workload.id, views, createdStatus(committed, before));
    },
  });
}

function removeWorkload(consensus: Consensus, committer: Committer): Route {
  return defineRoute({
    method: 'delete',
    path: '/v1/workloads/{id}',
    operationId: 'removeWorkload',
    tag: 'workloads',
    summary: 'Removes a workload that has no policy; its replicas are stopped',
    role: 'operator',
    answeredBy: 'leader',
    conditional: true,
    command: true,
    pathSchema: workloadPath,
    querySchema: nothing,
    body: NO_BODY,
    responses: { 204: { description: 'Removed' } },
    problems: ['workload_not_found', 'workload_has_policy'],
    answer: async (call) => {
      const workloadId = call.path.id;
      const expected = expectedVersion(call.expectation.version, versionOf(consensus, workloadId));
      await committer.commit(call, (head) => ({
        kind: 'remove_workload',
        ...head,
        workloadId,
        expectedVersion: expected,
      }));
      return NO_CONTENT;
    },
  });
}

function putWorkloadMode(consensus: Consensus, committer: Committer): Route {
  return defineRoute({
    method: 'put',
    path: '/v1/workloads/{id}/mode',
    operationId: 'putWorkloadMode',
    tag: 'workloads',
    summary: 'How far decisions on this workload may go',
    role: 'operator',
    answeredBy: 'leader',
    command: true,
    pathSchema: workloadPath,
    querySchema: nothing,
    body: { schema: modeDocument, parse: (value) => parseWith(modeDocument, value) },
    responses: { 200: { description: 'The mode is set', schema: workloadModeView } },
    problems: ['workload_not_found'],
    answer: async (call) => {
      const { mode } = call.body;
      const workloadId = call.path.id;
      await committer.commit(call, (head) => ({
        kind: 'set_workload_mode',
        ...head,
        workloadId,
        mode,
      }));
      const effectiveMode = weakerMode(mode, consensus.readState().mode);
      return json({ workload: workloadId, mode, effectiveMode });
    },
  });
}

/** The role that putting a workload with such a target needs. */
const TARGET_ROLES: Readonly<Record<Workload['target']['kind'], { role: Role; why: string }>> = {
  local_process: { role: 'admin', why: ' (the target local_process runs a command)' },
  docker: { role: 'admin', why: ' (the target docker runs containers)' },
  kubernetes: { role: 'admin', why: ' (the target kubernetes scales what runs in the cluster)' },
  nomad: { role: 'admin', why: ' (the target nomad scales what runs on it)' },
  webhook: { role: 'admin', why: ' (the target webhook sends signed requests to a URL)' },
};

function requireTargetRole(principal: Principal, workload: Workload): void {
  const { role, why } = TARGET_ROLES[workload.target.kind];
  requireRole(principal, role, why);
}

function versionOf(consensus: Consensus, id: string): number | null {
  return memberOf(consensus.readState().workloads, id)?.version ?? null;
}

function reply(state: PlaneState, id: string, views: PlaneViews, status: number) {
  const found = memberOf(state.workloads, id);
  if (found === null) {
    throw new HttpRefusal('workload_not_found', `No workload has the id "${id}".`);
  }
  const body = json(viewOf(found, state, views), status);
  return { ...body, headers: { etag: etagOf(found.version) } };
}

function viewOf(found: WorkloadState, state: PlaneState, views: PlaneViews) {
  const { workload, version, mode, desired, inFlight, pause = null, override = null } = found;
  return {
    workload: renderWorkload(workload),
    version,
    desired,
    mode,
    effectiveMode: weakerMode(mode, state.mode),
    inFlight,
    pause,
    override,
    replicas: views.replicas(workload.id),
    policies: policiesOf(state.policies, workload.id),
    lastEvaluation: views.lastEvaluation(workload.id),
  };
}
