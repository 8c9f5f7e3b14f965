/**
 * What operators do by hand to a workload: pausing a direction, and setting the number. Both take effect
 * with the next tick, outlive the leader, and end at the time that was said, or when they are taken
 * back.
 */

import type { Override, Pause } from '../model/intervention.ts';
import type { Consensus } from '../ports/consensus.ts';
import {
  endOf,
  overrideDocument,
  parseOverride,
  parsePause,
  pauseDocument,
} from '../schemas/intervention.ts';
import type { Ending } from '../schemas/intervention.ts';
import { nothing, workloadPath } from '../schemas/query.ts';
import type { Committer } from './committer.ts';
import { HttpRefusal } from './errors.ts';
import { memberOf } from './page.ts';
import { interventionsView } from './policy-representations.ts';
import { defineRoute, json, NO_BODY, NO_CONTENT, type Route } from './route.ts';

export function interventionRoutes(consensus: Consensus, committer: Committer): readonly Route[] {
  return [
    putPause(consensus, committer),
    removePause(committer),
    putOverride(consensus, committer),
    removeOverride(committer),
  ];
}

function putPause(consensus: Consensus, committer: Committer): Route {
  return defineRoute({
    method: 'put',
    path: '/v1/workloads/{id}/pause',
    operationId: 'putPause',
    tag: 'workloads',
    summary: 'Pauses automatic scaling in, out, or both; decisions go on being made and recorded',
    role: 'operator',
    answeredBy: 'leader',
    command: true,
    pathSchema: workloadPath,
    querySchema: nothing,
    body: { schema: pauseDocument, parse: parsePause },
    responses: { 200: { description: 'Paused', schema: interventionsView } },
    problems: ['workload_not_found', 'format_not_read'],
    answer: async (call) => {
      const { direction, note, ending } = call.body;
      const workloadId = call.path.id;
      await committer.commit(call, (head) => {
        const { atMs: sinceMs } = head;
        const pause: Pause = { direction, note, sinceMs, untilMs: futureEnd(ending, sinceMs) };
        return { kind: 'set_pause', ...head, workloadId, pause };
      });
      return reply(consensus, workloadId);
    },
  });
}

function removePause(committer: Committer): Route {
  return defineRoute({
    method: 'delete',
    path: '/v1/workloads/{id}/pause',
    operationId: 'removePause',
    tag: 'workloads',
    summary: 'Takes a pause back',
    role: 'operator',
    answeredBy: 'leader',
    command: true,
    pathSchema: workloadPath,
    querySchema: nothing,
    body: NO_BODY,
    responses: { 204: { description: 'Nothing is paused' } },
    problems: ['workload_not_found', 'format_not_read'],
    answer: async (call) => {
      const workloadId = call.path.id;
      const taken = { kind: 'set_pause', workloadId, pause: null } as const;
      await committer.commit(call, (head) => ({ ...head, ...taken }));
      return NO_CONTENT;
    },
  });
}

function putOverride(consensus: Consensus, committer: Committer): Route {
  return defineRoute({
    method: 'put',
    path: '/v1/workloads/{id}/override',
    operationId: 'putOverride',
    tag: 'workloads',
    summary: 'Sets the number of replicas by hand',
    description:
      'It goes before signals, schedules, bounds, budgets and pauses, but not before the mode, and waits for an action under way unless it goes further out. When it ends, the policy decides again, from the number that was set.',
    role: 'operator',
    answeredBy: 'leader',
    command: true,
    pathSchema: workloadPath,
    querySchema: nothing,
    body: { schema: overrideDocument, parse: parseOverride },
    responses: { 200: { description: 'In force with the next tick', schema: interventionsView } },
    problems: ['workload_not_found', 'workload_without_policy', 'format_not_read'],
    answer: async (call) => {
      const { replicas, note, ending } = call.body;
      const workloadId = call.path.id;
      requirePolicy(consensus, workloadId);
      await committer.commit(call, (head) => {
        const { atMs: sinceMs } = head;
        const override: Override = { replicas, note, sinceMs, untilMs: futureEnd(ending, sinceMs) };
        return { kind: 'set_override', ...head, workloadId, override };
      });
      return reply(consensus, workloadId);
    },
  });
}

function removeOverride(committer: Committer): Route {
  return defineRoute({
    method: 'delete',
    path: '/v1/workloads/{id}/override',
    operationId: 'removeOverride',
    tag: 'workloads',
    summary: 'Takes the number that was set by hand back; the policy decides again',
    role: 'operator',
    answeredBy: 'leader',
    command: true,
    pathSchema: workloadPath,
    querySchema: nothing,
    body: NO_BODY,
    responses: { 204: { description: 'The policy decides' } },
    problems: ['workload_not_found', 'format_not_read'],
    answer: async (call) => {
      const workloadId = call.path.id;
      const taken = { kind: 'set_override', workloadId, override: null } as const;
      await committer.commit(call, (head) => ({ ...head, ...taken }));
      return NO_CONTENT;
    },
  });
}

/** Without a policy no tick decides for the workload, and the number would never be acted on. */
function requirePolicy(consensus: Consensus, workloadId: string): void {
  const state = consensus.readState();
  if (memberOf(state.workloads, workloadId) === null) return;
  if (memberOf(state.policyIdByWorkload, workloadId) !== null) return;
  const detail = `The workload "${workloadId}" has no policy, so nothing decides for it.`;
  throw new HttpRefusal('workload_without_policy', detail);
}

function futureEnd(ending: Ending, fromMs: number): number | null {
  const endMs = endOf(ending, fromMs);
  if (endMs === null || endMs > fromMs) return endMs;
  throw new HttpRefusal('invalid_document', 'It would have ended before it began.', {
    faults: [{ in: 'body', pointer: '/until', message: 'expected an instant in the future' }],
  });
}

function reply(consensus: Consensus, workloadId: string) {
  const entry = memberOf(consensus.readState().workloads, workloadId);
  return json({
    workload: workloadId,
    pause: entry?.pause ?? null,
    override: entry?.override ?? null,
  });
}
