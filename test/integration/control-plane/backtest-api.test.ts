/** Backtests over the API: the answer, the report, and what is refused, with the real thread behind it. */

import assert from 'node:assert/strict';
import { createBacktests } from '../../../control-plane/composition/backtests.ts';
import type { BacktestsLimits } from '../../../control-plane/composition/backtests.ts';
import { BACKTESTS_LIMITS } from '../../../control-plane/composition/backtests.ts';
import { backtestAnswer } from '../../../control-plane/http/backtest-representations.ts';
import { policyDocument, workloadDocument } from '../../support/http-documents.ts';
import { bearer, problemOf, startTestPlane } from '../../support/http-plane.ts';
import type { TestAnswer, TestPlane } from '../../support/http-plane.ts';
import { pollUntil } from '../../support/process.ts';

const PROMETHEUS = {
  baseUrl: 'http://127.0.0.1:9',
  tokenFile: null,
  basicAuthFile: null,
  headers: {},
  headersFile: null,
  caFile: null,
  certFile: null,
  keyFile: null,
  serverName: null,
  timeoutMs: 1_000,
};

/** Points by 15 s; the load rises from 20 to 60 half-way. */
function request(steps: number, overrides: object = {}) {
  const values = Array.from({ length: steps }, (_, at) => (at < steps / 2 ? 20 : 60));
  const series = { load: { start: '2026-11-01T00:00:15Z', step: '15s', values } };
  return {
    policies: [
      { label: 'as it is', policy: 'p' },
      { label: 'roomy', policy: policyDocument({ id: 'q', replicas: { min: 20, max: 40 } }) },
    ],
    from: '2026-11-01T00:00Z',
    to: new Date(Date.UTC(2026, 10, 1) + steps * 15_000).toISOString(),
    source: { kind: 'points', series },
    plant: { boot: '60s', capacity: 5 },
    ...overrides,
  };
}

describe('backtests over the API', () => {
  let plane: TestPlane;
  let limits: BacktestsLimits = BACKTESTS_LIMITS;
  let begun = 0;

  const start = async (): Promise<void> => {
    const backtests = createBacktests(PROMETHEUS, limits);
    const run: typeof backtests.run = (...asked) => {
      begun += 1;
      return backtests.run(...asked);
    };
    plane = await startTestPlane({ withKeys: true, backtests: { run } });
    const headers = bearer(plane.keys.admin);
    const put = (path: string, body: object) => plane.send({ method: 'PUT', path, body, headers });
    assert.equal((await put('/v1/workloads/w', workloadDocument())).status, 201);
    assert.equal((await put('/v1/policies/p', policyDocument())).status, 201);
  };

  beforeEach(() => {
    limits = BACKTESTS_LIMITS;
    begun = 0;
  });
  afterEach(() => plane.stop());

  const post = (
    body: object,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<TestAnswer> =>
    plane.send({
      method: 'POST',
      path: '/v1/autoscaling/backtest',
      body,
      headers: { ...bearer(plane.keys.operator), ...headers },
    });

  it('answer with every policy beside the oracle, by id and as sent', async () => {
    await start();
    const { status, json, text } = await post(request(200));
    assert.equal(status, 200, text);
    const answer = backtestAnswer.parse(json);
    assert.deepEqual(answer, json);
    assert.deepEqual(
      answer.runs.map(({ label, policyId }) => [label, policyId]),
      [
        ['as it is', 'p'],
        ['roomy', 'q'],
      ],
    );
    const [own, roomy] = answer.runs;
    assert.ok(own && roomy);
    assert.ok(own.measures.unservedRatio > 0);
    assert.equal(roomy.measures.unservedRatio, 0);
    assert.equal(answer.steps, 200);
  });

  it('answer with the report for whoever wants HTML', async () => {
    await start();
    const { status, headers, text } = await post(request(200), { accept: 'text/html' });
    assert.equal(status, 200, text);
    assert.equal(headers['content-type'], 'text/html; charset=utf-8');
    assert.match(
      String(headers['content-security-policy']),
      /^default-src 'none'; script-src 'sha/,
    );
    assert.match(text, /^<!doctype html>/);
    assert.match(text, /as it is/);
  });

  it('need the role operator, and policies that exist', async () => {
    await start();
    const viewer = await post(request(10), bearer(plane.keys.viewer));
    assert.equal(problemOf(viewer).code, 'forbidden');
    const missing = problemOf(await post(request(10, { policies: ['nobody'] })));
    assert.equal(missing.code, 'policy_not_found');
  });

  it('are refused with every fault: of the document, and of what cannot be run', async () => {
    await start();
    const wrong = problemOf(await post(request(10, { plant: {}, step: 'x' })));
    assert.equal(wrong.code, 'invalid_document');
    assert.deepEqual(wrong.pointers, ['/step', '/plant/boot', '/plant/capacity']);
    const signals = { gpu: 'busy' };
    const unrunnable = problemOf(await post(request(10, { signals })));
    assert.equal(unrunnable.status, 422);
    assert.match(unrunnable.messages, /no policy reads a signal gpu/);
  });

  it('say that the metrics source does not answer', async () => {
    await start();
    const problem = problemOf(await post(request(10, { source: { kind: 'prometheus' } })));
    assert.equal(problem.code, 'backtest_source_failed');
    assert.match(problem.detail, /ECONNREFUSED/);
  });

  it('run one at a time, beside a member that goes on answering', async () => {
    await start();
    const long = request(10_000, { policies: Array.from({ length: 6 }, () => 'p') });
    const first = post(long);
    await pollUntil('it runs', 20_000, () => Promise.resolve(begun > 0));
    const busy = problemOf(await post(request(10)));
    assert.equal(busy.code, 'backtest_busy');
    const alive = await plane.send({ path: '/livez' });
    assert.equal(alive.status, 200);
    const done = await first;
    assert.equal(done.status, 200, done.text.slice(0, 300));
    assert.equal((await post(request(10))).status, 200);
  });

  it('end by their deadline', async () => {
    limits = { ...BACKTESTS_LIMITS, timeoutMs: 50 };
    await start();
    const problem = problemOf(await post(request(10_000)));
    assert.equal(problem.code, 'backtest_too_long');
    assert.match(problem.detail, /50 ms/);
  });

  it('end when the client goes away', async () => {
    await start();
    const { port, keys } = plane;
    const leaving = new AbortController();
    const gone = fetch(`http://127.0.0.1:${port}/v1/autoscaling/backtest`, {
      method: 'POST',
      headers: { ...bearer(keys.operator), 'content-type': 'application/json' },
      body: JSON.stringify(request(10_000, { policies: Array.from({ length: 16 }, () => 'p') })),
      signal: leaving.signal,
    });
    await pollUntil('it runs', 20_000, () => Promise.resolve(begun > 0));
    leaving.abort();
    await assert.rejects(gone);
    const startedMs = performance.now();
    await pollUntil(
      'the next may run',
      20_000,
      async () => (await post(request(10))).status === 200,
    );
    assert.ok(performance.now() - startedMs < 10_000);
  });
});
