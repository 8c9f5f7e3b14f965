/**
 * Elections: the attempts to become leader that are remembered, won and lost, with their votes and
 * moments. They live in the replicated state, so that every member shows the same.
 */

import type { Election } from '../model/election.ts';
import type { Consensus } from '../ports/consensus.ts';
import { electionPath, electionsQuery, nothing } from '../schemas/query.ts';
import { electionView } from './cluster-representations.ts';
import { HttpRefusal } from './errors.ts';
import { PAGE_HEADERS, pageReply } from './page.ts';
import { pageOf } from './representations.ts';
import { defineRoute, json, NO_BODY, type Route } from './route.ts';

export function electionRoutes(consensus: Consensus): readonly Route[] {
  return [listElections(consensus), readElection(consensus)];
}

function listElections(consensus: Consensus): Route {
  return defineRoute({
    method: 'get',
    path: '/v1/elections',
    operationId: 'listElections',
    tag: 'members',
    summary: 'The latest elections, newest first, each with its votes, timings and trace',
    role: 'viewer',
    answeredBy: 'state',
    pathSchema: nothing,
    querySchema: electionsQuery,
    body: NO_BODY,
    responses: {
      200: {
        description: 'A page of elections',
        schema: pageOf(electionView, 'ElectionPage'),
        headers: PAGE_HEADERS,
      },
    },
    answer: ({ query, raw }) => {
      const { outcome, candidate, cursor, limit } = query;
      const found = olderThan(consensus.readState().elections, cursor).filter(
        (one) =>
          (outcome === undefined || one.outcome === outcome) &&
          (candidate === undefined || one.candidateId === candidate),
      );
      const page = found.slice(0, limit);
      const last = page.at(-1);
      const isMore = last !== undefined && found.length > limit;
      return pageReply(raw, page, isMore ? last.electionId : null);
    },
  });
}

function readElection(consensus: Consensus): Route {
  return defineRoute({
    method: 'get',
    path: '/v1/elections/{electionId}',
    operationId: 'readElection',
    tag: 'members',
    summary: 'One election, with its votes, timings and trace',
    role: 'viewer',
    answeredBy: 'state',
    pathSchema: electionPath,
    querySchema: nothing,
    body: NO_BODY,
    responses: { 200: { description: 'The election', schema: electionView } },
    problems: ['election_not_found'],
    answer: ({ path }) => {
      const { electionId } = path;
      const found = consensus.readState().elections.find((one) => one.electionId === electionId);
      if (found === undefined) {
        const detail = `No election "${electionId}" is remembered.`;
        throw new HttpRefusal('election_not_found', detail);
      }
      return json(found);
    },
  });
}

/**
 * Newest first, from behind the cursor. An election that is forgotten took all older ones with it:
 * then nothing is left to list.
 */
function olderThan(newestLast: readonly Election[], cursor: string | undefined) {
  if (cursor === undefined) return newestLast.toReversed();
  const at = newestLast.findIndex((one) => one.electionId === cursor);
  return newestLast.slice(0, Math.max(at, 0)).toReversed();
}
