/** The table of decisions for people. */

import assert from 'node:assert/strict';

import { decisionListPage } from '../../../../control-plane/http/decision-list-page.ts';
import { actingDecision, decision, holdingDecision } from '../../../support/http-documents.ts';
import { assertSelfContained, linksOf, textOf } from '../../../support/page-text.ts';
import { NOW_MS, sample, scaleInput } from '../../../support/scale-input.ts';

describe('the page of decisions', () => {
  it('says of each when it was, which way it went, from where to where, and why', () => {
    const observed = scaleInput({ mode: 'observe', observations: [sample(70)] });
    const override = { replicas: 8, sinceMs: 0, untilMs: null, note: '' };
    const records = [
      actingDecision(NOW_MS),
      holdingDecision(NOW_MS),
      decision(NOW_MS, 'w', scaleInput({ override })),
      decision(NOW_MS, 'w', scaleInput({ observations: [sample(10)] })),
      decision(NOW_MS, 'w', observed),
    ];
    const text = textOf(decisionListPage({ records, search: '', next: null }));
    assert.match(
      text,
      /2023-11-14 22:13:20 UTC w ▲ scaled out 4 → 7 above_target The signals ask/u,
    );
    assert.match(text, /= held 4 within_tolerance/u);
    assert.match(text, /▲ scaled out 4 → 8 override_set/u);
    assert.match(text, /▼ scaled in 4 → 1 below_target/u);
    assert.match(text, /= held 4 asked: 7 mode_observe/u);
    assert.match(text, /These are all\./u);
  });

  it('links the page of each, the next one, the JSON, and the same query narrowed', () => {
    const records = [actingDecision(NOW_MS)];
    const search = 'workload=w&verdict=hold&cursor=abc&limit=5';
    const next = '/v1/decisions?workload=w&cursor=def';
    const page = decisionListPage({ records, search, next });
    assert.deepEqual(linksOf(page), [
      '/v1/decisions?workload=w&limit=5',
      '/v1/decisions?workload=w&verdict=act&limit=5',
      '/v1/decisions?workload=w&verdict=act&limit=5&direction=out',
      '/v1/decisions?workload=w&verdict=act&limit=5&direction=in',
      '/v1/decisions?workload=w&verdict=hold&limit=5',
      '/v1/decisions?verdict=hold&limit=5',
      `/v1/decisions/${actingDecision(NOW_MS).decisionId}`,
      '/v1/decisions?workload=w',
      next,
      '/v1/decisions?workload=w&verdict=hold&limit=5&format=json',
    ]);
    assert.match(page, /aria-current="page"><b>Held<\/b>/u);
    assert.match(textOf(page), /Only those with workload w, verdict hold\./u);
  });

  it('says that there is none', () => {
    const page = decisionListPage({ records: [], search: 'reason=at_desired', next: null });
    assert.match(textOf(page), /There is no such decision\./u);
  });

  it('makes no markup of what anybody wrote', () => {
    const hostile = `"><script>alert('x')</script>`;
    const record = {
      ...actingDecision(NOW_MS),
      decisionId: hostile,
      workloadId: hostile,
      policyId: hostile,
    };
    const search = new URLSearchParams({ workload: hostile, [hostile]: hostile }).toString();
    const page = decisionListPage({
      records: [record],
      search,
      next: `/v1/decisions?x=${hostile}`,
    });
    assertSelfContained(page);
    assert.ok(textOf(page).includes(hostile));
  });
});
