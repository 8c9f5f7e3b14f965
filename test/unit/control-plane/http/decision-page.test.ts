/** The page of one decision: what a person reads first, and that nothing a user wrote becomes markup. */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';

import fc from 'fast-check';

import { counterfactualsOf } from '../../../../control-plane/deciders/counterfactual.ts';
import { decideScale } from '../../../../control-plane/deciders/scale.ts';
import { decisionPage, type Neighbours } from '../../../../control-plane/http/decision-page.ts';
import { FRAME_HEADERS, PAGE_STYLE } from '../../../../control-plane/http/page-frame.ts';
import type { DecisionRecord, ScaleInput } from '../../../../control-plane/model/decision.ts';
import { decision } from '../../../support/http-documents.ts';
import { assertSelfContained, linksOf, textOf } from '../../../support/page-text.ts';
import { arbitraryScaleInput } from '../../../support/policy-arbitraries.ts';
import {
  failed,
  metric,
  NOW_MS,
  policy,
  sample,
  scaleInput,
  strategy,
  strategyInput,
} from '../../../support/scale-input.ts';

const ALONE: Neighbours = { before: { kind: 'none' }, after: { kind: 'unknown' } };
const HOSTILE = `"><script>alert('x')</script>&amp;<img src=x onerror=alert(1)>`;

const pageOf = (record: DecisionRecord, neighbours = ALONE): string =>
  decisionPage({ record, counterfactuals: counterfactualsOf(record.input), neighbours });

const pageFor = (overrides: Partial<ScaleInput>): string =>
  pageOf(decision(NOW_MS, 'w', scaleInput(overrides)));

const readFor = (overrides: Partial<ScaleInput>): string => textOf(pageFor(overrides));

describe('the page of a decision', () => {
  it('says first what was decided, then why and in whose name', () => {
    const text = readFor({ observations: [sample(70)] });
    assert.match(
      text,
      /Scaled out from 4 to 7 The signals ask for more replicas than are wanted now\. above_target Workload w, policy w-policy version 1, 2023-11-14 22:13:20 UTC/u,
    );
    assert.match(
      text,
      /Why The signals asked for 7 \(load asks for 7\)\. load, 5 s old: 175 % of/u,
    );
    assert.match(text, /There were: 4 ready, 0 starting Wanted before: 4, now: 7/u);
    assert.match(text, /Allowed: 1 to 10, mode act/u);
  });

  it('marks in colour and words which way the number went', () => {
    assert.match(pageFor({ observations: [sample(70)] }), /class="hero out"/u);
    assert.match(pageFor({ observations: [sample(10)] }), /class="hero in"/u);
    assert.match(pageFor({}), /class="hero hold">\s*<h1>Held at 4</u);
  });

  it('lists what it would have been otherwise, alike numbers together', () => {
    const limited = policy({
      replicasMax: 20,
      rates: {
        out: {
          select: 'min',
          policies: [
            { kind: 'percent', value: 100, periodMs: 15_000 },
            { kind: 'replicas', value: 2, periodMs: 60_000 },
          ],
        },
        in: { select: 'max', policies: [] },
      },
    });
    const text = readFor({ policy: limited, observations: [sample(120)] });
    assert.match(text, /Scaled out from 4 to 6/u);
    assert.match(text, /asked for 12 \(load asks for 12\); the rate policies made it 6\./u);
    assert.match(text, /without the policy of 2 replicas in 60 s out: 8/u);
    assert.match(text, /without the rate policies out: 12/u);
    assert.match(text, /Rate out the min of 100 % in 15 s, 2 replicas in 1 min/u);
    const observed = readFor({ mode: 'observe', observations: [sample(70)] });
    assert.match(observed, /It would have been without the mode observe: 7/u);
    assert.match(observed, /Mode observe: decisions are recorded, not acted on/u);
  });

  it('says so when nothing alone would have changed it', () => {
    assert.match(
      readFor({}),
      /It would have been 4 as well without any one of its brakes, limits/u,
    );
  });

  it('shows each stage with the number before and after it, and marks those that changed it', () => {
    const page = pageFor({ observations: [sample(120)] });
    assert.match(textOf(page), /The signals 4 → 12 above_target load asks for 12/u);
    assert.match(textOf(page), /The bounds 12 → 10 at_maximum the maximum is 10/u);
    assert.equal(
      [...page.matchAll(/<tr class="mark"><th scope="row" class="nowrap">/gu)].length,
      2,
    );
    assert.match(page, /<tr class="quiet"><th scope="row" class="nowrap">The cooldowns<\/th>/u);
    assert.match(page, /Decided<\/th>.*<td class="n out">10<\/td>/u);
  });

  it('draws each bar from the number before to the number after, on one scale', () => {
    const page = pageFor({ observations: [sample(80)] });
    assert.match(
      page,
      /<rect class="f-stay" width="500" height="20"\/><rect class="f-out" x="500" width="500"/u,
    );
    assert.match(page, /0 to 8 replicas/u);
  });

  it('marks the signal that won, and what it read', () => {
    const two = policy({
      metrics: [metric(), metric({ name: 'queue', kind: 'value', target: 2 })],
    });
    const input = { policy: two, observations: [sample(70), sample(1, { metric: 'queue' })] };
    const text = readFor(input);
    assert.match(text, /70 10 per replica 175 % 5 s 7 WINS/u);
    assert.match(text, /1 2 50 % 5 s 2 outvoted/u);
  });

  it('marks the signal that kept the number, and what another one asked for', () => {
    const two = policy({ metrics: [metric(), metric({ name: 'queue' })] });
    const lost = { ...failed('signal_unavailable'), metric: 'queue' };
    const text = readFor({ policy: two, observations: [sample(20), lost] });
    assert.match(text, /load asked for 2, but queue could not be used, and that never lowers/u);
    assert.match(text, /– HOLDS THE NUMBER Not used: signal_unavailable .* \(made by a test\)/u);
    assert.match(text, /without queue: 2/u);
    assert.doesNotMatch(text, /WINS|outvoted/u);
  });

  it('says how old a stale signal was, and how old it may be', () => {
    const text = readFor({ observations: [sample(20, { sampledAtMs: NOW_MS - 94_000 })] });
    assert.match(
      text,
      /Held at 4 The oldest sample under the value is older than the policy allows/u,
    );
    assert.match(text, /1 min 34 s – HOLDS THE NUMBER/u);
    assert.match(text, /older than 30 s is not used/u);
  });

  it('says what operators did by hand, with their words', () => {
    const untilMs = NOW_MS + 60_000;
    const override = { replicas: 8, sinceMs: NOW_MS - 5_000, untilMs, note: 'launch' };
    const text = readFor({ override });
    assert.match(text, /the operator’s number made it 8 \(launch\)\./u);
    assert.match(
      text,
      /An operator’s number: 8, until 2023-11-14 22:14:20 UTC, for 5 s so far\. “launch”/u,
    );
    assert.doesNotMatch(readFor({ override: { ...override, untilMs: NOW_MS } }), /“launch”/u);
    const pause = { direction: 'both', sinceMs: 0, untilMs: null, note: '' } as const;
    assert.match(readFor({ pause }), /All scaling is paused until it is taken back\./u);
  });

  it('says what schedules and budgets allowed, and which action was under way', () => {
    const text = readFor({
      schedules: [{ name: 'noon', kind: 'cap', replicas: 1, fromMs: 0, untilMs: NOW_MS + 1_000 }],
      budgets: [
        { budgetId: 'gpus', unitsPerReplica: 2, limit: 17, usedByOthers: 8 },
        { budgetId: 'lost', unitsPerReplica: 1, limit: null, usedByOthers: 0 },
      ],
      inFlight: {
        decisionId: '018bcfe567e8-w',
        workloadId: 'w',
        fromReplicas: 3,
        toReplicas: 4,
        startedAtMs: NOW_MS - 9_000,
        deadlineMs: NOW_MS + 9_000,
        token: { term: 1, index: 1 },
      },
    });
    assert.match(text, /Schedule noon: at most 1 replica until 2023-11-14 22:13:21 UTC/u);
    assert.match(text, /Budget gpus: others have 8 of 17, a replica takes 2: room for 4 replicas/u);
    assert.match(text, /Budget lost: there is none of that name/u);
    assert.match(text, /An action under way for 9 s: 3 → 4, by 018bcfe567e8-w/u);
  });

  it('shows quantiles, horizon and score of the forecast, and what the rules made of it', () => {
    const forecast = {
      kind: 'ready',
      forecasts: [
        {
          kind: 'forecast',
          horizonMs: 60_000,
          model: 'seasonal',
          quantiles: [{ level: 0.9, load: 85 }],
          scored: 812,
          skillRatio: 0.41,
        },
        { kind: 'none', horizonMs: 600_000, reason: 'forecast_unproven' },
      ],
      rules: [{ kind: 'raise', horizonMs: 60_000, level: 0.9, target: 10 }],
    } as const;
    const text = readFor({ forecast });
    assert.match(text, /1 min seasonal 90 %: 85 41 % 812 compared raise to 8\.5 replicas/u);
    assert.match(text, /10 min No forecast: forecast_unproven/u);
    assert.match(
      readFor({ forecast: { kind: 'warming', detail: 'reading' } }),
      /has not|being read/u,
    );
  });

  it('says what the shadow wanted beside it', () => {
    const record = decision(NOW_MS, 'w', scaleInput({ observations: [sample(70)] }));
    const outcome = decideScale(scaleInput({ desired: 5, observations: [sample(90)] }));
    const text = textOf(pageOf({ ...record, shadow: { version: 2, desired: 5, outcome } }));
    assert.match(text, /The shadow, version 2, .* wanted 9, where the policy in force decided 7/u);
    assert.match(text, /It wanted 5 before\. The signals asked for 9/u);
  });

  it('says what the brakes remember, the newest first and not without end', () => {
    const events = Array.from({ length: 14 }, (_, index) => ({
      atMs: NOW_MS - (14 - index) * 1_000,
      change: index === 13 ? -2 : 1,
    }));
    const memory = {
      events,
      reversalsAtMs: [NOW_MS - 60_000],
      lastDirection: 'out',
      lostSinceMs: { load: NOW_MS - 30_000 },
      strategies: { s: { kind: 'queue', activeAtMs: null } },
    } as const;
    const brakes = {
      recommendations: [{ replicas: 4, firstAtMs: NOW_MS - 75_000, lastAtMs: NOW_MS - 15_000 }],
      lastOutAtMs: NOW_MS - 20_000,
      lastInAtMs: null,
      memory,
    };
    const text = readFor({ brakes, policy: policy({ cooldownUpMs: 30_000 }) });
    assert.match(text, /in the windows 4 \(1 min 15 s to 15 s before\)/u);
    assert.match(text, /Last scale-out 20 s before, 10 s of its cooldown left/u);
    assert.match(
      text,
      /rate policies see −2 1 s before, \+1 2 s before, .* 12 s before, and 2 older/u,
    );
    assert.match(text, /Turns of direction 1 min before/u);
    assert.match(text, /Lost signals load for 30 s/u);
    assert.match(text, /Strategies with a memory s \(queue\)/u);
  });

  it('says that the replicas are not known', () => {
    const text = readFor({ actual: { kind: 'unknown', detail: 'no answer' } });
    assert.match(text, /There were: not known: no answer/u);
    assert.match(text, /No signal was looked at/u);
  });

  it('tells an act that is not known to be committed from a hold', () => {
    const act = decision(NOW_MS, 'w', scaleInput({ observations: [sample(70)] }));
    const hold = decision(NOW_MS, 'w', scaleInput());
    assert.match(textOf(pageOf(act)), /Fencing token term 1, index 7/u);
    assert.match(textOf(pageOf({ ...act, token: null })), /none: it is not known to be committed/u);
    assert.match(textOf(pageOf({ ...hold, token: null })), /none, as nothing was acted on/u);
  });

  it('links the JSON, the replay, the policy, the trace and the decisions beside it', () => {
    const record = decision(NOW_MS, 'w', scaleInput());
    const links = linksOf(
      pageOf(record, {
        before: { kind: 'found', decisionId: '018bcfe567e8-w' },
        after: { kind: 'found', decisionId: '018bcfe587e8-w' },
      }),
    );
    assert.deepEqual(links, [
      '/v1/decisions?workload=w',
      '/v1/decisions/018bcfe567e8-w',
      '/v1/decisions/018bcfe587e8-w',
      `/v1/decisions?traceId=${record.traceId}`,
      `/v1/decisions/${record.decisionId}?format=json`,
      `/v1/decisions/${record.decisionId}/replay`,
      '/v1/policies/w-policy',
      '/v1/policies/w-policy/versions',
    ]);
    const alone = textOf(pageOf(record));
    assert.match(alone, /this is the oldest the one after →: look in the list/u);
  });

  it('makes no markup of what anybody wrote', () => {
    const record = decision(
      NOW_MS,
      HOSTILE,
      scaleInput({
        policy: policy({
          id: HOSTILE,
          metrics: [metric({ name: HOSTILE, query: HOSTILE }), metric({ name: 'lost' })],
          strategies: [strategy('formula', { name: `${HOSTILE}s` })],
        }),
        observations: [
          sample(90, { metric: HOSTILE }),
          { kind: 'failed', metric: 'lost', reason: 'signal_malformed', detail: HOSTILE },
        ],
        schedules: [{ name: HOSTILE, kind: 'floor', replicas: 5, fromMs: 0, untilMs: NOW_MS + 1 }],
        pause: { direction: 'both', sinceMs: 0, untilMs: null, note: HOSTILE },
        override: { replicas: 3, sinceMs: 0, untilMs: null, note: HOSTILE },
        budgets: [{ budgetId: HOSTILE, unitsPerReplica: 1, limit: 4, usedByOthers: 1 }],
      }),
    );
    const hostile = { ...record, policyId: HOSTILE, traceId: HOSTILE };
    const page = decisionPage({
      record: hostile,
      counterfactuals: [{ without: HOSTILE, replicas: 1 }],
      neighbours: { before: { kind: 'found', decisionId: HOSTILE }, after: { kind: 'none' } },
    });
    assertSelfContained(page);
    assert.ok(textOf(page).includes(HOSTILE));
    assert.ok(!page.includes('<script') && !page.includes('<img'));
  });

  it('is whole and self-contained for every decision that there may be', () => {
    fc.assert(
      fc.property(arbitraryScaleInput(), (input) => {
        const page = pageOf(decision(NOW_MS, 'w', input));
        assertSelfContained(page);
        assert.equal(/undefined|[>\x22]NaN|\[object/u.exec(page), null);
        const { stages } = decideScale(input);
        assert.equal(
          [...page.matchAll(/<tr class="(?:mark|quiet|)"><th scope="row" class="nowrap">/gu)]
            .length,
          stages.length,
        );
      }),
      { numRuns: 100 },
    );
  });

  it('shows the value and the target of a strategy that has one of each', () => {
    const input = strategyInput([strategy('target_value', { target: 20 })], 80);
    assert.match(textOf(pageOf(decision(NOW_MS, 'w', input))), /target_value sum\(x\) 80 20 /u);
  });
});

describe('the frame of a page', () => {
  it('allows itself nothing but its own style', () => {
    const hash = createHash('sha256').update(PAGE_STYLE).digest('base64');
    const allowed = FRAME_HEADERS['content-security-policy'] ?? '';
    assert.ok(allowed.startsWith(`default-src 'none'; style-src 'sha256-${hash}';`));
    assert.ok(pageFor({}).includes(`<style>${PAGE_STYLE}</style>`));
  });

  it('has a contrast of 4.5 to 1 for every colour of text, in the light and in the dark', () => {
    const [light, dark] = PAGE_STYLE.split('@media (prefers-color-scheme: dark)').map(coloursOf);
    for (const colours of [light, dark]) {
      assert.ok(colours);
      for (const ink of ['ink', 'soft', 'out', 'in', 'hold', 'link', 'bad']) {
        for (const ground of ['paper', 'card']) {
          const ratio = contrast(colours.get(ink), colours.get(ground));
          assert.ok(ratio >= 4.5, `${ink} on ${ground}: ${ratio}`);
        }
      }
    }
  });
});

function coloursOf(style: string): ReadonlyMap<string, string> {
  const found = [...style.matchAll(/--([a-z]+): (#[0-9a-f]{6})/gu)];
  return new Map(found.map(([, name = '', colour = '']) => [name, colour]));
}

/** WCAG 2.2, relative luminance and contrast ratio. */
function contrast(a: string | undefined, b: string | undefined): number {
  assert.ok(a !== undefined && b !== undefined);
  const [low = 0, high = 0] = [luminance(a), luminance(b)].toSorted((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const channel = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return channel <= 0.03928 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
