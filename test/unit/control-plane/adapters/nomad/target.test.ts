import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer as createTlsServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type {
  NomadEvent,
  NomadSettings,
} from '../../../../../control-plane/adapters/nomad/settings.ts';
import { createNomadTarget } from '../../../../../control-plane/adapters/nomad/target.ts';
import type { NomadScaleTarget } from '../../../../../control-plane/adapters/nomad/target.ts';
import { ScaleTargetError } from '../../../../../control-plane/ports/scale-target.ts';
import type { FakeJob } from '../../../../support/fake-nomad-state.ts';
import { startFakeNomad } from '../../../../support/fake-nomad.ts';
import type { FakeNomad, FakeNomadOptions } from '../../../../support/fake-nomad.ts';
import { nomadWorkload } from '../../../../support/nomad-workload.ts';
import { pollUntil } from '../../../../support/process.ts';
import { createAuthority } from '../../../../support/raft-certificates.ts';
import { refused, targetCalls, WITHIN_MS } from '../../../../support/scale-target-calls.ts';

const workload = nomadWorkload('inference');

describe('nomad scale target', () => {
  let fake: FakeNomad;
  let job: FakeJob;
  let events: NomadEvent[];
  let opened: NomadScaleTarget[];
  let directory: string;

  const begin = async (options: FakeNomadOptions = {}): Promise<void> => {
    fake = await startFakeNomad(options);
    job = fake.state.addJob('serving', 'inference', 2, false);
  };
  const open = async (settings: Partial<NomadSettings> = {}): Promise<NomadScaleTarget> => {
    const target = createNomadTarget({
      ...{ address: fake.address, tokenFile: null, tls: null },
      ...{ owner: 'blue', namespaces: ['serving'] },
      onEvent: (event) => void events.push(event),
      ...settings,
      limits: { backoffMinMs: 20, pauseMs: 5, ...settings.limits },
    });
    await target.start();
    opened.push(target);
    return target;
  };
  const count = (): number => fake.countOf('serving', 'inference', 'server');
  const kinds = (): readonly string[] => events.map(({ kind }) => kind);
  const ready = (target: NomadScaleTarget, wanted: number): Promise<boolean> =>
    pollUntil(`${wanted} ready`, WITHIN_MS, async () => {
      const replicas = await read(target);
      return replicas.length === wanted && replicas.every(({ phase }) => phase === 'ready');
    });
  /** Requests that are not held open for what is to come. */
  const asked = (): number => fake.requests.filter(({ query }) => !query.has('index')).length;
  const { set, read, remove, quiet } = targetCalls(workload, asked);
  const item = (name: string): string | undefined =>
    [...fake.state.variables.values()][0]?.items[name];

  beforeEach(async () => {
    events = [];
    opened = [];
    directory = await mkdtemp(join(tmpdir(), 'omnimind-nomad-'));
    await begin();
  });
  afterEach(async () => {
    await Promise.all(opened.map((target) => target.stop()));
    await fake.close();
    await rm(directory, { recursive: true, force: true });
  });

  it('costs no request to be told again what the group has been told and has kept', async () => {
    const target = await open();
    await set(target, 3, 1);
    await ready(target, 3);
    await quiet(target, 3, 1);
    const before = asked();
    for (let tick = 0; tick < 20; tick += 1) {
      await set(target, 3, 1);
      await read(target);
    }
    assert.equal(asked(), before);
  });

  it('tells people in the job’s scaling events who scaled it, and why', async () => {
    const target = await open();
    await set(target, 3, 7);
    assert.deepEqual(job.events[0], {
      ...{ group: 'server', count: 3, message: '3 replicas wanted of inference by blue' },
      meta: {
        omnimind_cluster: 'blue',
        omnimind_workload: 'inference',
        omnimind_token: '1.7',
      },
    });
  });

  it('writes its number again where somebody else has changed it, and says so', async () => {
    const target = await open();
    await set(target, 3, 1);
    await quiet(target, 3, 1);
    for (const number of [7, 2]) {
      events.length = 0;
      fake.state.setCount(job, 'server', number);
      await pollUntil('its own number', WITHIN_MS, async () => {
        await set(target, 3, 1);
        return count() === 3;
      });
      assert.deepEqual(
        events.find(({ kind }) => kind === 'overwritten'),
        {
          ...{ kind: 'overwritten', workloadId: 'inference' },
          object: 'the group server of the job serving/inference',
          ...{ found: number, replicas: 3 },
        },
      );
    }
  });

  it('does not take a change of the job’s status for one of its registration', async () => {
    const target = await open();
    await set(target, 3, 1);
    fake.state.touch(job);
    await set(target, 4, 2);
    assert.equal(count(), 4);
  });

  it('says that a deployment is in the way, and scales once that has ended', async () => {
    const target = await open();
    await ready(target, 2);
    job.isDeploying = true;
    await refused('unavailable', /a deployment of the job runs/, () => set(target, 5, 1));
    assert.equal(count(), 2);
    job.isDeploying = false;
    await set(target, 5, 1);
    assert.equal(count(), 5);
    assert.ok(!kinds().includes('overwritten'));
  });

  it('registers nothing for a number that the group has, where nothing older can be under way', async () => {
    const target = await open();
    const { jobModifyIndex } = job;
    await set(target, 2, 1);
    await set(target, 2, 2);
    assert.equal(job.jobModifyIndex, jobModifyIndex);
    assert.equal(item('state'), 'settled');
    assert.equal(item('token'), '1.2');
  });

  it('registers the number that is there already, where something older may be under way', async () => {
    const first = await open();
    fake.forbidden.add('scale-job');
    await refused('rejected', /grant the capability scale-job/, () => set(first, 5, 1));
    fake.forbidden.clear();
    const { jobModifyIndex } = job;
    const next = await open();
    await set(next, 2, 2);
    assert.ok(job.jobModifyIndex > jobModifyIndex);
    assert.equal(item('state'), 'settled');
  });

  it('registers again what was told, where it does not know whether that ever came to be', async () => {
    const first = await open();
    fake.forbidden.add('scale-job');
    await refused('rejected', /scale-job/, () => set(first, 5, 1));
    fake.forbidden.clear();
    fake.state.setCount(job, 'server', 5);
    const { jobModifyIndex } = job;
    await set(await open(), 5, 1);
    assert.ok(job.jobModifyIndex > jobModifyIndex);
    assert.equal(item('state'), 'settled');
  });

  it('has the next leader finish what was told and never written', async () => {
    const first = await open();
    fake.forbidden.add('scale-job');
    await refused('rejected', /scale-job in the namespace serving/, () => set(first, 5, 1));
    assert.equal(item('state'), 'told');
    fake.forbidden.clear();
    const next = await open();
    await set(next, 5, 1);
    assert.equal(count(), 5);
    assert.equal(item('state'), 'settled');
    assert.ok(!kinds().includes('overwritten'));
  });

  it('refuses a group of another cluster of members, and takes it once it was given up', async () => {
    const blue = await open();
    const green = await open({ owner: 'green' });
    await set(blue, 3, 9);
    await refused('rejected', /scaled by the cluster "blue"/, () => set(green, 5, 1));
    assert.deepEqual(await green.listWorkloads(), []);
    await remove(blue, 10);
    await set(green, 5, 1);
    assert.equal(count(), 5);
    assert.deepEqual(await green.listWorkloads(), ['inference']);
  });

  it('refuses a second workload on a group, and takes it once the first is removed', async () => {
    const target = await open();
    const second = nomadWorkload('second', { jobId: 'inference' });
    await set(target, 3, 1);
    await refused('rejected', /scaled for the workload inference/, () => set(target, 4, 2, second));
    await remove(target, 3);
    await set(target, 4, 4, second);
    assert.deepEqual(await target.listWorkloads(), ['second']);
  });

  it('leaves a removed workload as it runs, and keeps what came before out of it', async () => {
    const first = await open();
    fake.forbidden.add('scale-job');
    await refused('rejected', /scale-job/, () => set(first, 5, 1));
    fake.forbidden.clear();
    const { jobModifyIndex } = job;
    const target = await open();
    await remove(target, 2);
    assert.equal(count(), 2);
    // The write that may be under way still was decided on an older registration.
    assert.ok(job.jobModifyIndex > jobModifyIndex);
    assert.equal(item('state'), 'released');
    assert.equal(item('token'), '1.2');
    assert.deepEqual(await target.listWorkloads(), []);
    assert.equal(events.at(-1)?.kind, 'released');
  });

  it('gives up the group that a workload has moved away from', async () => {
    fake.state.addJob('serving', 'moved', 0, false);
    const target = await open();
    await set(target, 3, 1);
    await quiet(target, 3, 1);
    const moved = nomadWorkload('inference', { jobId: 'moved' });
    await pollUntil('the old group given up', WITHIN_MS, async () => {
      await set(target, 4, 1, moved);
      return kinds().includes('released');
    });
    assert.equal(fake.countOf('serving', 'moved', 'server'), 4);
    assert.equal(count(), 3);
    assert.deepEqual(await target.listWorkloads(), ['inference']);
  });

  it('refuses a variable that somebody has changed, rather than to take it for none', async () => {
    const target = await open();
    await set(target, 3, 4);
    const held = [...fake.state.variables.values()][0];
    assert.ok(held !== undefined);
    const items = { ...held.items, token: 'none' };
    fake.state.writeVariable(held.namespace, held.path, items);
    await refused('rejected', /the variable omnimind\/groups\/\w+ was changed \(token\)/, () =>
      set(target, 1, 5),
    );
    assert.equal(count(), 3);
  });

  it('writes nothing once another may have become the one to act', async () => {
    let asks = 0;
    const target = await open({ mayAct: () => (asks += 1) <= 1 });
    await refused('unavailable', /another may have become/, () => set(target, 5, 1));
    assert.equal(count(), 2);
    assert.equal(item('state'), 'told');
  });

  it('names the capability that is missing, for whichever call is forbidden', async () => {
    const target = await open();
    const calls: readonly (readonly [string, RegExp])[] = [
      ['read-job', /grant the capability read-job in the namespace serving/],
      ['variables:read', /the capability read on the variables omnimind\/groups\/\*/],
      [
        'variables:write',
        /the capability write on the variables omnimind\/groups\/\* in the namespace default/,
      ],
      ['scale-job', /grant the capability scale-job in the namespace serving/],
    ];
    for (const [capability, message] of calls) {
      fake.forbidden.add(capability);
      await refused('rejected', message, () => set(target, 3, 1));
      fake.forbidden.clear();
    }
    fake.forbidden.add('variables:list');
    await refused('rejected', /the capability list on the variables/, () => open());
  });

  it('refuses a job that cannot be scaled, and says what it is', async () => {
    const target = await open();
    const missing = nomadWorkload('inference', { jobId: 'none' });
    await refused('rejected', /read the group server of the job serving\/none: job not found/, () =>
      set(target, 3, 1, missing),
    );
    const group = nomadWorkload('inference', { group: 'none' });
    await refused('rejected', /there is no group none/, () => set(target, 3, 1, group));
    job.type = 'system';
    await refused('rejected', /of the type system has one of each per node/, () =>
      set(target, 3, 1),
    );
    job.type = 'service';
    job.stop = true;
    await refused('rejected', /the job is stopped/, () => set(target, 3, 1));
    const outside = nomadWorkload('inference', { namespace: 'prod' });
    await refused('rejected', /outside of the namespaces/, () => set(target, 3, 1, outside));
    assert.equal(count(), 2);
  });

  it('holds a replica for ready that a new deployment leaves in place, also after a restart', async () => {
    const deployed = fake.state.addJob('serving', 'deployed', 1);
    const of = nomadWorkload('deployed');
    const target = await open();
    const phases = async (through: NomadScaleTarget): Promise<readonly string[]> =>
      (await read(through, of)).map(({ phase }) => phase);
    await pollUntil('one ready', WITHIN_MS, async () => (await phases(target)).join() === 'ready');
    const [allocation] = [...fake.state.allocations.values()].filter((one) => one.job === deployed);
    assert.ok(allocation !== undefined);
    const stall = setInterval(() => (allocation.healthy = null), 1);
    try {
      await pollUntil('no deployment', WITHIN_MS, () => !deployed.isDeploying);
      await set(target, 2, 1, of);
      allocation.healthy = null;
      await pollUntil('two', WITHIN_MS, async () => (await phases(target)).length === 2);
      assert.equal((await phases(target))[0], 'ready');
      const next = await open();
      assert.equal((await phases(next))[0], 'ready');
    } finally {
      clearInterval(stall);
    }
  });

  it('lists the replicas by the port that the workload names', async () => {
    const target = await open();
    await ready(target, 2);
    const of = nomadWorkload('inference', { portLabel: 'metrics' });
    await refused('unavailable', /has no port "metrics", only http/, () => read(target, of));
  });

  it('gives nothing old when the agent does not answer any more', async () => {
    const target = await open({ limits: { trustMs: 150, callTimeoutMs: 100, waitMs: 50 } });
    await ready(target, 2);
    fake.broken = true;
    await pollUntil('no answer', WITHIN_MS, () => isUnavailable(() => read(target)));
    await pollUntil('trouble', WITHIN_MS, () => kinds().includes('trouble'));
    fake.broken = false;
    await pollUntil(
      'two',
      WITHIN_MS,
      async () => (await read(target).catch(() => [])).length === 2,
    );
    fake.hanging = true;
    await pollUntil('no answer', WITHIN_MS, () => isUnavailable(() => read(target)));
    await pollUntil('no list', WITHIN_MS, () => isUnavailable(() => target.listWorkloads()));
    fake.hanging = false;
    await ready(target, 2);
  });

  it('asks per look for those workloads that have no blocking query left', async () => {
    const target = await open({ limits: { watchesMax: 0 } });
    await ready(target, 2);
    const before = asked();
    await read(target);
    assert.ok(asked() > before);
  });

  it('does not start on a Nomad that lets late writes through, and says where it cannot know', async () => {
    for (const version of ['1.8.1', '1.7.9', '0.12.0']) {
      await fake.close();
      await begin({ version });
      await refused('rejected', /is too old: 1\.8\.2 is the first/, () => open());
    }
    for (const version of ['1.8.2', '1.10.0', '2.0.0-beta.1+ent']) {
      await fake.close();
      await begin({ version });
      await open();
    }
    assert.ok(!kinds().includes('version_unknown'));
    fake.forbidden.add('agent:read');
    await open();
    assert.ok(kinds().includes('version_unknown'));
  });

  it('reads its token from a file, as it is at the time', async () => {
    fake.token = 'first';
    const tokenFile = join(directory, 'token');
    await writeFile(tokenFile, 'first\n');
    const target = await open({ tokenFile });
    fake.token = 'second';
    await refused('rejected', /ACL token not found/, () => set(target, 3, 1));
    await writeFile(tokenFile, 'second\n');
    await set(target, 3, 1);
    await rm(tokenFile);
    await refused('unavailable', /ENOENT/, () => set(target, 4, 2));
  });

  it('ends the calls under way when it is stopped, and those that take too long', async () => {
    const target = await open({ limits: { callTimeoutMs: 100 } });
    const resume = fake.stall();
    await refused('unavailable', /no answer within 100 ms/, () => set(target, 3, 1));
    const setting = assert.rejects(set(target, 3, 1), { failure: 'unavailable' });
    await target.stop();
    await setting;
    resume();
    await refused('unavailable', /not started/, () => set(target, 3, 1));
  });

  it('checks the agent against the authority that it was given, and shows its certificate', async () => {
    const authority = await createAuthority();
    await fake.close();
    const server = await authority.issue('localhost');
    const member = await authority.issue('member');
    const requireClient = { requestCert: true, rejectUnauthorized: true };
    await begin({
      serve: (listener) => createTlsServer({ ...server, ...requireClient }, listener),
    });
    const write = async (name: string, text: string | Buffer): Promise<string> => {
      await writeFile(join(directory, name), text);
      return join(directory, name);
    };
    const caFile = await write('ca.pem', server.ca);
    const certificateFile = await write('member.pem', member.cert);
    const keyFile = await write('member.key', member.key);
    const address = `https://localhost:${fake.port}`;
    const target = await open({ address, tls: { caFile, certificateFile, keyFile } });
    await set(target, 3, 1);
    assert.equal(count(), 3);
    await refused('unavailable', /certificate required|socket hang up|ECONNRESET/, () =>
      open({ address, tls: { caFile, certificateFile: null, keyFile: null } }),
    );
    await refused('unavailable', /certificate/, () => open({ address, tls: null }));
    await authority.remove();
  });
});

async function isUnavailable(act: () => Promise<unknown>): Promise<boolean> {
  try {
    await act();
    return false;
  } catch (error) {
    return error instanceof ScaleTargetError && error.failure === 'unavailable';
  }
}
