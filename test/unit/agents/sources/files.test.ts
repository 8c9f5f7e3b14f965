import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createKernelFiles } from '../../../../agents/sources/kernel-files.ts';
import { createSlowFiles } from '../../../../agents/sources/slow-files.ts';
import { mergeFacts, ownFacts } from '../../../../agents/sources/inventory.ts';
import { pollUntil } from '../../../support/process.ts';

let root = '';

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

beforeEach(() => (root = mkdtempSync(join(tmpdir(), 'agent-files-'))));
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe('kernel files', () => {
  it('reads what is there now through a descriptor that it keeps', () => {
    const files = createKernelFiles(root);
    write('proc/stat', 'first, long');
    assert.equal(files.read('proc/stat'), 'first, long');
    write('proc/stat', 'second');
    assert.equal(files.read('proc/stat'), 'second');
    files.close();
  });

  it('reads files larger than its buffer whole', () => {
    const files = createKernelFiles(root);
    const text = 'x'.repeat(200_001);
    write('big', text);
    assert.equal(files.read('big'), text);
    files.close();
  });

  it('gives null for an absent file, and finds it later', () => {
    const files = createKernelFiles(root);
    assert.equal(files.read('late'), null);
    write('late', 'here');
    let reads = 0;
    while (files.read('late') === null && reads < 100) reads++;
    assert.equal(reads, 64);
    files.close();
  });

  it('keeps no more descriptors than its limit', () => {
    const files = createKernelFiles(root);
    for (let index = 0; index < 200; index++) {
      write(`f${index}`, String(index));
      assert.equal(files.read(`f${index}`), String(index));
    }
    assert.equal(files.read('f0'), '0');
    files.close();
  });

  it('takes the first of several that can be read, and throws when none can for another reason', () => {
    const files = createKernelFiles(root);
    write('b', 'text');
    mkdirSync(join(root, 'folder'));
    assert.equal(files.readFirst(['a', 'b']), 'text');
    assert.equal(files.readFirst(['folder', 'b']), 'text');
    assert.equal(files.readFirst(['a', 'c']), null);
    assert.throws(() => files.readFirst(['a', 'folder']), { code: 'EISDIR' });
    files.close();
  });
});

describe('slow files', () => {
  const rules = [
    { folder: 'sys/hwmon', entries: /^hwmon\d$/, files: /^(name|temp\d_input)$/, withLink: true },
  ];

  it('gives what a pass in the background found, with the link of the entry', async () => {
    write('devices/chip.0/hwmon/hwmon0/name', 'chip\n');
    write('devices/chip.0/hwmon/hwmon0/temp1_input', '41000\n');
    write('devices/chip.0/hwmon/hwmon0/uevent', 'no');
    mkdirSync(join(root, 'sys/hwmon'), { recursive: true });
    symlinkSync('../../devices/chip.0/hwmon/hwmon0', join(root, 'sys/hwmon/hwmon0'));
    const slow = createSlowFiles({
      root,
      rules,
      intervalMs: 1,
      stalenessMs: 60_000,
      now: () => performance.now(),
    });
    assert.equal(slow.texts().size, 0);
    const files = await pollUntil('a pass', 2000, () =>
      slow.texts().get('sys/hwmon')?.get('hwmon0'),
    );
    assert.deepEqual(Object.fromEntries(files), {
      '@link': '../../devices/chip.0/hwmon/hwmon0',
      name: 'chip',
      temp1_input: '41000',
    });
  });

  it('drops what is stale and begins a pass only when it is due', async () => {
    write('sys/hwmon/hwmon0/name', 'a');
    let nowMs = 0;
    const slow = createSlowFiles({
      root,
      rules,
      intervalMs: 100,
      stalenessMs: 1000,
      now: () => nowMs,
    });
    const name = (): string | undefined =>
      slow.texts().get('sys/hwmon')?.get('hwmon0')?.get('name');
    await pollUntil('a pass', 2000, name);
    write('sys/hwmon/hwmon0/name', 'b');
    nowMs = 99;
    assert.equal(name(), 'a');
    nowMs = 1000;
    assert.equal(name(), undefined);
    assert.equal(slow.isHanging(), false);
    await pollUntil('the next pass', 2000, () => name() === 'b');
  });
});

describe('inventory', () => {
  const own = ownFacts();

  it('takes what the child tells, and the rest from Node', () => {
    const facts = mergeFacts('{"kernel":"6.1","cpuCores":0,"memoryBytes":"x","model":"M"}\n', own);
    assert.deepEqual(facts, { ...own, kernel: '6.1', model: 'M' });
  });

  for (const line of ['', 'garbage', 'null', '[]', '7']) {
    it(`falls back on Node when the child says ${JSON.stringify(line)}`, () => {
      assert.deepEqual(mergeFacts(line, own), own);
    });
  }

  it('cuts long names', () => {
    assert.equal(mergeFacts(JSON.stringify({ kernel: 'k'.repeat(999) }), own).kernel.length, 128);
  });
});
