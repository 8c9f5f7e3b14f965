import assert from 'node:assert/strict';
import { z } from 'zod';
import { parsePromql } from '../../../control-plane/schemas/promql.ts';
import { alertRules, runbookEntries, runbookText } from '../../support/alert-rules.ts';
import { agentSeries, demoSeries, planeSeries } from '../../support/exported-series.ts';
import { textOf } from '../../support/source-tree.ts';

const ENTRIES = runbookEntries();
const PARTS = ['Meaning', 'Impact', 'Diagnosis', 'Mitigation'];

describe('the runbook', () => {
  it('has one heading for each alert, and none for an alert that does not exist', () => {
    const alerts = [...new Set(alertRules().map(({ alert }) => alert))].sort();
    assert.ok(alerts.length > 100);
    assert.deepEqual(ENTRIES.map(({ title }) => title).sort(), alerts);
  });

  it('says of each alert what it means, whom it hurts, how to look and what to do', () => {
    for (const { title, text } of ENTRIES) {
      const places = PARTS.map((part) => text.indexOf(`**${part}.**`));
      assert.ok(
        places.every((place) => place >= 0),
        title,
      );
      assert.deepEqual(
        [...places].sort((a, b) => a - b),
        places,
        title,
      );
      for (const part of PARTS) {
        const said = text.split(`**${part}.**`)[1] ?? '';
        assert.match(said.split('**')[0] ?? '', /^\s*\S[^]{4,}/, `${title}: ${part}`);
      }
    }
  });

  it('has a heading behind each link to it', () => {
    const headings = [...runbookText().matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
      title.toLowerCase().replaceAll(' ', '-'),
    );
    const links = alertRules().flatMap(({ annotations }) =>
      Object.values(annotations).flatMap((value) =>
        [...value.matchAll(/runbook\.md#([\w-]+)/g)].map(([, anchor = '']) => anchor),
      ),
    );
    assert.deepEqual(
      [...new Set(links)].filter((link) => !headings.includes(link)),
      [],
    );
  });

  it('refers to alerts that exist', () => {
    const alerts = new Set(alertRules().map(({ alert }) => alert));
    const named = [...runbookText().matchAll(/\bOmniMind[A-Z]\w+/g)].map(([name]) => name);
    assert.deepEqual(
      [...new Set(named)].filter((name) => !alerts.has(name)),
      [],
    );
  });

  it('asks Prometheus only what parses, of series that are exported', () => {
    const exported = new Set([...planeSeries(), ...agentSeries(), ...demoSeries()]);
    const queries = [...runbookText().matchAll(/promql '([^']+)'/g)].map(([, query = '']) => query);
    assert.ok(queries.length > 150, `${queries.length}`);
    for (const query of queries.filter((one) => one !== 'THE QUERY OF THE POLICY')) {
      const reading = parsePromql(query);
      if (reading.kind === 'faulty') assert.fail(`${query}: ${reading.message}`);
      for (const { metricName } of reading.selectors) {
        if (metricName?.startsWith('omnimind_') !== true) continue;
        const name = metricName.replace(/_(bucket|sum|count)$/, '');
        assert.ok(exported.has(metricName) || exported.has(name), metricName);
      }
    }
  });

  it('asks the control plane only for paths that its API has', () => {
    const { paths } = z
      .object({ paths: z.record(z.string(), z.unknown()) })
      .parse(JSON.parse(textOf('test/golden/openapi.json')));
    const known = Object.keys(paths).map(
      (path) => new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[A-Za-z0-9-]+')}$`),
    );
    const text = runbookText();
    const asked = [
      ...text.matchAll(/^plane '?(\/[^\s'?]*)/gm),
      ...text.matchAll(/`(?:GET|PUT|POST|DELETE) (\/[^\s'`?]*)/g),
      ...text.matchAll(/http:\/\/MEMBER(\/[^\s'`?]*)/g),
    ].map(([, path = '']) => path.replaceAll(/\{\w+\}/g, 'ID'));
    assert.ok(asked.length > 40, `${asked.length}`);
    assert.deepEqual(
      asked.filter((path) => !known.some((pattern) => pattern.test(path))),
      [],
    );
  });
});
