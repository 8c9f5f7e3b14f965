/**
 * How a control plane starts when something is wrong, and how it ends: one clear message and an exit
 * code instead of a stack, nothing left behind, and within a bounded time.
 */

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, open, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import type { Server } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { openRaftLog } from '../../../control-plane/adapters/log/raft-log.ts';
import { createKey } from '../../../control-plane/http/api-keys.ts';
import { startRaftMember } from '../../../control-plane/loops/raft/member.ts';
import { workload } from '../../support/log-commands.ts';
import { exportSettings, startOtlpReceiver } from '../../support/otlp-receiver.ts';
import { WORKLOAD_ID, planePlace, startPlane } from '../../support/plane-process.ts';
import type { PlanePlace } from '../../support/plane-process.ts';
import { freePort, pollUntil, startProcess } from '../../support/process.ts';
import type { RunningProcess } from '../../support/process.ts';
import { votersOnly } from '../../support/raft-member-cluster.ts';
import { markedProcesses } from '../../support/replica-processes.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const STOPPED_WITHIN_MS = 3_000;

describe('a control plane that cannot start', function () {
  this.timeout(30_000);
  let home = '';

  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'omnimind-startup-'));
  });
  afterEach(async () => {
    await rm(home, { recursive: true, force: true });
  });

  const data = () => join(home, 'data');
  const startWith = (settings: NodeJS.ProcessEnv): RunningProcess =>
    start({ PATH: process.env['PATH'], OMNIMIND_DATA_DIR: data(), ...LOOPBACK, ...settings });

  /** The message of a start that failed; a stack in it is a failure of ours. */
  const failure = async (running: RunningProcess, code: number): Promise<string> => {
    const exit = await running.exit(20_000);
    const output = running.output();
    assert.equal(exit, code, output);
    assert.doesNotMatch(output, /^\s+at /m, output);
    assert.doesNotMatch(output, /"level":"(warn|error)"/);
    return output.trim();
  };

  it('names every wrong setting at once', async () => {
    const message = await failure(
      startWith({
        OMNIMIND_TICK_INTERVAL: '15',
        OMNIMIND_LOCAL_PROCESS: 'maybe',
        OMNIMIND_TYPO: '1',
      }),
      2,
    );
    assert.equal(message.split('\n').length, 4, message);
    for (const name of ['TICK_INTERVAL', 'LOCAL_PROCESS', 'TYPO']) {
      assert.match(message, new RegExp(`^ {2}OMNIMIND_${name}: `, 'm'));
    }
    assert.ok(!existsSync(data()), 'nothing was started');
  });

  it('names every fault of the documents with its place, and starts nothing', async () => {
    const documents = join(home, 'documents');
    await mkdir(documents);
    await writeFile(join(documents, 'one.yaml'), 'kind: Workload\nid: UPPER\nkapability: x\n');
    await writeFile(join(documents, 'two.yaml'), 'kind: ScalePolicy\nid: p\n---\nid: [\n');
    const message = await failure(startWith({ OMNIMIND_DOCUMENTS_DIR: documents }), 1);
    assert.match(message, /^the control plane cannot start: the documents in .* are wrong$/m);
    assert.match(message, /^ {2}one\.yaml:2:\d+ \/id /m);
    assert.match(message, /^ {2}one\.yaml:3:\d+ \/kapability /m);
    assert.match(message, /^ {2}two\.yaml:1:\d+ \/workload /m);
    assert.match(message, /^ {2}two\.yaml:\d+:\d+ /m);
    assert.ok(!existsSync(data()), 'nothing was started');
  });

  it('names every document that the state refuses, and stops what it had started', async () => {
    const documents = join(home, 'documents');
    await mkdir(documents);
    const policy = (id: string) =>
      `kind: ScalePolicy\nid: ${id}\nworkload: no-${id}\nreplicas: { min: 1, max: 2 }\n` +
      'metrics: [{ name: m, query: up, target: { value: 1 } }]\n';
    await writeFile(join(documents, 'p.yaml'), `${policy('one')}---\n${policy('two')}`);
    const message = await failure(startWith({ OMNIMIND_DOCUMENTS_DIR: documents }), 1);
    assert.match(message, /policy one: .*no-one/);
    assert.match(message, /policy two: .*no-two/);
    await assertNothingLeft(data());
  });

  it('says which file of API keys cannot be read', async () => {
    const keys = join(home, 'keys.yaml');
    await writeFile(keys, '- { id: short, role: king }\n');
    const message = await failure(startWith({ OMNIMIND_API_KEYS_FILE: keys }), 1);
    assert.ok(message.includes(keys), message);
    assert.match(message, /12 hexadecimal digits.*one of viewer, operator, admin/s);
  });

  it('refuses to listen beyond loopback without keys, before anything is started', async () => {
    const message = await failure(startWith({ OMNIMIND_LISTEN: '0.0.0.0:0' }), 1);
    assert.match(message, /refusing to listen on 0\.0\.0\.0 without API keys/);
    assert.ok(!existsSync(data()));
  });

  it('says what the system says of a data directory that cannot be one', async () => {
    await writeFile(join(home, 'file'), '');
    const message = await failure(startWith({ OMNIMIND_DATA_DIR: join(home, 'file', 'data') }), 1);
    assert.match(message, /^the control plane cannot start: ENOTDIR: .*mkdir/);
    assert.equal(message.split('\n').length, 1);
  });

  it('says in which file and at which byte the log is damaged, and leaves it as it is', async () => {
    const log = join(data(), 'log');
    await mkdir(log, { recursive: true });
    const file = join(log, await writtenLog(log));
    const before = await flipByte(file, 100);
    const message = await failure(startWith({}), 1);
    assert.ok(message.includes(`${file} is damaged at byte `), message);
    assert.deepEqual(await readFile(file), before);
    await assertNothingLeft(data());
  });
});

describe('a control plane with replicas', function () {
  this.timeout(60_000);
  let place: PlanePlace;
  let url = '';
  let keysFile = '';
  let running: RunningProcess;
  const tokens = new Map<string, string>();

  before(async () => {
    place = await planePlace({
      prometheusUrl: `http://127.0.0.1:${await freePort()}`,
      tickInterval: '1s',
      prometheusTimeout: '500ms',
      policy: {
        replicas: { min: 1, max: 4 },
        metrics: [{ name: 'load', query: 'load', target: { averageValue: 10 } }],
      },
    });
    keysFile = join(dirname(place.data), 'keys.yaml');
    await writeFile(keysFile, key('first'));
    const keyed = { ...place.environment, OMNIMIND_API_KEYS_FILE: keysFile };
    const plane = await startPlane({ ...place, environment: keyed });
    ({ url, running } = plane);
    await pollUntil('the replica is ready', 20_000, () =>
      running.output().includes('replica ready'),
    );
  });

  after(async () => {
    running.kill();
    for (const { pid } of await replicas()) process.kill(pid, 'SIGKILL');
    await rm(dirname(place.data), { recursive: true, force: true });
  });

  const replicas = () => markedProcesses(place.data);
  const key = (name: string): string => {
    const made = createKey(name, 'admin', Date.now());
    tokens.set(name, made.key);
    return made.line;
  };
  const statusWith = async (name: string): Promise<number> => {
    const authorization = `Bearer ${tokens.get(name) ?? ''}`;
    const answer = await fetch(`${url}/v1/workloads/${WORKLOAD_ID}`, {
      headers: { authorization },
    });
    await answer.body?.cancel();
    return answer.status;
  };

  it('is left alone by a second one on the same data, which says who holds it', async () => {
    const second = start({ ...place.environment, OMNIMIND_LISTEN: '127.0.0.1:0' });
    assert.equal(await second.exit(20_000), 1, second.output());
    assert.match(second.output(), /another control plane uses /);
    assert.match(second.output(), new RegExp(`\\b${running.pid}\\b`));
    assert.doesNotMatch(second.output(), /^\s+at /m);
    assert.equal(await statusWith('first'), 200);
  });

  it('reads its keys again on SIGHUP, and keeps those it had when the file is wrong', async () => {
    await writeFile(keysFile, `${await readFile(keysFile, 'utf8')}${key('second')}`);
    running.child.kill('SIGHUP');
    await pollUntil(
      'the second key counts',
      5_000,
      async () => (await statusWith('second')) === 200,
    );
    await writeFile(keysFile, '{ not a list');
    running.child.kill('SIGHUP');
    const line = await pollUntil('it says so', 5_000, () =>
      lines(running).find(({ msg }) => msg === 'the API keys are wrong; those from before stay'),
    );
    assert.equal(line['level'], 'error');
    assert.equal(line['keys'], 2);
    assert.equal(await statusWith('first'), 200);
    assert.equal(await statusWith('second'), 200);
    assert.equal(running.child.exitCode, null);
  });

  it('stops within three seconds, and keeps its replicas', async () => {
    const before = await replicas();
    assert.equal(before.length, 1);
    const askedAt = performance.now();
    running.child.kill('SIGTERM');
    assert.equal(await running.exit(10_000), 0, running.output());
    const tookMs = performance.now() - askedAt;
    assert.ok(tookMs < STOPPED_WITHIN_MS, `it took ${Math.round(tookMs)} ms`);
    assert.ok(!running.output().includes('did not stop'), running.output());
    await assertNothingLeft(place.data);
    assert.deepEqual(await replicas(), before);
  });

  it('stops in that time too with a collector that hangs and a client that never ends its request', async () => {
    const collector = await startOtlpReceiver();
    collector.behave('hang');
    const environment = { ...place.environment, ...exportSettings(collector, 50) };
    const plane = await startPlane({ ...place, environment });
    try {
      await plane.get('/v1/workloads');
      const client = connect(Number(new URL(plane.url).port), '127.0.0.1');
      client.on('error', () => undefined).write('GET /livez HTTP/1.1\r\n');
      await pollUntil('a batch hangs', 10_000, () => collector.requests() > 0);
      const askedAt = performance.now();
      plane.running.child.kill('SIGTERM');
      assert.equal(await plane.running.exit(10_000), 0, plane.running.output());
      const tookMs = performance.now() - askedAt;
      assert.ok(tookMs < STOPPED_WITHIN_MS, `it took ${Math.round(tookMs)} ms`);
      assert.equal((await replicas()).length, 1);
    } finally {
      plane.running.kill();
      await collector.stop();
    }
  });

  for (const [onStop, left] of [
    ['keep', 1],
    ['stop', 0],
  ] as const) {
    it(`says that its port is taken, and leaves nothing but ${left} replicas (${onStop})`, async () => {
      const taken = await listening();
      const address = taken.address();
      const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
      const failed = start({
        ...place.environment,
        OMNIMIND_LISTEN: `127.0.0.1:${port}`,
        OMNIMIND_LOCAL_PROCESS_ON_STOP: onStop,
      });
      const code = await failed.exit(20_000);
      taken.close();
      assert.equal(code, 1, failed.output());
      const said = failed
        .output()
        .split('\n')
        .filter((line) => !line.startsWith('{'));
      assert.equal(said.filter((line) => line !== '').length, 1, failed.output());
      assert.match(
        said[0] ?? '',
        new RegExp(`cannot listen on 127\\.0\\.0\\.1:${port} .*EADDRINUSE`),
      );
      await assertNothingLeft(place.data);
      assert.equal((await replicas()).length, left);
    });
  }

  it('can be stopped while it starts', async () => {
    const fresh = join(dirname(place.data), 'fresh');
    const starting = start({ ...place.environment, OMNIMIND_DATA_DIR: fresh });
    await pollUntil('it has begun', 20_000, () => existsSync(fresh));
    starting.child.kill('SIGTERM');
    assert.equal(await starting.exit(10_000), 0, starting.output());
    const said = starting.output().split('\n');
    assert.ok(
      said.every((line) => line === '' || line.startsWith('{"level":"info"')),
      starting.output(),
    );
    await assertNothingLeft(fresh);
  });
});

const LOOPBACK = { OMNIMIND_LISTEN: '127.0.0.1:0' };

function start(environment: NodeJS.ProcessEnv): RunningProcess {
  const entry = join(ROOT, 'control-plane', 'main.ts');
  return startProcess(process.execPath, [entry], { cwd: ROOT, env: environment });
}

function lines(running: RunningProcess): readonly Readonly<Record<string, unknown>>[] {
  return running
    .output()
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
}

/** No lock that somebody holds, and no process that works on the directory, PGlite above all. */
async function assertNothingLeft(directory: string): Promise<void> {
  const log = join(directory, 'log');
  for (const name of existsSync(log) ? await readdir(log) : []) {
    if (!name.startsWith('lock')) continue;
    assert.doesNotMatch(await readFile(join(log, name), 'utf8'), /"pid"/, name);
  }
  const working: string[] = [];
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (command.includes(directory)) working.push(`${pid} ${command.replaceAll('\0', ' ')}`);
  }
  assert.deepEqual(working, []);
}

/** A log with some commands in it; gives the name of its segment. */
async function writtenLog(directory: string): Promise<string> {
  const member = await startRaftMember({
    memberId: 'member-1',
    log: await openRaftLog({ directory, memberId: 'member-1' }),
    transport: null,
    bootstrap: votersOnly('member-1'),
  });
  const signal = new AbortController().signal;
  for (let at = 0; at < 5; at += 1) {
    await member.propose(
      {
        kind: 'put_workload',
        key: `key-${at}`,
        atMs: at,
        source: 'api',
        expectedVersion: null,
        workload: workload(`w${at}`),
      },
      signal,
    );
  }
  await member.stop();
  const names = (await readdir(directory)).filter((name) => name.endsWith('.log'));
  assert.equal(names.length, 1, names.join(', '));
  return names[0] ?? '';
}

async function flipByte(path: string, offset: number): Promise<Buffer> {
  const bytes = await readFile(path);
  bytes.writeUInt8(bytes.readUInt8(offset) ^ 0xff, offset);
  const file = await open(path, 'r+');
  await file.write(bytes, offset, 1, offset);
  await file.close();
  return bytes;
}

async function listening(): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
