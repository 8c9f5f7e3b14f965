import assert from 'node:assert/strict';
import { isBuiltin } from 'node:module';
import { z } from 'zod';
import { fileAt, filesIn, namesIn, textOf } from '../../support/source-tree.ts';
import type { SourceFile } from '../../support/source-tree.ts';

const MANIFEST = z
  .object({
    scripts: z.record(z.string(), z.string()),
    dependencies: z.record(z.string(), z.string()),
    devDependencies: z.record(z.string(), z.string()),
  })
  .parse(JSON.parse(textOf('package.json')));
const DEPENDENCIES = Object.keys(MANIFEST.dependencies).sort();
const FOR_DEVELOPMENT = Object.keys(MANIFEST.devDependencies).sort();
const CONTRIBUTING = textOf('CONTRIBUTING.md');

const product = filesIn(['control-plane', 'agents', 'demo']);
const tests = [
  ...filesIn(['test', 'grafana']),
  ...['eslint.config.js', 'bootstrap.mjs', '.dependency-cruiser.cjs'].map(fileAt),
];

/** Rows of the table of CONTRIBUTING: the packages and the paths that may import them. */
const ROWS = CONTRIBUTING.slice(CONTRIBUTING.indexOf('## Dependencies'))
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .map((line) => {
    const cells = line.split('|');
    return {
      packages: withScope(namesIn(cells[1] ?? '', /`([^`]+)`/g), cells[1] ?? ''),
      importers: namesIn(cells[4] ?? '', /`([^`]+)`/g),
    };
  });

describe('the dependencies of the product', () => {
  it('are those that CONTRIBUTING gives a reason for, and no other', () => {
    const named = ROWS.flatMap(({ packages }) => packages);
    assert.deepEqual([...named].sort(), DEPENDENCIES);
  });

  it('are each imported, but for the runtime', () => {
    const imported = new Set(product.flatMap(packagesOf));
    assert.deepEqual(
      DEPENDENCIES.filter((name) => !imported.has(name)),
      ['node'],
    );
  });

  it('are all that the product imports', () => {
    const undeclared = product.flatMap((file) =>
      packagesOf(file)
        .filter((name) => !DEPENDENCIES.includes(name))
        .map((name) => `${file.path}: ${name}`),
    );
    assert.deepEqual(undeclared, []);
  });

  it('are imported where CONTRIBUTING says, and there alone', () => {
    const faults = ROWS.filter(({ packages }) => !packages.includes('node')).flatMap(
      ({ packages, importers }) => {
        const importing = product.filter((file) =>
          packagesOf(file).some((name) => packages.includes(name)),
        );
        const elsewhere = importing.filter(
          ({ path }) => !importers.some((place) => isUnder(path, place)),
        );
        const idle = importers.filter(
          (place) => !importing.some(({ path }) => isUnder(path, place)),
        );
        return [
          ...elsewhere.map(({ path }) => `${packages.join(', ')}: imported by ${path} as well`),
          ...idle.map((place) => `${packages.join(', ')}: not imported in ${place}`),
        ];
      },
    );
    assert.deepEqual(faults, []);
  });
});

describe('the dependencies for development', () => {
  it('are those that CONTRIBUTING names, and no other', () => {
    const line = /^For development:[^]*?(?=\n\n|$(?![^]))/m.exec(CONTRIBUTING)?.[0] ?? '';
    assert.deepEqual(namesIn(line, /`([^`]+)`/g), FOR_DEVELOPMENT.filter(isNoTypes));
  });

  it('are each imported, run by a script, or the types of something that is used', () => {
    const used = new Set(tests.flatMap(packagesOf));
    const run = Object.values(MANIFEST.scripts).join(' ') + textOf('bootstrap.mjs');
    const idle = FOR_DEVELOPMENT.filter(isNoTypes).filter(
      (name) => !used.has(name) && !run.includes(name),
    );
    assert.deepEqual(idle, []);
    const typed = FOR_DEVELOPMENT.filter((name) => !isNoTypes(name)).map((name) => name.slice(7));
    const known = [...DEPENDENCIES, ...FOR_DEVELOPMENT];
    assert.deepEqual(
      typed.filter((name) => !known.includes(name)),
      [],
    );
  });

  it('are with the product’s all that tests and tools import', () => {
    const known = [...DEPENDENCIES, ...FOR_DEVELOPMENT];
    const undeclared = tests.flatMap((file) =>
      packagesOf(file)
        .filter((name) => !known.includes(name))
        .map((name) => `${file.path}: ${name}`),
    );
    assert.deepEqual(undeclared, []);
  });
});

/** The packages that a file imports, statically or not, or asks Node to find. */
function packagesOf({ text }: SourceFile): readonly string[] {
  const code = text.replaceAll(/^\s*(?:\/?\*|\/\/).*$/gm, '');
  return namesIn(
    code,
    /(?:\bfrom |^import |\bimport\(\s*|\b(?:meta|require)\.resolve\()'([@a-z][^'\n]*)'/gm,
  )
    .filter((specifier) => !isBuiltin(specifier))
    .map((specifier) => specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/'));
}

/** A name without a scope that follows one with a scope has the same. */
function withScope(names: readonly string[], cell: string): readonly string[] {
  const scope = /`(@[a-z-]+\/)/.exec(cell)?.[1];
  if (scope === undefined) return names;
  const known = new Set([...DEPENDENCIES]);
  return names.map((name) => (known.has(name) || name.startsWith('@') ? name : scope + name));
}

function isNoTypes(name: string): boolean {
  return !name.startsWith('@types/');
}

function isUnder(path: string, place: string): boolean {
  return path === place || path.startsWith(`${place.replace(/\/$/, '')}/`);
}
