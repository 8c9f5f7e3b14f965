/** The plane's mode: it caps that of every workload, and `stopped` is the global stop. */

import type { Consensus } from '../ports/consensus.ts';
import { parseWith } from '../schemas/fault.ts';
import { modeDocument, nothing } from '../schemas/query.ts';
import type { Committer } from './committer.ts';
import { modeView } from './representations.ts';
import { defineRoute, json, NO_BODY, type Route } from './route.ts';

export function modeRoutes(consensus: Consensus, committer: Committer): readonly Route[] {
  const read = defineRoute({
    method: 'get',
    path: '/v1/mode',
    operationId: 'readMode',
    tag: 'mode',
    summary: 'How far any decision may go',
    role: 'viewer',
    answeredBy: 'state',
    pathSchema: nothing,
    querySchema: nothing,
    body: NO_BODY,
    responses: { 200: { description: 'The mode', schema: modeView } },
    answer: () => json({ mode: consensus.readState().mode }),
  });
  const put = defineRoute({
    method: 'put',
    path: '/v1/mode',
    operationId: 'putMode',
    tag: 'mode',
    summary: 'Sets how far any decision may go; takes effect within one tick',
    role: 'operator',
    answeredBy: 'leader',
    command: true,
    pathSchema: nothing,
    querySchema: nothing,
    body: { schema: modeDocument, parse: (value) => parseWith(modeDocument, value) },
    responses: { 200: { description: 'The mode is set', schema: modeView } },
    answer: async (call) => {
      const { mode } = call.body;
      await committer.commit(call, (head) => ({ kind: 'set_mode', ...head, mode }));
      return json({ mode });
    },
  });
  return [read, put];
}
