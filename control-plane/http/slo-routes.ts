/**
 * Service level objectives: what was promised, and how much of the error budget is left. Every member
 * reads the recordings itself. While they cannot be read the objectives are told all the same, without
 * numbers and with the reason: an answer that says so is of more use than none.
 */

import type { Slo, SloReport } from '../model/slo.ts';
import { nothing, pageQuery, sloPath } from '../schemas/query.ts';
import { HttpRefusal } from './errors.ts';
import { cutPage, PAGE_HEADERS, pageReply } from './page.ts';
import { pageOf } from './representations.ts';
import { defineRoute, json, NO_BODY, type Route } from './route.ts';
import { renderSlo, sloView } from './slo-representations.ts';

/** What the edge needs to tell of SLOs. */
export interface SloReports {
  /** In ascending order of their ids. */
  readonly slos: readonly Slo[];
  /** A report for each, in their order, within a deadline of its own; never rejects for trouble outside. */
  read(slos: readonly Slo[], signal: AbortSignal): Promise<readonly SloReport[]>;
}

const DESCRIPTION =
  'Read from the recordings in Prometheus, which the alerts are made of too. Answered with 200 and `data.status` `unavailable` while Prometheus is away.';

export function sloRoutes(reports: SloReports): readonly Route[] {
  return [listSlos(reports), readSlo(reports)];
}

function listSlos(reports: SloReports): Route {
  return defineRoute({
    method: 'get',
    path: '/v1/slos',
    operationId: 'listSlos',
    tag: 'slos',
    summary:
      'Service level objectives, with error ratios, burn rates and what is left of the budgets',
    description: DESCRIPTION,
    role: 'viewer',
    answeredBy: 'member',
    pathSchema: nothing,
    querySchema: pageQuery,
    body: NO_BODY,
    responses: {
      200: {
        description: 'A page of objectives',
        schema: pageOf(sloView, 'SloPage'),
        headers: PAGE_HEADERS,
      },
    },
    answer: async ({ query, raw }) => {
      const page = cutPage(reports.slos, ({ id }) => id, query);
      const found = await reports.read(page.items, raw.signal);
      return pageReply(raw, found.map(renderSlo), page.nextAfterId);
    },
  });
}

function readSlo(reports: SloReports): Route {
  return defineRoute({
    method: 'get',
    path: '/v1/slos/{id}',
    operationId: 'readSlo',
    tag: 'slos',
    summary: 'One service level objective, with error ratios, burn rates and its budget',
    description: DESCRIPTION,
    role: 'viewer',
    answeredBy: 'member',
    pathSchema: sloPath,
    querySchema: nothing,
    body: NO_BODY,
    responses: { 200: { description: 'The objective', schema: sloView } },
    problems: ['slo_not_found'],
    answer: async ({ path, raw }) => {
      const wanted = reports.slos.filter(({ id }) => id === path.id);
      const [report] = await reports.read(wanted, raw.signal);
      if (report === undefined) {
        throw new HttpRefusal('slo_not_found', `No SLO has the id "${path.id}".`);
      }
      return json(renderSlo(report));
    },
  });
}
