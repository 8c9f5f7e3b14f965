/** `npm run check` on a small tree with planted faults: each must turn it red, and say which step. */

import assert from 'node:assert/strict';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { startProcess } from '../support/process.ts';

const PROJECT = join(import.meta.dirname, '..', '..');
const CONFIGS = [
  'bootstrap.mjs',
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'eslint.config.js',
  '.dependency-cruiser.cjs',
  '.prettierrc.json',
  '.prettierignore',
];

/** `model` must import nothing: this line is the layer violation. */
const CLEAN = 'export const answer: number = 42;\n';

describe('npm run check', function () {
  this.timeout(60_000);
  let root = '';

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'check-test-'));
    for (const name of CONFIGS) copyFileSync(join(PROJECT, name), join(root, name));
    symlinkSync(join(PROJECT, 'node_modules'), join(root, 'node_modules'));
    // Whatever the state of the packages, nothing is installed through that link.
    mkdirSync(join(root, 'bin'));
    writeFileSync(join(root, 'bin', 'npm'), '#!/bin/sh\nexit 1\n');
    chmodSync(join(root, 'bin', 'npm'), 0o755);
    file('control-plane/model/answer.ts', CLEAN);
    file(
      'control-plane/loops/loop.ts',
      "import { answer } from '../model/answer.ts';\n\nexport const twice = answer * 2;\n",
    );
  });

  afterEach(() => {
    rmSync(root, { recursive: true, force: true });
  });

  function file(path: string, text: string): void {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }

  async function check(): Promise<{ readonly code: unknown; readonly output: string }> {
    const env = { ...process.env, PATH: join(root, 'bin'), npm_execpath: '' };
    const running = startProcess(process.execPath, [join(root, 'bootstrap.mjs'), 'check'], { env });
    const code = await running.exit(50_000);
    return { code, output: running.output() };
  }

  it('passes a clean tree', async () => {
    const { code, output } = await check();
    assert.equal(code, 0, output);
    assert.match(output, /^ok {3}layers .* 2 modules, 1 imports$/m);
  });

  it('fails on a planted layer violation, type error and unformatted file, each by name', async () => {
    file(
      'control-plane/model/answer.ts',
      "import { loop } from '../loops/back.ts';\n\nexport const answer: number = loop;\n",
    );
    file('control-plane/loops/back.ts', 'export const loop = 42;\n');
    file('control-plane/state/wrong.ts', "export const wrong: number = 'text';\n");
    file('control-plane/state/ugly.ts', 'export   const ugly = 1\n');
    const { code, output } = await check();
    assert.equal(code, 1, output);
    assert.match(output, /model-imports-nothing: control-plane\/model\/answer\.ts/);
    assert.match(output, /wrong\.ts\(1,14\): error TS2322/);
    assert.match(output, /ugly\.ts/);
    assert.match(output, /^check failed: (?=.*layers)(?=.*tsc)(?=.*prettier)/m);
  });
});
