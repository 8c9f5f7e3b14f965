import assert from 'node:assert/strict';
import { fileAt, filesIn, namesIn } from '../../support/source-tree.ts';

const product = filesIn(['control-plane', 'agents', 'demo']);
const written = [...product, ...filesIn(['test'])];
const tools = ['bootstrap.mjs', 'eslint.config.js', '.dependency-cruiser.cjs'].map(fileAt);

/** Words that say nothing of what is in a file or a type. */
const EMPTY_WORDS = /^(manager|helper|util|common|misc|base)s?$/i;

describe('the sources', () => {
  it('have no file and no type with a name that says nothing', () => {
    const names = written.flatMap(({ path, text }) => [
      ...path.split('/').map((name) => ({ path, name })),
      ...namesIn(text, /\b(?:class|interface|type|enum) ([A-Z]\w*)/g).map((name) => ({
        path,
        name,
      })),
    ]);
    assert.ok(names.length > 1000);
    const empty = names.filter(({ name }) => wordsOf(name).some((word) => EMPTY_WORDS.test(word)));
    assert.deepEqual(empty, []);
  });

  it('open with a paragraph on what they are, but for tests, whose titles say it', () => {
    const opening = /^(?:#!.*\n)?\/\*\*[\s*]+[^\s*/]/;
    const silent = [...written, ...tools.filter(({ path }) => path === 'bootstrap.mjs')]
      .filter(({ path }) => !path.endsWith('.test.ts'))
      .filter(({ text }) => !opening.test(text));
    assert.deepEqual(
      silent.map(({ path }) => path),
      [],
    );
  });

  it('have no barrel', () => {
    const barrels = written.filter(({ text }) => /^\s*export \*/m.test(text));
    assert.deepEqual(
      barrels.map(({ path }) => path),
      [],
    );
  });

  it('name no place that is on one machine alone, and nothing outside the project', () => {
    const places = /\.\.\/shared\b|(?<![\w.)}/])\/(?:work|root|home|farm|Users)\//;
    const found = [
      ...product,
      ...tools,
      ...filesIn(['prometheus'], ['.yml', '.yaml', '.json']),
      ...['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md', '.env.example'].map(
        fileAt,
      ),
    ].filter(({ text }) => places.test(text));
    assert.deepEqual(
      found.map(({ path }) => path),
      [],
    );
  });

  it('keep a fake out of the product', () => {
    const fakes = product.filter(({ path }) => /(?:^|[/-])(?:fakes?|mocks?|stubs?)\b/.test(path));
    assert.deepEqual(
      fakes.map(({ path }) => path),
      [],
    );
  });
});

/** The words of a file's name (kebab) or a type's (camel, with acronyms). */
function wordsOf(name: string): readonly string[] {
  return name
    .replaceAll(/([a-z0-9])([A-Z])|([A-Z])(?=[A-Z][a-z])/g, '$1$3 $2')
    .split(/[^A-Za-z0-9]+/);
}
