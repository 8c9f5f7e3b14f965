/**
 * Vertical recommendations of a workload: how much CPU, memory and GPU memory one replica should have.
 * Every member reads the usage itself. While it cannot be read the answer says so and has no numbers;
 * it changes nothing.
 */

import { withGiven } from '../model/vertical.ts';
import type { VerticalAnswer, VerticalQuestion } from '../model/vertical.ts';
import type { Clock } from '../ports/clock.ts';
import type { Consensus } from '../ports/consensus.ts';
import { nothing, workloadPath } from '../schemas/query.ts';
import { HttpRefusal } from './errors.ts';
import { memberOf } from './page.ts';
import {
  recommendationsView,
  renderReport,
  renderUnasked,
} from './recommendation-representations.ts';
import { defineRoute, json, NO_BODY, type Route } from './route.ts';
import { policiesOf } from './workload-policies.ts';

/** What the edge needs to tell of recommendations. */
export interface VerticalReports {
  /** Within a deadline of its own; rejects with the reason of the signal, and for no trouble outside. */
  read(question: VerticalQuestion, signal: AbortSignal): Promise<VerticalAnswer>;
}

export function recommendationRoutes(
  consensus: Pick<Consensus, 'readState'>,
  reports: VerticalReports,
  clock: Clock,
): readonly Route[] {
  return [
    defineRoute({
      method: 'get',
      path: '/v1/workloads/{id}/recommendations',
      operationId: 'readRecommendations',
      tag: 'workloads',
      summary: 'How much CPU, memory and GPU memory one replica should have, by what was used',
      description:
        'Worked out by the member that is asked, from the history of the queries under `vertical` of the workload’s policy, in up to 30 s the first time. Answered with 200 and `status` `withheld` while the history cannot be read or is not enough. Nothing is changed by it.',
      role: 'viewer',
      answeredBy: 'member',
      pathSchema: workloadPath,
      querySchema: nothing,
      body: NO_BODY,
      responses: { 200: { description: 'The recommendations', schema: recommendationsView } },
      problems: ['workload_not_found'],
      answer: async ({ path, raw }) => {
        const state = consensus.readState();
        const found = memberOf(state.workloads, path.id);
        if (found === null) {
          throw new HttpRefusal('workload_not_found', `No workload has the id "${path.id}".`);
        }
        // A workload has at most one policy.
        const [policyId] = policiesOf(state.policies, path.id);
        const stored = policyId === undefined ? null : memberOf(state.policies, policyId);
        const vertical = stored?.policy.vertical;
        if (stored === null || vertical === undefined) {
          return json(renderUnasked(path.id, stored?.policy.id ?? null));
        }
        const question = {
          policyId: stored.policy.id,
          policyVersion: stored.version,
          spec: withGiven(vertical, found.workload.target),
        };
        const answer = await reports.read(question, raw.signal);
        if (answer.kind === 'busy') {
          const detail = 'Recommendations for too many policies are being worked out.';
          throw new HttpRefusal('overloaded', detail);
        }
        return json(renderReport(path.id, answer.report, clock.nowMs()));
      },
    }),
  ];
}
