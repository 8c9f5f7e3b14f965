/** Decisions over HTTP as pages for people, beside the JSON that every other client goes on getting. */

import assert from 'node:assert/strict';

import { decisionPage } from '../../../control-plane/http/decision-page.ts';
import { FRAME_HEADERS } from '../../../control-plane/http/page-frame.ts';
import type { DecisionRecord } from '../../../control-plane/model/decision.ts';
import { startTestCluster } from '../../support/http-cluster.ts';
import { actingDecision, holdingDecision } from '../../support/http-documents.ts';
import {
  bearer,
  problemOf,
  startTestPlane,
  type TestAnswer,
  type TestPlane,
  type TestPlaneOptions,
} from '../../support/http-plane.ts';
import { assertSelfContained, linksOf, textOf } from '../../support/page-text.ts';
import { NOW_MS } from '../../support/scale-input.ts';

const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';
const TICK_MS = 15_000;

describe('decisions as pages', () => {
  const closing: (() => Promise<void>)[] = [];
  let plane: TestPlane;

  async function start(options: TestPlaneOptions = {}): Promise<TestPlane> {
    const started = await startTestPlane(options);
    closing.push(() => started.stop());
    plane = started;
    return started;
  }

  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  const get = (path: string, accept?: string, method = 'GET'): Promise<TestAnswer> =>
    plane.send({ method, path, headers: accept === undefined ? {} : { accept } });

  async function store(...records: readonly DecisionRecord[]): Promise<void> {
    await plane.decisions.append(records);
  }

  /** Three of one workload, and one of another between them. */
  const [first, middle, last] = [0, 1, 2].map((at) => holdingDecision(NOW_MS + at * TICK_MS));
  assert.ok(first && middle && last);
  const other = actingDecision(NOW_MS + TICK_MS + 1, 'other');
  const pathOf = ({ decisionId }: DecisionRecord): string => `/v1/decisions/${decisionId}`;

  it('answers a browser with a page that loads nothing, under headers that allow nothing', async () => {
    await start();
    await store(first);
    const answer = await get(pathOf(first), BROWSER);
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.headers['content-type'], 'text/html; charset=utf-8');
    assert.equal(answer.headers.vary, 'Accept');
    for (const [name, value] of Object.entries(FRAME_HEADERS)) {
      assert.equal(answer.headers[name], value, name);
    }
    assertSelfContained(answer.text);
    assert.match(textOf(answer.text), /Held at 4 The value is so close to its target/u);
  });

  it('goes on answering JSON to everybody else', async () => {
    await start();
    await store(first);
    for (const accept of [undefined, '*/*', 'application/json', 'text/html;q=0.1, */*']) {
      for (const path of [pathOf(first), '/v1/decisions']) {
        const answer = await get(path, accept);
        assert.equal(answer.headers['content-type'], 'application/json', accept);
        assert.equal(answer.headers.vary, 'Accept');
        assert.equal(answer.headers['content-security-policy'], undefined);
      }
    }
  });

  it('lets the query say it, before Accept', async () => {
    await start();
    await store(first);
    const json = await get(`${pathOf(first)}?format=json`, BROWSER);
    assert.equal(json.headers['content-type'], 'application/json');
    const page = await get(`/v1/decisions?format=html`);
    assert.equal(page.headers['content-type'], 'text/html; charset=utf-8');
    const refused = await get(`${pathOf(first)}?format=xml`, BROWSER);
    assert.match(problemOf(refused).messages, /expected one of json, html/u);
  });

  it('answers HEAD with what GET would have said, and no page', async () => {
    await start();
    await store(first);
    const [got, head] = [
      await get(pathOf(first), BROWSER),
      await get(pathOf(first), BROWSER, 'HEAD'),
    ];
    assert.equal(head.status, 200);
    assert.equal(head.text, '');
    for (const name of ['content-type', 'content-length', 'content-security-policy', 'vary']) {
      assert.equal(head.headers[name], got.headers[name], name);
    }
  });

  it('links the decisions of the same workload before and after it', async () => {
    await start();
    await store(first, middle, last, other);
    const links = linksOf((await get(pathOf(middle), BROWSER)).text);
    assert.deepEqual(links.slice(0, 3), ['/v1/decisions?workload=w', pathOf(first), pathOf(last)]);
    const alone = textOf((await get(pathOf(other), BROWSER)).text);
    assert.match(alone, /this is the oldest this is the newest/u);
    for (const link of links.filter((one) => one.startsWith('/v1/decisions'))) {
      assert.equal((await get(link)).status, 200, link);
    }
  });

  it('finds the next one however long after', async () => {
    await start();
    for (const laterMs of [59_000, 61_000, 7_200_000, 30 * 86_400_000]) {
      const record = holdingDecision(NOW_MS, `w${laterMs}`);
      const next = holdingDecision(NOW_MS + laterMs, `w${laterMs}`);
      await store(record, next, holdingDecision(NOW_MS + 2 * laterMs, `w${laterMs}`));
      assert.ok(linksOf((await get(pathOf(record), BROWSER)).text).includes(pathOf(next)));
    }
  });

  it('claims no next one among more than it looks at', async () => {
    await start();
    const crowd = Array.from({ length: 61 }, (_, at) => holdingDecision(NOW_MS + 1 + at));
    await store(first, ...crowd);
    const page = await get(pathOf(first), BROWSER);
    assert.match(textOf(page.text), /the one after →: look in the list/u);
  });

  it('shows the page without its neighbours when the store fails meanwhile', async () => {
    await start();
    await store(first);
    const { decisions } = plane;
    const read = decisions.read.bind(decisions);
    decisions.read = async (...asked) => {
      const record = await read(...asked);
      decisions.failWith('away');
      return record;
    };
    const page = await get(pathOf(first), BROWSER);
    assert.equal(page.status, 200, page.text);
    assert.match(textOf(page.text), /← the one before: look in the list/u);
  });

  it('is the page of the record that the store has', async () => {
    await start();
    const act = actingDecision(NOW_MS);
    await store(act);
    const page = await get(pathOf(act), BROWSER);
    const counterfactuals = plane.views.counterfactuals(act.input);
    const neighbours = { before: { kind: 'none' }, after: { kind: 'none' } } as const;
    assert.equal(page.text, decisionPage({ record: act, counterfactuals, neighbours }));
  });

  it('lists decisions with the filters of the query, page by page', async () => {
    await start();
    await store(first, middle, last, other);
    const page = await get('/v1/decisions?workload=w&limit=2', BROWSER);
    assert.equal(page.headers['content-type'], 'text/html; charset=utf-8');
    assertSelfContained(page.text);
    const links = linksOf(page.text);
    assert.ok(links.includes(pathOf(last)) && links.includes(pathOf(middle)));
    assert.ok(!links.includes(pathOf(first)) && !links.includes(pathOf(other)));
    const [, next = ''] = /<([^>]+)>; rel="next"/u.exec(String(page.headers['link'])) ?? [];
    assert.ok(links.includes(next), next);
    const rest = await get(next, BROWSER);
    assert.ok(linksOf(rest.text).includes(pathOf(first)));
    assert.match(textOf(rest.text), /These are all\./u);
    for (const link of links) assert.equal((await get(link, BROWSER)).status, 200, link);
  });

  it('refuses a browser as it refuses everybody: with a problem', async () => {
    await start();
    const missing = await get(pathOf(first), BROWSER);
    assert.equal(problemOf(missing).code, 'decision_not_found');
    assert.equal(problemOf(await get('/v1/decisions?verdict=%3Cb%3E', BROWSER)).status, 400);
  });

  it('needs a key as soon as there is one', async () => {
    const { keys } = await start({ withKeys: true });
    await store(first);
    assert.equal(problemOf(await get(pathOf(first), BROWSER)).code, 'unauthenticated');
    const headers = { accept: BROWSER, ...bearer(keys.viewer) };
    const answer = await plane.send({ path: pathOf(first), headers });
    assert.equal(answer.headers['content-type'], 'text/html; charset=utf-8');
  });

  it('comes through a member that does not lead as the leader made it', async () => {
    const cluster = await startTestCluster();
    closing.push(() => cluster.stop());
    await cluster.member('a').decisions.append([first]);
    const ask = (id: string, headers: Readonly<Record<string, string>>) =>
      cluster.member(id).send({ path: pathOf(first), headers });
    const direct = await ask('a', { accept: BROWSER });
    const forwarded = await ask('b', { accept: BROWSER });
    assert.equal(forwarded.status, 200, forwarded.text);
    assert.equal(forwarded.headers['omnimind-leader'], 'a');
    assert.equal(forwarded.text, direct.text);
    for (const name of ['content-type', 'content-security-policy', 'vary']) {
      assert.equal(forwarded.headers[name], direct.headers[name], name);
    }
    assert.equal((await ask('b', {})).headers['content-type'], 'application/json');
  });
});
