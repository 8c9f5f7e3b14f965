/** The node collector against this kernel, against trees of files, and with a child for remote mounts. */

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createNodeCollector } from '../../../agents/collectors/node.ts';
import type { NodeCollectorOptions } from '../../../agents/collectors/node.ts';
import { createStatfsProcess } from '../../../agents/sources/statfs-process.ts';
import type { StatfsProcess } from '../../../agents/sources/statfs-process.ts';
import { pollUntil } from '../../support/process.ts';
import { recordEmit } from '../../support/recorded-emit.ts';
import { skipBecause } from '../../support/skip.ts';

const nothing = /^(?!)/;
let root = '';
let made: { stop(): unknown }[] = [];

function collectorFor(options: Partial<NodeCollectorOptions> = {}) {
  const collector = createNodeCollector({
    hostRoot: root,
    stalenessMs: 60_000,
    seriesMax: 1000,
    mountsExclude: nothing,
    disksExclude: nothing,
    networksExclude: nothing,
    patienceMs: 100,
    ...options,
  });
  made.push(collector);
  const collect = async (): Promise<ReadonlyMap<string, number>> => {
    const { emit, samples, families } = recordEmit();
    await collector.collect(emit, new AbortController().signal);
    const declared = new Set(collector.families);
    assert.ok([...families].every((family) => declared.has(family)));
    return samples;
  };
  return { collector, collect };
}

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

const ok = (section: string): string => `omnimind_node_section_success{section="${section}"}`;

describe('node collector', function () {
  this.timeout(15_000);

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'agent-node-'));
    write('proc/stat', 'cpu  1 0 2 3 0 0 0 0 0 0\ncpu0 1 0 2 3 0 0 0 0 0 0\nctxt 5\n');
    write('proc/meminfo', 'MemTotal: 10 kB\nMemAvailable: 5 kB\n');
  });
  afterEach(async () => {
    await Promise.all(made.map((one) => one.stop()));
    made = [];
    rmSync(root, { recursive: true, force: true });
  });

  it('reads this host, all its sections', async function () {
    if (process.platform !== 'linux') skipBecause(this, 'reads /proc');
    const { collector, collect } = collectorFor({ hostRoot: '/' });
    await collector.start();
    const first = await collect();
    const second = await collect();
    assert.ok(first.size > 150, String(first.size));
    for (const [series, value] of second) {
      assert.ok(Number.isFinite(value), series);
      if (series.startsWith('omnimind_node_section_success')) assert.equal(value, 1, series);
      if (/_total(\{|$)/.test(series)) assert.ok(value >= (first.get(series) ?? 0), series);
    }
  });

  it('needs CPU and memory alone; what a kernel lacks is absent and no failure', async () => {
    const { collect } = collectorFor();
    const samples = await collect();
    assert.equal(samples.get('omnimind_node_memory_available_bytes'), 5120);
    assert.equal(samples.get(ok('pressure')), 1);
    assert.ok(!samples.has('omnimind_node_load1'));
  });

  it('fails without /proc/stat', async () => {
    rmSync(join(root, 'proc/stat'));
    await assert.rejects(collectorFor().collect(), { code: 'ENOENT' });
  });

  it('loses only the section that is garbage', async () => {
    write('proc/loadavg', 'garbage');
    write('proc/diskstats', '1 2 sda 3 4\n');
    const samples = await collectorFor().collect();
    assert.equal(samples.get(ok('load')), 0);
    assert.equal(samples.get(ok('disk')), 0);
    assert.equal(samples.get(ok('cpu')), 1);
    assert.equal(samples.get('omnimind_node_cpus'), 1);
  });

  it('measures the mounts of the host below its root', async () => {
    write('proc/1/mounts', '/dev/x / ext4 rw 0 0\n/dev/y /data ext4 ro 0 0\n');
    mkdirSync(join(root, 'data'));
    const samples = await collectorFor().collect();
    const labels = '{device="/dev/y",mountpoint="/data",fstype="ext4"}';
    assert.ok((samples.get(`omnimind_node_filesystem_size_bytes${labels}`) ?? 0) > 0);
    assert.equal(samples.get(`omnimind_node_filesystem_readonly${labels}`), 1);
  });

  it('gives everything else in time while a file system hangs', async () => {
    write('proc/1/mounts', '/dev/x / ext4 rw 0 0\nserver:/e /nfs nfs4 rw 0 0\n');
    const hanging: StatfsProcess = {
      measure: () => new Promise(() => undefined),
      ensure: () => undefined,
      stop: () => undefined,
    };
    const began = performance.now();
    const samples = await collectorFor({ remote: hanging }).collect();
    assert.ok(performance.now() - began < 1000);
    assert.equal(
      samples.get(
        'omnimind_node_filesystem_stuck{device="server:/e",mountpoint="/nfs",fstype="nfs4"}',
      ),
      1,
    );
    assert.equal(samples.get(ok('filesystem')), 1);
    assert.equal(
      samples.get('omnimind_node_filesystem_stuck{device="/dev/x",mountpoint="/",fstype="ext4"}'),
      0,
    );
  });

  it('asks for remote file systems through a child that the scrape does not start', async () => {
    write('proc/1/mounts', 'server:/e /nfs nfs4 rw 0 0\n');
    mkdirSync(join(root, 'nfs'));
    const size =
      'omnimind_node_filesystem_size_bytes{device="server:/e",mountpoint="/nfs",fstype="nfs4"}';
    const unstarted = await collectorFor().collect();
    assert.ok(!unstarted.has(size));
    const { collector, collect } = collectorFor();
    await collector.start();
    await pollUntil('a size', 5000, async () => (await collect()).has(size));
  });
});

describe('process for remote file systems', function () {
  this.timeout(15_000);
  afterEach(() => {
    for (const one of made) one.stop();
    made = [];
  });

  it('answers sizes and refusals', async () => {
    const child = createStatfsProcess();
    made.push(child);
    child.ensure();
    const size = await pollUntil('an answer', 5000, () => child.measure('/').catch(() => null));
    assert.ok(size.blocks > 0 && size.blockBytes > 0);
    await assert.rejects(child.measure('/nonexistent'), { kind: 'unavailable' });
  });

  it('rejects what is out when the child ends, and starts another only after the pause', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'agent-statfs-'));
    const entry = join(folder, 'child.cjs');
    writeFileSync(entry, "process.stdin.once('data', () => process.exit(1));");
    const child = createStatfsProcess({ entry, restartPauseMs: 60_000 });
    made.push(child);
    child.ensure();
    await assert.rejects(child.measure('/'), { kind: 'unavailable' });
    child.ensure();
    await assert.rejects(child.measure('/'), /cannot be asked/);
    rmSync(folder, { recursive: true });
  });

  it('has one question out for a path, and ignores what it did not ask or cannot read', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'agent-statfs-'));
    const entry = join(folder, 'child.cjs');
    writeFileSync(
      entry,
      `process.stdin.on('data', (text) => {
        if (!String(text).includes('/b')) return;
        console.log('garbage');
        console.log(JSON.stringify({ path: '/c', size: {} }));
        console.log(JSON.stringify({ path: '/b', size: { blocks: 'x' } }));
        console.log(JSON.stringify({ path: '/b', error: 'EACCES' }));
      });`,
    );
    const child = createStatfsProcess({ entry });
    made.push(child);
    child.ensure();
    const hanging = child.measure('/a');
    await assert.rejects(child.measure('/a'), /cannot be asked/);
    await assert.rejects(child.measure('/b'), /refused/);
    child.stop();
    await assert.rejects(hanging, /ended/);
    rmSync(folder, { recursive: true });
  });
});
