import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import {
  parseConfig as parseAgentConfig,
  SETTINGS as AGENT_SETTINGS,
} from '../../../agents/config.ts';
import { OWNER_VARIABLE } from '../../../control-plane/adapters/local-process/processes.ts';
import { parseConfig } from '../../../control-plane/config.ts';
import { SETTINGS } from '../../../control-plane/settings.ts';
import { OTEL_VARIABLES, renderEnvExample } from '../../support/env-example.ts';
import { fileAt, filesIn, namesIn, ROOT, textOf } from '../../support/source-tree.ts';

const EXAMPLE = '.env.example';
const known = new Set<string>([...SETTINGS, ...AGENT_SETTINGS].map(({ name }) => name));

describe('the tables of settings', () => {
  it('are what .env.example says (rewrite with UPDATE_GOLDEN=1, and read the diff)', () => {
    const expected = renderEnvExample();
    if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(join(ROOT, EXAMPLE), expected);
    assert.equal(textOf(EXAMPLE), expected);
  });

  it('give the same configuration with every line of .env.example as with none', () => {
    const all = parseEnv(textOf(EXAMPLE).replaceAll(/^#(?=[A-Z_]+=)/gm, ''));
    assert.equal(Object.keys(all).length, known.size + OTEL_VARIABLES.length);
    assert.deepEqual(parseConfig(all), parseConfig({}));
    assert.deepEqual(parseAgentConfig(all), parseAgentConfig({}));
  });

  it('name each setting once, with a meaning', () => {
    assert.equal(known.size, SETTINGS.length + AGENT_SETTINGS.length);
    for (const { name, meaning } of [...SETTINGS, ...AGENT_SETTINGS]) {
      assert.match(name, /^OMNIMIND_[A-Z_]+$/);
      assert.ok(meaning.length > 10, name);
    }
  });

  it('have every setting that the documents and Prometheus’s configuration mention', () => {
    const documents = [
      ...['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md'].map(fileAt),
      ...filesIn(['prometheus', 'demo'], ['.yml', '.yaml', '.ts']),
    ];
    const mentioned = documents.flatMap(({ path, text }) =>
      namesIn(text, /\bOMNIMIND_[A-Z_]*[A-Z]\b/g).map((name) => ({ path, name })),
    );
    assert.ok(mentioned.length >= 4, 'no document mentions a setting');
    // What the agent's names have in common is itself no name; replicas are told whose they are.
    // Variables of docker-compose.yml are put in by Compose.
    const composed = namesIn(textOf('docker-compose.yml'), /\$\{(OMNIMIND_[A-Z_]+)/g);
    // How much a test does is said by variables that it reads itself.
    const ofTests = filesIn(['test/e2e']).flatMap(({ text }) =>
      namesIn(text, /process\.env\['(OMNIMIND_TEST_[A-Z_]+)'\]/g),
    );
    const others = ['OMNIMIND_AGENT', OWNER_VARIABLE, ...composed, ...ofTests];
    const unknown = mentioned.filter(({ name }) => !known.has(name) && !others.includes(name));
    assert.deepEqual(unknown, []);
  });

  it('are read, each by the parser beside them', () => {
    const plane = textOf('control-plane/config.ts');
    for (const { name } of SETTINGS) assert.ok(plane.includes(`'${name}'`), name);
    const agent = textOf('agents/config.ts');
    for (const { name } of AGENT_SETTINGS) {
      assert.ok(agent.includes(`read('${name.slice('OMNIMIND_AGENT_'.length)}'`), name);
    }
  });

  it('leave nothing else to be read from the environment', () => {
    const own = ['control-plane/config.ts', 'agents/config.ts', 'agents/main.ts'];
    const readers = filesIn(['control-plane', 'agents'])
      .filter(({ path }) => !own.includes(path))
      .flatMap(({ path, text }) =>
        namesIn(text, /(?:environment|\benv)(?:\[['"]|\.)([A-Z][A-Z_]+)/g).map((name) => [
          path,
          name,
        ]),
      )
      .filter(([, name]) => !name?.startsWith('OTEL_'));
    assert.deepEqual(readers, []);
  });
});

describe('the variables of OpenTelemetry in .env.example', () => {
  const listed = OTEL_VARIABLES.map(({ name }) => name);

  it('have all that the control plane reads itself', () => {
    const read = filesIn(['control-plane/telemetry']).flatMap(({ text }) =>
      namesIn(text, /environment\['(OTEL_[A-Z_]+)'\]/g),
    );
    assert.ok(read.length >= 8);
    assert.deepEqual(
      read.filter((name) => !listed.includes(name)),
      [],
    );
  });

  it('are all understood, by the control plane or by the SDK', () => {
    const sdk = ['sdk-node', 'otlp-exporter-base', 'resources']
      .map((name) => `node_modules/@opentelemetry/${name}`)
      .flatMap((folder) => filesIn([folder], ['.js', '.mjs', '.cjs']));
    const understood = new Set(
      [...filesIn(['control-plane/telemetry']), ...sdk].flatMap(({ text }) =>
        namesIn(text, /OTEL_[A-Z_]*[A-Z]/g),
      ),
    );
    assert.deepEqual(
      listed.filter((name) => !understood.has(name)),
      [],
    );
  });
});
