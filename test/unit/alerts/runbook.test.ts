import assert from 'node:assert/strict';
import { z } from 'zod';
import { parse } from 'yaml';
import { parsePromql } from '../../../control-plane/schemas/promql.ts';
import { alertRules, runbookEntries, runbookText } from '../../support/alert-rules.ts';
import { composeFile } from '../../support/compose-file.ts';
import {
  agentSeries,
  demoSeries,
  exportedLabels,
  planeSeries,
} from '../../support/exported-series.ts';
import { filesIn, namesIn, textOf } from '../../support/source-tree.ts';

const ENTRIES = runbookEntries();
const PARTS = ['Meaning', 'Impact', 'Diagnosis', 'Mitigation'];

/** Given by Prometheus: by the scrape, by discovery, or as the bounds of a histogram. */
const ADDED_LABELS = ['job', 'instance', 'node', 'workload', 'replica', 'le'];

const RECORDING = z.object({
  groups: z.array(z.object({ rules: z.array(z.object({ record: z.string() })) })),
});

const API = z.object({
  paths: z.record(
    z.string(),
    z.record(
      z.string(),
      z.object({
        parameters: z
          .array(
            z.looseObject({
              in: z.string(),
              name: z.string(),
              schema: z.looseObject({ enum: z.array(z.string()).optional() }),
            }),
          )
          .default([]),
      }),
    ),
  ),
});

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

  it('names only series that are exported or recorded, in commands and in words', () => {
    const exported = new Set([...planeSeries(), ...agentSeries(), ...demoSeries()]);
    const recorded = new Set(
      filesIn(['prometheus/rules'], ['.rules.yml']).flatMap(({ text }) =>
        RECORDING.parse(parse(text)).groups.flatMap(({ rules }) => rules.map((one) => one.record)),
      ),
    );
    const named = [
      ...namesIn(runbookText(), /\bomnimind_[a-z0-9_]+/g),
      ...namesIn(runbookText(), /\b[a-z_]+:[a-z0-9_]+:[a-z0-9_]+\b/g),
    ];
    assert.ok(named.length > 100, `${named.length}`);
    const isKnown = (name: string) =>
      recorded.has(name) ||
      exported.has(name) ||
      exported.has(name.replace(/_(bucket|sum|count)$/, ''));
    assert.deepEqual(
      named.filter((name) => !isKnown(name)),
      [],
    );
  });

  it('selects series by labels that they have', () => {
    const known = exportedLabels();
    let compared = 0;
    for (const [selector, name = '', matchers = ''] of runbookText().matchAll(
      /\b(omnimind_\w+)\{([^}]*)\}/g,
    )) {
      const own = known.get(name) ?? known.get(name.replace(/_(bucket|sum|count)$/, ''));
      if (own === undefined) continue;
      for (const label of namesIn(matchers, /(\w+)\s*[=!]~?"/g)) {
        compared += 1;
        assert.ok(own.includes(label) || ADDED_LABELS.includes(label), `${selector}: ${label}`);
      }
    }
    assert.ok(compared > 100, `${compared}`);
  });

  it('names only settings that there are', () => {
    const settings = new Set(namesIn(textOf('.env.example'), /\bOMNIMIND_[A-Z_]+/g));
    const named = namesIn(runbookText(), /\bOMNIMIND_[A-Z_]*[A-Z]\b(?![_…])/g);
    assert.ok(named.length > 10, `${named.length}`);
    assert.deepEqual(
      named.filter((name) => !settings.has(name)),
      [],
    );
  });

  it('asks Compose only for services that there are', () => {
    const { services } = composeFile();
    const commands = ENTRIES.map(({ text }) => text).join('\n');
    const asked = [...commands.matchAll(/docker-compose (\w+)([^;|`\n)]*)/g)].flatMap(
      ([, command = '', rest = '']) => servicesOf(command, rest),
    );
    assert.ok(asked.length > 20, `${asked.length}`);
    assert.deepEqual(
      asked.filter((name) => !Object.hasOwn(services, name)),
      [],
    );
  });

  it('asks the control plane only for what its API has, and with parameters that it takes', () => {
    const { paths } = API.parse(JSON.parse(textOf('test/golden/openapi.json')));
    const known = Object.entries(paths).map(([path, operations]) => ({
      pattern: new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[A-Za-z0-9-]+')}$`),
      parameters: Object.values(operations).flatMap(({ parameters }) => parameters),
    }));
    const text = runbookText();
    const asked = [
      ...text.matchAll(/^(?:plane|member MEMBER) '?(\/[^\s']*)/gm),
      ...text.matchAll(/`(?:GET|PUT|POST|DELETE) (\/[^\s'`]*)/g),
    ].map(([, path = '']) => path.replaceAll(/\{\w+\}/g, 'ID'));
    assert.ok(asked.length > 60, `${asked.length}`);
    for (const one of asked) {
      const { pathname, searchParams } = new URL(one, 'http://plane');
      const operation = known.find(({ pattern }) => pattern.test(pathname));
      assert.ok(operation !== undefined, one);
      for (const [name, value] of searchParams) {
        const parameter = operation.parameters.find((given) => given.name === name);
        assert.ok(parameter?.in === 'query', `${one}: ${name}`);
        const words = parameter.schema.enum;
        assert.ok(words === undefined || value === '…' || words.includes(value), one);
      }
    }
  });
});

/** Options with a value of their own; what else stands there without a dash is a service. */
const VALUED = ['--tail', '-s', '-e'];

function servicesOf(command: string, rest: string): readonly string[] {
  assert.ok(['exec', 'kill', 'logs', 'ps', 'restart'].includes(command), command);
  const words = rest.split(/\s+/).filter((word) => word !== '');
  const plain = words.filter(
    (word, at) => !word.startsWith('-') && !VALUED.includes(words[at - 1] ?? ''),
  );
  const named = plain.slice(0, plain.includes('#') ? plain.indexOf('#') : plain.length);
  // What follows the service is the command within.
  return command === 'exec' ? named.slice(0, 1) : named;
}
