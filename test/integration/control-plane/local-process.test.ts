import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import {
  findOwned,
  signalProcess,
} from '../../../control-plane/adapters/local-process/processes.ts';
import type { OwnedProcess } from '../../../control-plane/adapters/local-process/processes.ts';
import type { LocalProcessEvent } from '../../../control-plane/adapters/local-process/settings.ts';
import { createLocalProcessTarget } from '../../../control-plane/adapters/local-process/target.ts';
import type { LocalProcessScaleTarget } from '../../../control-plane/adapters/local-process/target.ts';
import type { Replica, Workload } from '../../../control-plane/model/workload.ts';
import { ScaleTargetError } from '../../../control-plane/ports/scale-target.ts';
import { localWorkload } from '../../support/local-workload.ts';
import { pollUntil } from '../../support/process.ts';
import { skipBecause } from '../../support/skip.ts';

const LIMITS = { tickMs: 30, backoffMinMs: 40, backoffMaxMs: 160, sweepIntervalMs: 100 };

describe('local-process target', () => {
  let directory: string;
  let events: LocalProcessEvent[];
  const targets = new Set<LocalProcessScaleTarget>();

  before(function () {
    if (process.platform !== 'linux') skipBecause(this, 'needs /proc');
  });
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'omnimind-local-'));
    events = [];
  });
  afterEach(async () => {
    await Promise.all([...targets].map((target) => target.stop('stop')));
    targets.clear();
    for (const { identity } of await owned()) await signalProcess(identity, 'SIGKILL');
    await rm(directory, { recursive: true, force: true });
  });

  async function open(
    ports: readonly [number, number] = [26_000, 26_999],
    limits = {},
    mayAct: () => boolean = () => true,
  ): Promise<LocalProcessScaleTarget> {
    const target = createLocalProcessTarget({
      directory,
      mayAct,
      portsFrom: ports[0],
      portsTo: ports[1],
      nowMs: Date.now,
      onEvent: (event) => events.push(event),
      limits: { ...LIMITS, ...limits },
    });
    await target.start();
    targets.add(target);
    return target;
  }
  async function stop(target: LocalProcessScaleTarget, mode: 'keep' | 'stop'): Promise<void> {
    targets.delete(target);
    await target.stop(mode);
  }
  const owned = async (): Promise<readonly OwnedProcess[]> => {
    const owner = await readFile(join(directory, 'owner'), 'utf8').catch(() => 'none');
    return findOwned(owner.trim());
  };
  const signal = (): AbortSignal => AbortSignal.timeout(10_000);
  const untilReady = async (
    target: LocalProcessScaleTarget,
    workload: Workload,
    count: number,
  ): Promise<readonly Replica[]> => {
    await pollUntil(`${count} ready`, 10_000, async () => {
      const replicas = await target.readReplicas(workload, signal());
      return replicas.length === count && replicas.every((replica) => replica.phase === 'ready');
    });
    return target.readReplicas(workload, signal());
  };
  const seen = <K extends LocalProcessEvent['kind']>(
    kind: K,
  ): readonly Extract<LocalProcessEvent, { kind: K }>[] =>
    events.filter((event): event is Extract<LocalProcessEvent, { kind: K }> => event.kind === kind);

  it('gives a replica its port, its id and a mark, and nothing secret of the plane', async () => {
    process.env['PLANE_SECRET'] = 'do not leak';
    try {
      const target = await open();
      const workload = localWorkload('inference', {
        environment: { GREETING: 'hello', PORT: '1' },
      });
      await target.setReplicas(workload, 1, { term: 1, index: 1 }, signal());
      const [replica] = await untilReady(target, workload, 1);
      assert.ok(replica);
      const environment = await readJson(`http://${replica.address}/`);
      assert.equal(`127.0.0.1:${environment['PORT'] ?? ''}`, replica.address);
      assert.equal(environment['OMNIMIND_REPLICA_ID'], replica.replicaId);
      assert.equal(environment['GREETING'], 'hello');
      assert.equal(environment['PLANE_SECRET'], undefined);
      assert.ok(environment['OMNIMIND_REPLICA_OWNER']);
    } finally {
      delete process.env['PLANE_SECRET'];
    }
  });

  it('says starting until the readiness path answers 200', async () => {
    const target = await open();
    const workload = localWorkload('slow', { environment: { READY_AFTER_MS: '300' } });
    await target.setReplicas(workload, 1, { term: 1, index: 1 }, signal());
    await pollUntil('a replica', 10_000, async () => {
      return (await target.readReplicas(workload, signal())).length === 1;
    });
    const [replica] = await target.readReplicas(workload, signal());
    assert.equal(replica?.phase, 'starting');
    await untilReady(target, workload, 1);
  });

  it('starts a failing replica again and again, each time later, up to the longest wait', async () => {
    const target = await open();
    const workload = localWorkload('failing', { command: ['/bin/sh', '-c', 'echo why; exit 3'] });
    await target.setReplicas(workload, 1, { term: 1, index: 1 }, signal());
    await pollUntil('five failures', 10_000, () => seen('failed').length >= 5);
    const waits = seen('failed').map((event) => event.retryInMs);
    assert.deepEqual(waits.slice(0, 5), [40, 80, 160, 160, 160]);
    assert.match(seen('failed')[0]?.detail ?? '', /exit code 3|ended at once/);
    assert.deepEqual(
      seen('started')
        .map(({ cause }) => cause)
        .filter((cause) => cause === 'scale').length <= 1,
      true,
    );
    assert.equal(await readFile(join(directory, 'logs', 'failing-1-1.log'), 'utf8'), 'why\n');
  });

  it('says why a command cannot be started, and runs it once the command is right', async () => {
    const target = await open();
    const wrong = localWorkload('wrong', { command: ['/no/such/program'] });
    await target.setReplicas(wrong, 1, { term: 1, index: 1 }, signal());
    await pollUntil('a failure', 10_000, () => seen('failed').length > 0);
    assert.match(seen('failed')[0]?.detail ?? '', /ENOENT/);
    const right = localWorkload('wrong');
    await target.setReplicas(right, 1, { term: 1, index: 2 }, signal());
    await untilReady(target, right, 1);
  });

  it('stops a replica that is not ready in time and starts another', async () => {
    const target = await open();
    const workload = localWorkload('never', {
      command: ['sleep', '300'],
      startTimeoutMs: 150,
      stopGraceMs: 1_000,
    });
    await target.setReplicas(workload, 1, { term: 1, index: 1 }, signal());
    await pollUntil('a second start', 10_000, () => seen('started').length >= 2);
    assert.equal(seen('overdue')[0]?.replicaId, 'never-1-1');
    assert.equal(seen('started')[1]?.cause, 'restart');
  });

  it('drains with SIGTERM, and kills the whole group of what does not go within its grace', async () => {
    const target = await open();
    const workload = localWorkload('stubborn', {
      command: ['/bin/sh', '-c', "trap '' TERM; sleep 300 & sleep 300; wait"],
      stopGraceMs: 200,
    });
    await target.setReplicas(workload, 1, { term: 1, index: 1 }, signal());
    await pollUntil('a group of processes', 10_000, async () => (await owned()).length >= 3);
    await target.setReplicas(workload, 0, { term: 1, index: 2 }, signal());
    const phases = new Set<string>();
    await pollUntil('nothing is left', 10_000, async () => {
      for (const { phase } of await target.readReplicas(workload, signal())) phases.add(phase);
      return (await owned()).length === 0;
    });
    assert.deepEqual([...phases], ['stopping']);
    assert.equal(seen('killed').length, 1);
    await pollUntil('the slot is empty', 10_000, async () => {
      return (await target.readReplicas(workload, signal())).length === 0;
    });
  });

  it('removes what a replica had started when the replica itself ends', async () => {
    const target = await open(undefined, { sweepIntervalMs: 20 });
    const workload = localWorkload('parent', {
      command: ['/bin/sh', '-c', 'setsid sleep 300 & sleep 300'],
    });
    await target.setReplicas(workload, 1, { term: 1, index: 1 }, signal());
    await pollUntil('three processes', 10_000, async () => (await owned()).length >= 3);
    const before = (await owned()).map(({ identity }) => identity.pid);
    const leader = seen('started')[0]?.pid;
    assert.ok(leader !== undefined);
    process.kill(leader, 'SIGKILL');
    await pollUntil('a new group alone', 10_000, async () => {
      const now = (await owned()).map(({ identity }) => identity.pid);
      return now.length >= 3 && now.every((pid) => !before.includes(pid));
    });
    assert.ok(!seen('orphan_killed').some(({ pid }) => pid === leader));
  });

  it('keeps its number with a range that has not one port to spare', async () => {
    const target = await open([27_000, 27_001]);
    const workload = localWorkload('tight');
    await refused('rejected', () =>
      target.setReplicas(workload, 3, { term: 1, index: 1 }, signal()),
    );
    await target.setReplicas(workload, 2, { term: 1, index: 1 }, signal());
    const [first] = await untilReady(target, workload, 2);
    const pid = seen('started').find(({ replicaId }) => replicaId === first?.replicaId)?.pid;
    assert.ok(pid !== undefined);
    process.kill(pid, 'SIGKILL');
    await pollUntil('a restart', 10_000, () => seen('started').length === 3);
    const after = await untilReady(target, workload, 2);
    assert.equal(new Set(after.map(({ address }) => address)).size, 2);
  });

  it('refuses a second plane on its directory, and every call before it is started', async () => {
    await open();
    const second = createLocalProcessTarget({
      directory,
      portsFrom: 26_000,
      portsTo: 26_001,
      nowMs: Date.now,
    });
    await refused('unavailable', () => second.start());
    await refused('unavailable', () => second.listWorkloads());
  });

  it('refuses to start on a damaged record and lets go of the directory', async () => {
    const target = await open();
    const workload = localWorkload('inference');
    await target.setReplicas(workload, 0, { term: 1, index: 1 }, signal());
    await stop(target, 'keep');
    const path = join(directory, 'workloads', 'inference.json');
    const good = await readFile(path, 'utf8');
    await writeFile(path, good.slice(0, 40));
    await refused('unavailable', () => open());
    await writeFile(path, good);
    assert.deepEqual(await (await open()).listWorkloads(), ['inference']);
  });

  it('ends everything with stop, and brings it back with the next start', async () => {
    const target = await open();
    const workload = localWorkload('inference', {
      environment: { IGNORE_SIGTERM: '1' },
      stopGraceMs: 200,
    });
    await target.setReplicas(workload, 2, { term: 1, index: 1 }, signal());
    await untilReady(target, workload, 2);
    const startedAt = performance.now();
    await stop(target, 'stop');
    assert.ok(performance.now() - startedAt < 2_000);
    assert.deepEqual(await owned(), []);
    events = [];
    const next = await open();
    await untilReady(next, workload, 2);
    assert.deepEqual(
      seen('started').map(({ cause }) => cause),
      ['resume', 'resume'],
    );
  });

  it('leaves the replicas running with keep, and ends one that no record knows', async () => {
    const target = await open();
    const workload = localWorkload('inference');
    await target.setReplicas(workload, 1, { term: 1, index: 1 }, signal());
    const [replica] = await untilReady(target, workload, 1);
    await stop(target, 'keep');
    assert.equal((await owned()).length, 1);
    await rm(join(directory, 'workloads', 'inference.json'));
    const next = await open();
    assert.equal(seen('orphan_killed')[0]?.replicaId, replica?.replicaId);
    await pollUntil('nothing is left', 10_000, async () => (await owned()).length === 0);
    assert.deepEqual(await next.listWorkloads(), []);
  });

  it('takes back a process whose start was never recorded', async () => {
    const target = await open();
    const workload = localWorkload('inference');
    await target.setReplicas(workload, 1, { term: 1, index: 1 }, signal());
    const [replica] = await untilReady(target, workload, 1);
    await stop(target, 'keep');
    const path = join(directory, 'workloads', 'inference.json');
    const record = JSON.parse(await readFile(path, 'utf8')) as { slots: object[] };
    const slots = record.slots.map((slot) => ({ ...slot, process: null }));
    await writeFile(path, JSON.stringify({ ...record, slots }));
    const next = await open();
    assert.deepEqual(await next.readReplicas(workload, signal()), [replica]);
    assert.equal((await owned()).length, 1);
  });

  it('starts and stops nothing from the moment on that it may not act, and goes on when it may', async () => {
    let calls = 0;
    /** How often it may before it may not. */
    let times = Infinity;
    const mayAct = (): boolean => {
      calls += 1;
      return calls <= times;
    };
    const allow = (count: number): void => {
      calls = 0;
      times = count;
    };
    const asked = (count: number) => pollUntil('it has asked', 5000, () => calls >= count);
    // Nothing happens but by a command, so that each question is known.
    const target = await open(
      [26_000, 26_999],
      { tickMs: 60_000, sweepIntervalMs: 60_000 },
      mayAct,
    );
    const some = localWorkload('fenced');
    allow(0);
    await assert.rejects(
      target.setReplicas(some, 1, { term: 1, index: 1 }, signal()),
      (error) => error instanceof ScaleTargetError && error.failure === 'unavailable',
    );
    // Asked by the command, by the look that follows, and again when all is ready for the start.
    for (const index of [1, 2]) {
      allow(index);
      await target.setReplicas(some, 1, { term: 1, index }, signal());
      await asked(index + 1);
      assert.deepEqual(await owned(), []);
    }
    allow(Infinity);
    await target.setReplicas(some, 1, { term: 1, index: 3 }, signal());
    await pollUntil('it is started', 5000, () => seen('started').length === 1);
    for (const index of [4, 5]) {
      allow(index - 3);
      await target.setReplicas(some, 0, { term: 1, index }, signal());
      await asked(index - 2);
      assert.equal((await owned()).length, 1);
    }
    allow(Infinity);
    await target.setReplicas(some, 0, { term: 1, index: 6 }, signal());
    await pollUntil('it is gone', 5000, async () => (await owned()).length === 0);
    assert.equal(seen('failed').length, 0);
  });

  it('counts a ready replica as starting when it stops answering for long, and keeps it', async () => {
    const target = await open(undefined, {
      probeIntervalMs: 20,
      probeTimeoutMs: 100,
      probeFailuresMax: 2,
    });
    const workload = localWorkload('hanging');
    await target.setReplicas(workload, 1, { term: 1, index: 1 }, signal());
    await untilReady(target, workload, 1);
    const pid = seen('started')[0]?.pid;
    assert.ok(pid !== undefined);
    process.kill(pid, 'SIGSTOP');
    await pollUntil('unready', 10_000, () => seen('unready').length === 1);
    process.kill(pid, 'SIGCONT');
    await untilReady(target, workload, 1);
    assert.equal(seen('started').length, 1);
  });
});

async function refused(
  failure: ScaleTargetError['failure'],
  act: () => Promise<unknown>,
): Promise<void> {
  await assert.rejects(act, (error) => {
    assert.ok(error instanceof ScaleTargetError, String(error));
    assert.equal(error.failure, failure);
    return true;
  });
}

function readJson(url: string): Promise<Readonly<Record<string, string>>> {
  return new Promise((resolve, reject) => {
    get(url, { agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve(JSON.parse(text) as Record<string, string>));
    }).on('error', reject);
  });
}
