/**
 * Backtests over the API: what policies would have done on recorded load. Any member answers, for itself
 * and away from its event loop; nothing is acted on or stored.
 */

import type { BacktestPolicy, BacktestRequest } from '../model/backtest.ts';
import { unreachable } from '../model/reasons.ts';
import type { Consensus } from '../ports/consensus.ts';
import { backtestDocument, parseBacktest } from '../schemas/backtest.ts';
import type { AskedBacktest, AskedPolicy } from '../schemas/backtest.ts';
import { renderPolicy } from '../schemas/policy.ts';
import { nothing } from '../schemas/query.ts';
import { backtestAnswer } from './backtest-representations.ts';
import { HttpRefusal } from './errors.ts';
import type { RequestFault } from './errors.ts';
import { askedFormat, HTML, type Format, VARY_ACCEPT, ACCEPT_HEADERS } from './media-type.ts';
import { countOf } from './problem.ts';
import { defineRoute } from './route.ts';
import type { Reply, Route } from './route.ts';

/** `html`: the report, whole in one page. */
export type BacktestFormat = Format;

export type BacktestAnswer =
  | {
      readonly kind: 'done';
      readonly bytes: Uint8Array;
      /** Under which a page may be shown; null of JSON. */
      readonly contentSecurityPolicy: string | null;
    }
  /** The request cannot be run; each fault says why and what would help. */
  | { readonly kind: 'refused'; readonly faults: readonly string[] }
  | { readonly kind: 'source_failed'; readonly detail: string }
  /** As many run already as may. */
  | { readonly kind: 'busy' }
  | { readonly kind: 'too_long'; readonly limitMs: number }
  /** It took more memory than it may. */
  | { readonly kind: 'too_large' };

/** What the edge needs of whoever runs backtests. */
export interface Backtests {
  /** Ends early, and rejects, when the signal aborts; rejects otherwise for bugs alone. */
  run(
    request: BacktestRequest,
    format: BacktestFormat,
    signal: AbortSignal,
  ): Promise<BacktestAnswer>;
}

export function backtestRoutes(
  backtests: Backtests,
  consensus: Pick<Consensus, 'readState'>,
): readonly Route[] {
  return [
    defineRoute({
      method: 'post',
      path: '/v1/autoscaling/backtest',
      operationId: 'backtest',
      tag: 'decisions',
      summary: 'What policies would have done on recorded load; nothing is acted on or stored',
      description:
        'The live decider over history, in a stated plant, side by side and beside an oracle that knows the future. The history is read from the metrics source of the member that is asked, or sent along as points. With `Accept: text/html` the answer is a report with charts, one page that opens offline. One runs at a time.',
      role: 'operator',
      answeredBy: 'member',
      pathSchema: nothing,
      querySchema: nothing,
      body: { schema: backtestDocument, parse: parseBacktest },
      responses: {
        200: {
          description: 'What came of it: JSON, or the report as text/html',
          schema: backtestAnswer,
          alsoAs: [HTML],
          headers: ACCEPT_HEADERS,
        },
      },
      problems: [
        'policy_not_found',
        'backtest_busy',
        'backtest_source_failed',
        'backtest_too_long',
        'backtest_too_large',
      ],
      answer: async ({ body, raw }) => {
        const request = requestOf(body, consensus);
        const format = askedFormat(raw.headers);
        return replyOf(await backtests.run(request, format, raw.signal), format);
      },
    }),
  ];
}

function requestOf({ policies, rest }: AskedBacktest, consensus: Pick<Consensus, 'readState'>) {
  const labels = new Map<string, number>();
  const resolved = policies.map((asked): BacktestPolicy => {
    const policy = policyOf(asked, consensus);
    const label = asked.label ?? policy.id;
    const count = (labels.get(label) ?? 0) + 1;
    labels.set(label, count);
    return {
      label: count === 1 ? label : `${label} (${count})`,
      policy,
      document: JSON.stringify(renderPolicy(policy), null, 2),
    };
  });
  return { ...rest, policies: resolved };
}

function policyOf({ asked }: AskedPolicy, consensus: Pick<Consensus, 'readState'>) {
  if (asked.kind === 'document') return asked.policy;
  const stored = consensus.readState().policies[asked.id];
  if (stored === undefined) {
    throw new HttpRefusal('policy_not_found', `No policy has the id "${asked.id}".`);
  }
  return stored.policy;
}

function replyOf(answer: BacktestAnswer, format: BacktestFormat): Reply {
  switch (answer.kind) {
    case 'done':
      return {
        status: 200,
        body: { kind: 'bytes', bytes: answer.bytes },
        headers: {
          'content-type': format === 'html' ? `${HTML}; charset=utf-8` : 'application/json',
          ...VARY_ACCEPT,
          ...(answer.contentSecurityPolicy !== null && {
            'content-security-policy': `${answer.contentSecurityPolicy}; frame-ancestors 'none'`,
            'referrer-policy': 'no-referrer',
          }),
        },
      };
    case 'refused': {
      const faults = answer.faults.map((message): RequestFault => {
        return { in: 'body', pointer: '', message };
      });
      throw new HttpRefusal('invalid_document', countOf(faults.length), { faults });
    }
    case 'source_failed':
      throw new HttpRefusal('backtest_source_failed', answer.detail);
    case 'busy':
      throw new HttpRefusal('backtest_busy', 'Another backtest runs on this member.');
    case 'too_long':
      throw new HttpRefusal('backtest_too_long', `It was not done after ${answer.limitMs} ms.`);
    case 'too_large':
      throw new HttpRefusal('backtest_too_large', 'It took more memory than it may.');
    default:
      return unreachable(answer);
  }
}
