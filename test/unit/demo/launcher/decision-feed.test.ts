import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import {
  decisionLine,
  followDecisions,
  parseDecisions,
} from '../../../../demo/launcher/decision-feed.ts';
import { listenLocally } from '../../../support/process.ts';

function record(decisionId: string, atMs: number, verdict: object) {
  return {
    decisionId,
    kind: 'scale',
    workloadId: 'demo-inference',
    atMs,
    traceId: 'f'.repeat(32),
    input: {
      desired: 2,
      policy: {
        metrics: [
          { name: 'concurrency', kind: 'average_value', target: 4 },
          { name: 'busy_ratio', kind: 'value', target: 0.7 },
        ],
      },
      observations: [
        { kind: 'sample', metric: 'concurrency', value: 16.25 },
        { kind: 'sample', metric: 'busy_ratio', value: 1 },
      ],
    },
    outcome: {
      verdict,
      proposals: [
        { kind: 'replicas', metric: 'busy_ratio', replicas: 3 },
        { kind: 'replicas', metric: 'concurrency', replicas: 5 },
      ],
    },
  };
}

const OUT = { kind: 'act', direction: 'out', replicas: 5, reason: 'above_target' };

describe('the feed of decisions', () => {
  it('shows a decision as one line with the signal that won', () => {
    const [decision] = parseDecisions({ items: [record('1-a', 1_700_000_000_000, OUT)] });
    assert.ok(decision !== undefined);
    const line = decisionLine(decision, 0.8124);
    assert.match(line, /^\d\d:\d\d:\d\d {2}demo-inference {2}2 → 5 {2}above_target {2}/);
    assert.match(line, /concurrency 16\.3, target 4 per replica {2}p95 now 812 ms {2}trace f{32}$/);
  });

  it('leaves out what is not a decision that acts', () => {
    const hold = { kind: 'hold', replicas: 2, reason: 'within_tolerance' };
    const items = [record('1-a', 1, hold), null, 'text', {}, record('2-a', 2, OUT)];
    assert.deepEqual(
      parseDecisions({ items }).map(({ decisionId }) => decisionId),
      ['2-a'],
    );
    assert.deepEqual(parseDecisions('<html>'), []);
  });

  it('waits for the database, then gives each decision once, oldest first, over failures', async () => {
    const pages: readonly (object | null)[] = [
      { items: [record('2-a', 2000, OUT), record('1-a', 1000, OUT), record('0-a', 10, OUT)] },
      null,
      { items: [record('3-a', 3000, OUT), record('2-a', 2000, OUT)] },
    ];
    const stores = ['degraded', 'degraded', 'ok'];
    let asked = 0;
    const done = new AbortController();
    const server = createServer((request, response) => {
      if (request.url === '/readyz') {
        assert.equal(asked, 0);
        const status = stores.shift() ?? assert.fail('asked again once it had answered');
        response.end(JSON.stringify({ checks: [{ name: 'decision_store', status }] }));
        return;
      }
      assert.deepEqual(stores, []);
      assert.match(request.url ?? '', /^\/v1\/decisions\?verdict=act&limit=\d+$/);
      const page = pages[asked];
      asked += 1;
      if (asked > pages.length) done.abort();
      if (page === null) response.writeHead(503).end('not now');
      else response.end(JSON.stringify(page ?? { items: [] }));
    });
    const port = await listenLocally(server);
    const seen: string[] = [];
    try {
      await followDecisions(
        {
          planeUrls: [`http://127.0.0.1:${port}`],
          sinceMs: 500,
          intervalMs: 1,
          onDecision: ({ decisionId }) => void seen.push(decisionId),
        },
        done.signal,
      );
    } finally {
      server.close();
      server.closeAllConnections();
    }
    assert.deepEqual(seen, ['1-a', '2-a', '3-a']);
  });
});
