import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { appendFile, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { openJournal } from '../../../../../control-plane/adapters/local-process/journal.ts';
import {
  identityOf,
  isAlive,
  readBootId,
  signalProcess,
} from '../../../../../control-plane/adapters/local-process/processes.ts';
import {
  emptyRecord,
  withReplicas,
} from '../../../../../control-plane/adapters/local-process/record.ts';
import { createRecordStore } from '../../../../../control-plane/adapters/local-process/records.ts';
import { createReplicaLogs } from '../../../../../control-plane/adapters/local-process/replica-logs.ts';
import { ScaleTargetError } from '../../../../../control-plane/ports/scale-target.ts';
import { localWorkload } from '../../../../support/local-workload.ts';
import { skipBecause } from '../../../../support/skip.ts';

describe('local-process files', () => {
  let directory: string;
  before(function () {
    if (process.platform !== 'linux') skipBecause(this, 'needs /proc');
  });
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'omnimind-files-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const record = withReplicas(
    emptyRecord(localWorkload('inference'), { term: 0, index: 0 }),
    localWorkload('inference'),
    2,
    { term: 1, index: 1 },
  );
  const line = { kind: 'end', replicaId: 'a-1-1', workloadId: 'a', slotId: 1, atMs: 0 } as const;

  it('reads back the record that it wrote, and clears what an interrupted write left', async () => {
    const store = createRecordStore(directory);
    await store.write(record);
    await writeFile(join(directory, 'inference.json.tmp'), '{');
    assert.deepEqual(await store.readAll(), [record]);
    assert.deepEqual(await readdir(directory), ['inference.json']);
  });

  it('refuses a damaged record and names the file, whatever the damage', async () => {
    const path = join(directory, 'inference.json');
    const store = createRecordStore(directory);
    const damages = [
      '',
      'null',
      '[]',
      '{"formatVersion":2}',
      JSON.stringify({ ...record, token: null }),
      JSON.stringify({ ...record, slots: [{}] }),
      JSON.stringify({ ...record, workload: { ...record.workload, id: '../x' } }),
      JSON.stringify(record).slice(0, -5),
    ];
    for (const damage of damages) {
      await writeFile(path, damage);
      await assert.rejects(store.readAll(), (error) => {
        assert.ok(error instanceof ScaleTargetError && error.failure === 'unavailable');
        return error.message.includes(path);
      });
    }
  });

  it('does not take a number used again for the process that it was', async () => {
    const child = spawn('sleep', ['60'], { stdio: 'ignore' });
    const identity = await identityOf(child.pid ?? 0, await readBootId());
    assert.ok(identity);
    assert.ok(await isAlive(identity));
    const earlier = { ...identity, startTicks: String(Number(identity.startTicks) - 1) };
    assert.equal(await isAlive(earlier), false);
    assert.equal(await signalProcess(earlier, 'SIGKILL'), false);
    assert.ok(await isAlive(identity), 'the wrong process was hit');
    assert.equal(await signalProcess(identity, 'SIGKILL'), true);
  });

  it('begins a new journal line after one that a crash cut short, and starts a new file at its bound', async () => {
    const path = join(directory, 'journal.jsonl');
    await appendFile(path, '{"kind":"st');
    const journal = await openJournal(path, 100);
    await Promise.all([journal.append(line), journal.append(line), journal.append(line)]);
    await journal.close();
    const older = (await readFile(`${path}.1`, 'utf8')).split('\n');
    assert.deepEqual(older, ['{"kind":"st', JSON.stringify(line), JSON.stringify(line), '']);
    assert.equal(await readFile(path, 'utf8'), `${JSON.stringify(line)}\n`);
  });

  it('cuts a log that is too long under its writer, and keeps the newest of those gone', async () => {
    const logs = createReplicaLogs(directory, { bytesMax: 100, goneMax: 1 });
    const living = await logs.open('a-1-1');
    await living.write('x'.repeat(200));
    for (const gone of ['a-2-1', 'a-3-1']) await (await logs.open(gone)).close();
    await logs.trim(new Set(['a-1-1']));
    await living.write('after');
    await living.close();
    assert.equal(await readFile(join(directory, 'a-1-1.log'), 'utf8'), 'after');
    assert.equal((await stat(join(directory, 'a-1-1.log.1'))).size, 200);
    assert.equal((await readdir(directory)).filter((name) => name.endsWith('.log')).length, 2);
  });
});
