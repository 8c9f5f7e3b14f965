import assert from 'node:assert/strict';
import { parse } from 'yaml';
import { z } from 'zod';
import { REASONS } from '../../../control-plane/model/reasons.ts';
import { REFUSAL_CAUSES } from '../../../control-plane/model/raft-connection.ts';
import { parsePromql } from '../../../control-plane/schemas/promql.ts';
import { UIDS } from '../../../grafana/src/links.ts';
import { alertCases, alertRules } from '../../support/alert-rules.ts';
import type { AlertRule } from '../../support/alert-rules.ts';
import { agentSeries, demoSeries, planeSeries } from '../../support/exported-series.ts';
import { filesIn } from '../../support/source-tree.ts';

const RULES = alertRules();
const CASES = alertCases();
const RUNBOOK = 'https://github.com/omnimind/omnimind-control-plane/blob/main/alerts/runbook.md#';
const GRAFANA = 'http://localhost:3000/d/';

const COMPONENTS: Readonly<Record<string, string>> = {
  fleet: 'fleet',
  gpu: 'gpu',
  cache: 'cache',
  workloads: 'workload',
  'control-plane': 'control-plane',
  raft: 'raft',
  slo: 'slo',
  observability: 'observability',
};

/** Of programs that are not ours; what Prometheus makes itself, and what its client library exports. */
const FOREIGN = /^(up|ALERTS|(prometheus|alertmanager|process|nodejs|scrape)_[a-z0-9_]+)$/;

/** Labels that recordings and third parties have, and the words that they may hold. */
const CLOSED_SETS: readonly (readonly [label: string, series: RegExp, words: readonly string[]])[] =
  [
    ['reason', /^omnimind_evaluations_total$/, REASONS],
    ['cause', /^omnimind_raft_connections_refused_total$/, REFUSAL_CAUSES],
  ];

describe('the alerting rules', () => {
  it('were found, for every audience', () => {
    assert.ok(RULES.length > 100, `${RULES.length}`);
    assert.deepEqual(
      [...new Set(RULES.map(({ audience }) => audience))].sort(),
      Object.keys(COMPONENTS).sort(),
    );
  });

  it('are named OmniMind and what is wrong, each name in one file', () => {
    const files = new Map<string, string>();
    for (const { alert, audience } of RULES) {
      assert.match(alert, /^OmniMind([A-Z][a-z0-9]*)+$/);
      assert.equal(files.get(alert) ?? audience, audience, alert);
      files.set(alert, audience);
    }
  });

  for (const [audience, component] of Object.entries(COMPONENTS)) {
    it(`of ${audience} have a severity and the component ${component}`, () => {
      for (const { alert, labels } of RULES.filter((rule) => rule.audience === audience)) {
        assert.equal(labels['component'], component, alert);
        const isWatchdog = alert === 'OmniMindWatchdog';
        assert.match(labels['severity'] ?? '', isWatchdog ? /^none$/ : /^(critical|warning|info)$/);
      }
    });
  }

  it('wait before they fire, unless one event is what they tell of', () => {
    const hasty = RULES.filter(
      ({ alert, for: wait, expr }) =>
        wait === undefined &&
        alert !== 'OmniMindWatchdog' &&
        !TELLS_OF_EVENTS.test(expr) &&
        // It asks whether the same was so a tick ago, whatever the reason then was.
        !expr.includes('omnimind_signal_lost_info offset 15s') &&
        !expr.includes('omnimind_signal_lost_info{reason="signal_unavailable"} offset 15s'),
    );
    assert.deepEqual(
      hasty.map(({ alert }) => alert),
      [],
    );
  });

  it('say what is wrong without a number in the summary, and enough in the description', () => {
    for (const { alert, annotations } of RULES) {
      const { summary = '', description = '' } = annotations;
      assert.match(summary, /^\S.{10,90}$/, alert);
      assert.doesNotMatch(summary, /\$value/, alert);
      assert.match(description, /^\S.{20,}[.?]$/s, alert);
      assert.ok(description.length < 600, `${alert} does not fit on a phone`);
    }
  });

  it('show a number only as a person writes it', () => {
    for (const { alert, annotations } of RULES) {
      for (const [use] of (annotations['description'] ?? '').matchAll(/\{\{[^}]*\$value[^}]*\}\}/g))
        assert.ok(/\| (humanize|printf)/.test(use) || COUNTS.test(use), `${alert}: ${use}`);
    }
  });

  it('name in annotations only labels that survive their expression', () => {
    for (const rule of RULES) {
      const used = JSON.stringify(rule.annotations).matchAll(/\$labels\.(\w+)/g);
      for (const [, label = ''] of used) {
        // What a recording keeps is seen in the promtool test, whose words have the label's value.
        assert.match(rule.expr, new RegExp(`\\b${label}\\b|\\w:\\w`), `${rule.alert}: ${label}`);
      }
    }
  });

  it('lead to the runbook and to a dashboard that exists', () => {
    for (const { alert, annotations } of RULES) {
      assert.equal(annotations['runbook_url'], RUNBOOK + alert.toLowerCase());
      const dashboard = annotations['dashboard_url'] ?? '';
      assert.ok(dashboard.startsWith(GRAFANA), `${alert}: ${dashboard}`);
      const [uid = ''] = dashboard.slice(GRAFANA.length).split('?');
      assert.ok(
        UIDS.some((known) => known === uid),
        `${alert}: ${uid}`,
      );
    }
  });

  it('read only series that are exported, recorded, or of a known program', () => {
    const known = knownSeries();
    const unknown = RULES.flatMap(({ alert, expr }) =>
      selectorsIn(expr)
        .map(({ metricName }) => metricName ?? '(no name)')
        .filter((name) => !known(name))
        .map((name) => `${alert} reads ${name}`),
    );
    assert.deepEqual(unknown, []);
  });

  it('compare labels of closed sets with words that are in them', () => {
    let compared = 0;
    for (const { alert, expr } of RULES) {
      for (const [label, series, words] of CLOSED_SETS) {
        for (const matcher of matchersIn(expr, label, series)) {
          compared += 1;
          const pattern = new RegExp(`^(?:${matcher})$`);
          const chosen = matcher.split('|').every((one) => {
            const single = new RegExp(`^(?:${one})$`);
            return words.some((word) => single.test(word));
          });
          assert.ok(chosen && words.some((word) => pattern.test(word)), `${alert}: ${matcher}`);
        }
      }
    }
    assert.ok(compared > 5);
  });
});

describe('the tests of the alerting rules', () => {
  it('show each alert as it fires', () => {
    const fired = new Set(CASES.filter(({ expected }) => expected > 0).map(({ alert }) => alert));
    assert.deepEqual(missing(RULES, fired), []);
  });

  it('show each alert as it nearly fires and is silent, but for the one that always does', () => {
    const silent = new Set(
      CASES.filter(({ expected }) => expected === 0).map(({ alert }) => alert),
    );
    assert.deepEqual(missing(RULES, silent), ['OmniMindWatchdog']);
  });

  it('are about alerts that exist', () => {
    const names = new Set(RULES.map(({ alert }) => alert));
    assert.deepEqual(
      CASES.filter(({ alert }) => !names.has(alert)),
      [],
    );
  });
});

/** One event is enough: an increase, a change, a time that was noted. */
const TELLS_OF_EVENTS = /increase\(|changes\(|_last_timestamp_seconds/;

/** Whole numbers and degrees, as they come. */
const COUNTS = /^\{\{ \$value \}\}$/;

function missing(rules: readonly AlertRule[], from: ReadonlySet<string>): readonly string[] {
  const names = new Set(rules.map(({ alert }) => alert));
  return [...names].filter((name) => !from.has(name));
}

function selectorsIn(expr: string) {
  const reading = parsePromql(expr);
  if (reading.kind === 'faulty') assert.fail(`${expr}: ${reading.message}`);
  return reading.selectors;
}

function knownSeries(): (name: string) => boolean {
  const exported = new Set([...planeSeries(), ...agentSeries(), ...demoSeries()]);
  const recording = z.object({
    groups: z.array(z.object({ rules: z.array(z.object({ record: z.string() })) })),
  });
  const recorded = new Set(
    filesIn(['prometheus/rules'], ['.rules.yml']).flatMap(({ text }) =>
      recording.parse(parse(text)).groups.flatMap(({ rules }) => rules.map((rule) => rule.record)),
    ),
  );
  return (name) =>
    FOREIGN.test(name) ||
    (name.includes(':')
      ? recorded.has(name)
      : exported.has(name) || exported.has(name.replace(/_(bucket|sum|count)$/, '')));
}

/** The positive matchers of a label in selectors of the series. */
function matchersIn(expr: string, label: string, series: RegExp): readonly string[] {
  return [...expr.matchAll(/(\w+)\{([^}]*)\}/g)].flatMap(([, name = '', matchers = '']) =>
    series.test(name)
      ? [...matchers.matchAll(new RegExp(`\\b${label}=~?"([^"]*)"`, 'g'))].map(
          ([, word = '']) => word,
        )
      : [],
  );
}
