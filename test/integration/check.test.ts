import assert from 'node:assert/strict';
import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { startProcess } from '../support/process.ts';
import { filesIn, ROOT } from '../support/source-tree.ts';

/** What a checkout has beside the project itself. */
const NOT_COPIED = ['.git', 'node_modules', '.data', '.build', 'coverage'];
const DECIDERS = 'control-plane/deciders';

describe('npm run check', function () {
  this.timeout(120_000);
  let root = '';

  const planted: string[] = [];

  before(() => {
    root = mkdtempSync(join(tmpdir(), 'omnimind-check-'));
    for (const name of readdirSync(ROOT).filter((one) => !NOT_COPIED.includes(one))) {
      cpSync(join(ROOT, name), join(root, name), { recursive: true });
    }
    linkPackages();
  });

  afterEach(() => {
    for (const path of planted.splice(0)) {
      rmSync(join(root, path));
      if (existsSync(join(ROOT, path))) cpSync(join(ROOT, path), join(root, path));
    }
  });

  after(() => {
    rmSync(root, { recursive: true, force: true });
  });

  /**
   * A folder of links and not one link, with the note that says what is installed: nothing is
   * installed, and what would be could not be reached through it.
   */
  function linkPackages(): void {
    const modules = join(root, 'node_modules');
    mkdirSync(modules);
    for (const name of readdirSync(join(ROOT, 'node_modules'))) {
      if (name === '.omnimind-lock-sha256') continue;
      symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
    }
    const hash = createHash('sha256').update(readFileSync(join(root, 'package-lock.json')));
    writeFileSync(join(modules, '.omnimind-lock-sha256'), hash.digest('hex'));
    mkdirSync(join(root, '.data', 'bin'), { recursive: true });
    writeFileSync(join(root, '.data', 'bin', 'npm'), '#!/bin/sh\nexit 1\n');
    chmodSync(join(root, '.data', 'bin', 'npm'), 0o755);
  }

  function plant(path: string, text: string): void {
    planted.push(path);
    appendFileSync(join(root, path), text);
  }

  async function check(...args: readonly string[]) {
    const path = `${join(root, '.data', 'bin')}:${process.env['PATH'] ?? ''}`;
    const env = { ...process.env, PATH: path, npm_execpath: '' };
    const bootstrap = join(root, 'bootstrap.mjs');
    const running = startProcess(process.execPath, [bootstrap, 'check', ...args], { env });
    try {
      return { code: await running.exit(100_000), output: running.output() };
    } finally {
      running.kill();
    }
  }

  it('passes the project as it is, having looked at every source file', async () => {
    const { code, output } = await check(DECIDERS, 'control-plane/model', 'bootstrap.mjs');
    assert.equal(code, 0, output);
    for (const step of ['lint', 'types', 'format'])
      assert.match(output, new RegExp(`^ok +${step}`, 'm'));
    const sources = filesIn(['control-plane', 'agents', 'demo', 'test']).length;
    const looked = Number(/^ok +layers .* (\d+) modules, \d+ imports$/m.exec(output)?.[1]);
    assert.ok(looked >= sources, `${looked} of ${sources}`);
  });

  it('fails on planted layer violations, and names each', async () => {
    plant(
      'control-plane/model/planted.ts',
      "/** Planted. */\n\nexport { PROBLEMS } from '../http/errors.ts';\n",
    );
    plant(`${DECIDERS}/planted.ts`, "/** Planted. */\n\nexport { readFileSync } from 'node:fs';\n");
    const { code, output } = await check('--only', 'layers');
    assert.equal(code, 1, output);
    assert.match(
      output,
      /model-imports-nothing: control-plane\/model\/planted\.ts → control-plane\/http\/errors\.ts/,
    );
    assert.match(
      output,
      /core-imports-core-only: control-plane\/deciders\/planted\.ts → (?:node:)?fs$/m,
    );
    assert.match(output, /^check failed: layers$/m);
  });

  it('fails on a planted type error, a clock in a decider and an unformatted file', async () => {
    plant(`${DECIDERS}/scale.ts`, "\nexport const planted: number = 'text';\n");
    plant(`${DECIDERS}/proposal.ts`, '\nexport const plantedAtMs = Date.now();\n');
    plant(`${DECIDERS}/stabilization.ts`, '\nexport   const planted = 1\n');
    const { code, output } = await check(DECIDERS);
    assert.equal(code, 1, output);
    assert.match(output, /control-plane\/deciders\/scale\.ts\(\d+,14\): error TS2322/);
    assert.match(
      output,
      /deciders\/proposal\.ts\n +\d+:\d+ +error +Unexpected use of 'Date'.*The core is pure/,
    );
    assert.match(output, /deciders\/stabilization\.ts$/m);
    assert.match(output, /^check failed: (?=.*types)(?=.*lint)(?=.*format)(?!.*layers)/m);
  });

  it('refuses a step or a path that does not exist, instead of checking nothing', async () => {
    for (const args of [['--only', 'style'], ['--only'], ['control-plan'], ['--fast']]) {
      const { code, output } = await check(...args);
      assert.equal(code, 1, output);
      assert.match(output, /^check does not know /m);
    }
  });

  it('says with --help what it can be told', async () => {
    const { code, output } = await check('--help');
    assert.equal(code, 0, output);
    assert.match(output, /--only STEP,… +some of lint, types, layers, format/);
  });
});
