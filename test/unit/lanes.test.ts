/** Lanes of a few files of their own: what is printed of them, and when the whole is a failure. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { runLanes } from '../support/lanes.ts';
import { ROOT } from '../support/source-tree.ts';

const PASSES = `describe('sums', () => { it('add', () => {}); console.log('loaded'); });`;
const FAILS = `describe('texts', () => {
  it('differ', () => { throw new Error('they are the same'); });
  it('join', () => {});
});`;
const SKIPS = `import { skipBecause } from '${join(ROOT, 'test', 'support', 'skip.ts')}';
describe('devices', () => { it('answer', function () { skipBecause(this, 'no device here'); }); });`;
const ENDS = `describe('ends', () => { it('early', () => process.exit(0)); });`;
const STAYS = `setInterval(() => undefined, 1_000);
describe('stays', () => { it('late', () => {}); });`;
const NICENESS = `import { getPriority } from 'node:os';
describe('priority', () => { it('is ' + getPriority(), () => {}); });`;

describe('lanes of tests', function () {
  this.timeout(60_000);
  let root = '';

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'omnimind-lanes-'));
    symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  /** Each text is a file of its own; the lanes run side by side. */
  async function ran(lanes: readonly (readonly string[])[], endsWithinMs = 60_000) {
    let output = '';
    const code = await runLanes({
      root,
      lanes: lanes.map((texts, lane) => ({
        name: `lane-${lane}`,
        files: texts.map((text, nth) => {
          const file = `lane-${lane}-${nth}.test.mts`;
          writeFileSync(join(root, file), text);
          return file;
        }),
        niceness: lane * 10,
      })),
      mochaArguments: [],
      endsWithinMs,
      write: (text) => (output += text),
    });
    // Colours depend on who runs this.
    return { code, output: stripVTControlCharacters(output) };
  }

  it('end with one summary of all, the skipped tests with their reasons, and the counts', async () => {
    const { code, output } = await ran([[PASSES, SKIPS], [NICENESS]]);
    assert.equal(code, 0, output);
    assert.match(output, /^ {2}sums\n {4}. add\n/m);
    const niceness = Math.min(getPriority() + 10, 19);
    assert.match(output, new RegExp(`^ {4}. is ${niceness}$`, 'm'));
    const end =
      /\n {2}2 passing \(0\.\dm\)\n {2}1 pending\n\n {2}skipped: devices answer: no device here\n2 passed, 0 failed, 1 skipped\n$/;
    assert.match(output, end);
  });

  it('fail when a test of any of them fails, and show that failure at the end', async () => {
    const { code, output } = await ran([[PASSES], [FAILS]]);
    assert.equal(code, 1, output);
    assert.match(
      output,
      /failures of the lane lane-1\n[^]*1\) texts\n +differ:\n +Error: they are/,
    );
    assert.match(output, /\n {2}2 passing .*\n {2}1 failing\n\n2 passed, 1 failed, 0 skipped\n$/);
  });

  it('fail when one ends before its tests are over, though with exit code 0', async () => {
    const { code, output } = await ran([[PASSES], [ENDS]]);
    assert.equal(code, 1, output);
    assert.match(
      output,
      /lane-1\n\n {2}it ended with exit code 0 before it had said how its tests went/,
    );
    assert.match(output, /\n1 passed, 1 failed, 0 skipped\n$/);
  });

  it('fail when one does not end by itself, though its tests have passed', async () => {
    const { code, output } = await ran([[STAYS]], 100);
    assert.equal(code, 1, output);
    assert.match(output, /it ended with SIGKILL after its tests/);
    assert.match(output, /\n1 passed, 1 failed, 0 skipped\n$/);
  });
});
