/** The Docker target against an engine in miniature: everything that a real one does only now and then. */

import assert from 'node:assert/strict';

import type { DockerEvent, DockerLimits } from '../../../control-plane/adapters/docker/settings.ts';
import { createDockerTarget } from '../../../control-plane/adapters/docker/target.ts';
import type { DockerScaleTarget } from '../../../control-plane/adapters/docker/target.ts';
import { ScaleTargetError } from '../../../control-plane/ports/scale-target.ts';
import { dockerWorkload } from '../../support/docker-workload.ts';
import { startFakeEngine } from '../../support/fake-engine.ts';
import type { FakeEngine } from '../../support/fake-engine.ts';
import { localWorkload } from '../../support/local-workload.ts';
import { pollUntil } from '../../support/process.ts';
import { refused } from '../../support/scale-target-calls.ts';
import { skipBecause } from '../../support/skip.ts';

const TIMEOUT_MS = 10_000;
const signal = (): AbortSignal => AbortSignal.timeout(TIMEOUT_MS);

describe('the Docker target', () => {
  let engine: FakeEngine;
  let events: DockerEvent[];
  let mayAct: boolean;
  const opened: DockerScaleTarget[] = [];

  before(function () {
    if (process.platform !== 'linux') skipBecause(this, 'needs all of 127.0.0.0/8 as loopback');
  });
  beforeEach(async () => {
    engine = await startFakeEngine();
    events = [];
    mayAct = true;
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((target) => target.stop()));
    await engine.close();
  });

  const open = async (limits: Partial<DockerLimits> = {}): Promise<DockerScaleTarget> => {
    const target = createDockerTarget({
      engine: engine.address,
      owner: 'plane',
      onEvent: (event) => events.push(event),
      mayAct: () => mayAct,
      limits: { tickMs: 30, backoffMinMs: 30, probeIntervalMs: 50, ...limits },
    });
    await target.start();
    opened.push(target);
    return target;
  };
  const workload = (more: Parameters<typeof dockerWorkload>[1] = {}) =>
    dockerWorkload('inference', { port: engine.port, ...more });
  const running = (): readonly string[] => engine.names('running');
  const untilRunning = (...names: readonly string[]): Promise<unknown> =>
    pollUntil(`${names.join()} to run`, TIMEOUT_MS, () =>
      Promise.resolve(String([...running()].sort()) === String(names) ? true : null),
    );
  const untilReady = (target: DockerScaleTarget, count: number): Promise<unknown> =>
    pollUntil(`${count} ready`, TIMEOUT_MS, async () => {
      const replicas = await target.readReplicas(workload(), signal()).catch(() => []);
      return replicas.filter(({ phase }) => phase === 'ready').length === count ? true : null;
    });
  const untilEvent = (kind: DockerEvent['kind']): Promise<DockerEvent> =>
    pollUntil(`the event ${kind}`, TIMEOUT_MS, () =>
      Promise.resolve(events.find((event) => event.kind === kind) ?? null),
    );
  const untilEmpty = (state: 'running' | 'exited'): Promise<unknown> =>
    pollUntil(`nothing ${state}`, TIMEOUT_MS, () =>
      Promise.resolve(engine.names(state).length === 0 ? true : null),
    );

  it('makes containers as the workload says, and calls the engine for nothing but the five things', async () => {
    const target = await open();
    const some = workload({
      command: ['serve'],
      environment: { A: 'b' },
      network: 'shop',
      memoryBytes: 64 * 1_048_576,
      cpus: 0.5,
    });
    await target.setReplicas(some, 2, { term: 3, index: 7 }, signal());
    await untilReady(target, 2);
    const made = [...engine.containers.values()].find(({ name }) => name === 'plane.inference.1');
    assert.ok(made);
    assert.deepEqual(made.body.Cmd, ['serve']);
    assert.deepEqual(made.body.Env, [
      ...['A=b', `PORT=${engine.port}`, 'OMNIMIND_REPLICA_ID=inference-1'],
    ]);
    assert.deepEqual(made.body.HostConfig, {
      NetworkMode: 'shop',
      RestartPolicy: { Name: 'no' },
      SecurityOpt: ['no-new-privileges'],
      ...{ Memory: 67_108_864, MemorySwap: 67_108_864, NanoCpus: 500_000_000 },
    });
    const { Labels } = made.body;
    assert.deepEqual(
      ['cluster', 'workload', 'replica', 'token.term', 'token.index'].map(
        (name) => Labels[`omnimind.${name}`],
      ),
      ['plane', 'inference', 'inference-1', '3', '7'],
    );
    await target.setReplicas(some, 0, { term: 3, index: 8 }, signal());
    await untilEmpty('running');
    await untilEmpty('exited');
    const five =
      /^(GET \/containers\/json|POST \/containers\/(create|[0-9a-f]{64}\/(start|stop))|DELETE \/containers\/[0-9a-f]{64})$/;
    assert.deepEqual(
      engine.requests.filter((line) => !five.test(line)),
      [],
    );
  });

  it('refuses what another target runs, and an image that the engine lacks, with what to do', async () => {
    const target = await open();
    const token = { term: 1, index: 1 };
    await refused('rejected', /local_process/, () =>
      target.setReplicas(localWorkload('x'), 1, token, signal()),
    );
    const absent = workload({ image: 'example/absent:2' });
    await refused('rejected', /no image example\/absent:2; pull or build it/, () =>
      target.setReplicas(absent, 1, token, signal()),
    );
    assert.deepEqual(await target.listWorkloads(), []);
  });

  it('scales in although the image has lost its name meanwhile', async () => {
    const target = await open();
    await target.setReplicas(workload(), 2, { term: 1, index: 1 }, signal());
    await untilReady(target, 2);
    engine.images.clear();
    await target.setReplicas(workload(), 1, { term: 1, index: 2 }, signal());
    await untilRunning('plane.inference.1');
  });

  it('says that it does not know while the engine fails or hangs, and goes on when it is back', async () => {
    const target = await open({ callTimeoutMs: 100 });
    await target.setReplicas(workload(), 1, { term: 1, index: 1 }, signal());
    await untilReady(target, 1);
    for (const trouble of [{ matching: /./, status: 500 }, { matching: /./ }]) {
      engine.trouble = trouble;
      await pollUntil('trouble', TIMEOUT_MS, () =>
        target.readReplicas(workload(), signal()).then(
          () => null,
          (error: unknown) => error instanceof ScaleTargetError && error.failure === 'unavailable',
        ),
      );
      const token = { term: 1, index: 9 };
      await refused('unavailable', /list containers/, () =>
        target.setReplicas(workload(), 2, token, signal()),
      );
      engine.trouble = null;
      await untilReady(target, 1);
    }
    await refused('unavailable', /list containers/, async () => {
      engine.trouble = { matching: /./ };
      await open({ callTimeoutMs: 50 });
    });
  });

  it('makes each replica once although the engine answers after the deadline', async () => {
    const target = await open({ callTimeoutMs: 150 });
    engine.answerLate = { matching: /create/, waitMs: 400 };
    await refused('unavailable', /no answer within 150 ms/, () =>
      target.setReplicas(workload(), 2, { term: 1, index: 1 }, signal()),
    );
    await pollUntil('the command to be known', TIMEOUT_MS, () =>
      target.setReplicas(workload(), 2, { term: 1, index: 1 }, signal()).then(
        () => true,
        () => null,
      ),
    );
    await untilReady(target, 2);
    engine.answerLate = null;
    assert.equal(running().length, 2);
    assert.equal(engine.names().filter((name) => name.includes('told')).length, 1);
  });

  it('does not start what is in the list while it is still being made', async () => {
    const target = await open();
    engine.answerLate = { matching: /create/, waitMs: 200 };
    await target.setReplicas(workload(), 3, { term: 1, index: 1 }, signal());
    await untilReady(target, 3);
    const kinds = new Set(events.map(({ kind }) => kind));
    assert.deepEqual([...kinds].sort(), ['created', 'ready', 'started']);
  });

  it('waits longer from failure to failure, and remembers them over a restart of the plane', async () => {
    const first = await open({ backoffMinMs: 20 });
    engine.trouble = { matching: /start$/, status: 500 };
    await first.setReplicas(workload(), 1, { term: 1, index: 1 }, signal());
    const failuresOf = (): readonly number[] =>
      events.flatMap((event) => (event.kind === 'failed' ? [event.failures] : []));
    await pollUntil('three failures', TIMEOUT_MS, () =>
      Promise.resolve(failuresOf().length >= 3 ? true : null),
    );
    assert.deepEqual(failuresOf().slice(0, 3), [1, 2, 3]);
    await first.stop();
    events.length = 0;
    const second = await open({ backoffMinMs: 20 });
    await untilEvent('failed');
    assert.ok((failuresOf()[0] ?? 0) >= 3);
    engine.trouble = null;
    await untilReady(second, 1);
  });

  it('stops and replaces a replica that is not ready in time', async () => {
    engine.readyStatus = 503;
    const target = await open();
    const slow = workload({ startTimeoutMs: 100 });
    await target.setReplicas(slow, 1, { term: 1, index: 1 }, signal());
    await untilEvent('overdue');
    engine.readyStatus = 200;
    await untilReady(target, 1);
    assert.ok(!running().includes('plane.inference.1'));
  });

  it('does nothing while it may not act, and what is due as soon as it may', async () => {
    const target = await open();
    await target.setReplicas(workload(), 1, { term: 1, index: 1 }, signal());
    await untilReady(target, 1);
    mayAct = false;
    await refused('unavailable', /another may have become/, () =>
      target.setReplicas(workload(), 3, { term: 1, index: 2 }, signal()),
    );
    await engine.crash('plane.inference.1');
    const changes = engine.requests.filter((line) => !line.startsWith('GET')).length;
    await pollUntil('the crash to be seen', TIMEOUT_MS, async () =>
      (await target.readReplicas(workload(), signal())).length === 0 ? true : null,
    );
    assert.equal(engine.requests.filter((line) => !line.startsWith('GET')).length, changes);
    mayAct = true;
    await untilReady(target, 1);
  });

  it('refuses at another member what is older than what the leader of a later term was told', async () => {
    const deposed = await open();
    await deposed.setReplicas(workload(), 1, { term: 1, index: 5 }, signal());
    await untilReady(deposed, 1);
    const leader = await open();
    await leader.setReplicas(workload(), 2, { term: 2, index: 1 }, signal());
    await refused('stale_token', /1\/6 is older than 2\/1/, () =>
      deposed.setReplicas(workload(), 8, { term: 1, index: 6 }, signal()),
    );
    await untilReady(leader, 2);
    assert.equal(running().length, 2);
  });

  it('writes its memory again when somebody prunes it, and is fenced by its replicas without it', async () => {
    const first = await open();
    await first.setReplicas(workload(), 1, { term: 2, index: 2 }, signal());
    await untilReady(first, 1);
    const told = 'plane.inference.told.2.2';
    await engine.removeBehindItsBack(told);
    await pollUntil('the record', TIMEOUT_MS, () =>
      Promise.resolve(engine.names().includes(told) ? true : null),
    );
    await first.stop();
    await engine.removeBehindItsBack(told);
    const second = await open();
    await untilReady(second, 1);
    assert.deepEqual(await second.listWorkloads(), ['inference']);
    await refused('stale_token', /2\/1/, () =>
      second.setReplicas(workload(), 5, { term: 2, index: 1 }, signal()),
    );
    await second.setReplicas(workload(), 1, { term: 2, index: 2 }, signal());
    assert.ok(engine.names().includes(told));
    assert.deepEqual(running(), ['plane.inference.1']);
  });

  it('removes what nobody remembers, and leaves alone what is not its own', async () => {
    const first = await open();
    await first.setReplicas(workload(), 1, { term: 1, index: 1 }, signal());
    await untilReady(first, 1);
    await first.stop();
    await engine.removeBehindItsBack('plane.inference.told.1.1');
    const other = createDockerTarget({ engine: engine.address, owner: 'other' });
    await other.start();
    opened.push(other);
    assert.deepEqual(await other.listWorkloads(), []);
    await other.removeWorkload('inference', { term: 9, index: 9 }, signal());
    assert.deepEqual(running(), ['plane.inference.1']);
    const second = await open();
    await second.removeWorkload('inference', { term: 1, index: 2 }, signal());
    await untilEmpty('running');
    assert.deepEqual(await second.listWorkloads(), []);
  });

  it('takes no engine from DOCKER_HOST, whatever that says', async () => {
    const before = process.env['DOCKER_HOST'];
    process.env['DOCKER_HOST'] = 'tcp://127.0.0.1:1';
    try {
      const target = await open();
      assert.deepEqual(await target.listWorkloads(), []);
    } finally {
      if (before === undefined) delete process.env['DOCKER_HOST'];
      else process.env['DOCKER_HOST'] = before;
    }
  });
});
