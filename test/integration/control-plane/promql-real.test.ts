/** Our reading of PromQL against the parser that will judge the query in the end. */

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { z } from 'zod';
import { parsePromql } from '../../../control-plane/schemas/promql.ts';
import { preparePrometheus, startPrometheus } from '../../support/prometheus-process.ts';
import type { PrometheusProcess } from '../../support/prometheus-process.ts';
import { anyQuery, ONLY_IN_3, QUERIES } from '../../support/promql-queries.ts';
import { skipWithout } from '../../support/skip.ts';

const ANSWER = z.discriminatedUnion('status', [
  z.object({ status: z.literal('success'), data: z.object({ resultType: z.string() }) }),
  z.object({ status: z.literal('error'), errorType: z.string(), error: z.string() }),
]);

type Verdict =
  | { readonly kind: 'accepted'; readonly type: string }
  /** It parsed, and evaluating it failed, as topk(NaN, x) does: nothing was said of the type. */
  | { readonly kind: 'untyped' }
  | { readonly kind: 'refused'; readonly why: string };

describe('PromQL as Prometheus itself reads it', function () {
  this.timeout(60_000);
  const started: (() => unknown)[] = [];
  let server: PrometheusProcess;

  before(async function () {
    skipWithout(this, 'prometheus');
    const directory = await mkdtemp(join(tmpdir(), 'omnimind-promql-'));
    started.push(() => rm(directory, { recursive: true, force: true }));
    const place = await preparePrometheus(directory, 'global: {}', 'groups: []');
    server = await startPrometheus(place);
    started.push(() => server.kill());
  });

  after(async () => {
    for (const stop of started.reverse()) await stop();
  });

  async function theirs(query: string): Promise<Verdict> {
    const body = new URLSearchParams({ query, time: '1000' });
    const answer = await fetch(`${server.url}/api/v1/query`, { method: 'POST', body });
    const said = ANSWER.parse(await answer.json());
    if (said.status === 'success') return { kind: 'accepted', type: said.data.resultType };
    if (said.errorType === 'execution') return { kind: 'untyped' };
    assert.equal(said.errorType, 'bad_data', query);
    return { kind: 'refused', why: said.error };
  }

  async function assertSame(query: string): Promise<Verdict> {
    const verdict = await theirs(query);
    const reading = parsePromql(query);
    const ours =
      reading.kind === 'parsed' ? `accepted as ${reading.type}` : `refused: ${reading.message}`;
    if (verdict.kind === 'refused') {
      assert.equal(reading.kind, 'faulty', `${query}: ${ours}, but ${verdict.why}`);
    } else {
      assert.ok(reading.kind === 'parsed', `${query}: ${ours}, but Prometheus takes it`);
      if (verdict.kind === 'accepted') assert.equal(reading.type, verdict.type, query);
    }
    return verdict;
  }

  for (const [about, queries] of Object.entries(QUERIES)) {
    it(`is taken, refused and typed alike: ${about}`, async () => {
      const verdicts = [];
      for (const query of queries) verdicts.push((await assertSame(query)).kind);
      // Each table has both, or agreeing would be easy.
      assert.deepEqual([...new Set(verdicts)].sort(), ['accepted', 'refused']);
    });
  }

  it('is taken, refused and typed alike, whatever is put together', async () => {
    const seen = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(anyQuery, async (query) => {
        const verdict = await assertSame(query);
        const what = verdict.kind === 'accepted' ? verdict.type : verdict.kind;
        seen.set(what, (seen.get(what) ?? 0) + 1);
      }),
      { numRuns: 400, interruptAfterTimeLimit: 30_000, markInterruptAsFailure: false },
    );
    for (const type of ['vector', 'matrix', 'refused']) {
      assert.ok((seen.get(type) ?? 0) > 0, `${type}: ${JSON.stringify([...seen])}`);
    }
  });

  it('is taken where a newer Prometheus than this one takes it', async () => {
    for (const query of ONLY_IN_3) {
      const reading = parsePromql(query);
      assert.ok(reading.kind === 'parsed', query);
      const verdict = await theirs(query);
      if (verdict.kind === 'accepted') assert.equal(reading.type, verdict.type, query);
    }
  });
});
