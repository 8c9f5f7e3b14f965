import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer as createTlsServer } from 'node:https';

import type {
  KubernetesEvent,
  KubernetesSettings,
} from '../../../../../control-plane/adapters/kubernetes/settings.ts';
import { createKubernetesTarget } from '../../../../../control-plane/adapters/kubernetes/target.ts';
import type { KubernetesScaleTarget } from '../../../../../control-plane/adapters/kubernetes/target.ts';
import { ScaleTargetError } from '../../../../../control-plane/ports/scale-target.ts';
import { startFakeKubernetes } from '../../../../support/fake-kubernetes.ts';
import type { FakeKubernetes, FakeKubernetesOptions } from '../../../../support/fake-kubernetes.ts';
import { kubernetesWorkload } from '../../../../support/kubernetes-workload.ts';
import { pollUntil } from '../../../../support/process.ts';
import { createAuthority } from '../../../../support/raft-certificates.ts';
import { refused, targetCalls, WITHIN_MS } from '../../../../support/scale-target-calls.ts';

const workload = kubernetesWorkload('inference');

describe('kubernetes scale target', () => {
  let fake: FakeKubernetes;
  let path: string;
  let events: KubernetesEvent[];
  let opened: KubernetesScaleTarget[];

  const begin = async (options: FakeKubernetesOptions = {}): Promise<void> => {
    fake = await startFakeKubernetes(options);
    fake.addDeployment('serving', 'inference', 2);
    path = await fake.writeKubeconfig();
  };
  const open = async (
    settings: Partial<KubernetesSettings> = {},
  ): Promise<KubernetesScaleTarget> => {
    const target = createKubernetesTarget({
      access: { kind: 'kubeconfig', path, context: null },
      ...{ owner: 'blue', namespaces: ['serving'] },
      onEvent: (event) => void events.push(event),
      ...settings,
      limits: { backoffMinMs: 20, ...settings.limits },
    });
    await target.start();
    opened.push(target);
    return target;
  };
  const count = (): number => fake.replicasOf('serving', 'inference');
  const kinds = (): readonly string[] => events.map(({ kind }) => kind);
  const settled = (): Promise<boolean> =>
    pollUntil('settled pods', WITHIN_MS, () => fake.controller.settled());
  const { set, read, remove, quiet } = targetCalls(workload, () => fake.requests.length);

  beforeEach(async () => {
    events = [];
    opened = [];
    await begin();
  });
  afterEach(async () => {
    await Promise.all(opened.map((target) => target.stop()));
    await fake.close();
  });

  it('costs no request to be told again what the object has been told and has kept', async () => {
    const target = await open();
    await set(target, 3, 1);
    await settled();
    await quiet(target, 3, 1);
    const before = fake.requests.length;
    for (let tick = 0; tick < 20; tick += 1) await set(target, 3, 1);
    assert.equal(fake.requests.length, before);
  });

  it('writes its number again where somebody else has changed it, and says who did', async () => {
    const target = await open();
    await set(target, 3, 1);
    await quiet(target, 3, 1);
    fake.scaleBy('kubectl', 'serving', 'inference', 7);
    await pollUntil('its own number', WITHIN_MS, async () => {
      await set(target, 3, 1);
      return count() === 3;
    });
    const overwritten = events.find(({ kind }) => kind === 'overwritten');
    assert.deepEqual(overwritten, {
      ...{ kind: 'overwritten', workloadId: 'inference', object: 'Deployment serving/inference' },
      ...{ found: 7, replicas: 3, by: 'kubectl' },
    });
  });

  it('says so, too, when the number is put back to what it was before the plane came', async () => {
    const target = await open();
    await set(target, 3, 1);
    await quiet(target, 3, 1);
    fake.scaleBy('kubectl', 'serving', 'inference', 2);
    await pollUntil('its own number', WITHIN_MS, async () => {
      await set(target, 3, 1);
      return count() === 3;
    });
    assert.ok(kinds().includes('overwritten'));
  });

  it('refuses an object that a HorizontalPodAutoscaler scales, and names it', async () => {
    fake.addAutoscaler('serving', 'busy', 'inference');
    fake.addAutoscaler('serving', 'elsewhere', 'training');
    const target = await open();
    await refused('rejected', /HorizontalPodAutoscaler busy; delete that/, () => set(target, 3, 1));
    assert.equal(count(), 2);
    assert.equal(fake.store.get('deployments', 'serving', 'inference').metadata.labels, undefined);
  });

  it('refuses an object of another cluster of members, and takes it once it was given up', async () => {
    const blue = await open();
    const green = await open({ owner: 'green' });
    await set(blue, 3, 9);
    await refused('rejected', /scaled by the cluster "blue"/, () => set(green, 5, 1));
    assert.deepEqual(await green.listWorkloads(), []);
    await remove(blue, 10);
    await set(green, 5, 1);
    assert.equal(count(), 5);
    await refused('rejected', /scaled by the cluster "green"/, () => set(blue, 3, 11));
  });

  it('refuses a second workload on an object, and takes it once the first is removed', async () => {
    const target = await open();
    const second = kubernetesWorkload('second', { name: 'inference' });
    await set(target, 3, 1);
    await refused('rejected', /scaled for the workload inference/, () => set(target, 4, 2, second));
    await remove(target, 3);
    await set(target, 4, 4, second);
    assert.deepEqual(await target.listWorkloads(), ['second']);
  });

  it('leaves a removed workload as it runs, and takes off all but the token', async () => {
    const target = await open();
    await set(target, 3, 1);
    await remove(target, 2);
    assert.equal(count(), 3);
    const { labels, annotations } = fake.store.get('deployments', 'serving', 'inference').metadata;
    assert.deepEqual(labels, {});
    assert.deepEqual(annotations, {
      'control-plane.omnimind/cluster': 'blue',
      'control-plane.omnimind/token': '1.2',
    });
    assert.deepEqual(events.at(-1), {
      ...{ kind: 'released', workloadId: 'inference', object: 'Deployment serving/inference' },
      replicas: 3,
    });
  });

  it('has nothing to remove of a workload whose object is gone', async () => {
    const target = await open();
    await set(target, 3, 1);
    fake.store.delete('deployments', 'serving', 'inference');
    await remove(target, 2);
    await pollUntil(
      'no workload',
      WITHIN_MS,
      async () => (await target.listWorkloads()).length === 0,
    );
  });

  it('gives up the object that a workload has moved away from', async () => {
    fake.addDeployment('serving', 'moved', 0);
    const target = await open();
    await set(target, 3, 1);
    await quiet(target, 3, 1);
    const moved = kubernetesWorkload('inference', { name: 'moved' });
    await pollUntil('the old object given up', WITHIN_MS, async () => {
      await set(target, 4, 1, moved);
      return kinds().includes('released');
    });
    assert.equal(fake.replicasOf('serving', 'moved'), 4);
    assert.equal(count(), 3);
  });

  it('refuses annotations that somebody has changed, rather than to take them for none', async () => {
    const target = await open();
    await set(target, 3, 4);
    const found = fake.store.get('deployments', 'serving', 'inference');
    fake.store.update('deployments', found, null, ({ metadata }) => {
      metadata.annotations = { ...metadata.annotations, 'control-plane.omnimind/token': 'none' };
    });
    await refused('rejected', /annotations have been changed/, () => set(target, 1, 5));
    assert.equal(count(), 3);
  });

  it('has the next leader finish what was told and never written, and calls that nobody’s doing', async () => {
    const first = await open();
    fake.forbidden.add('update deployments/scale');
    await refused('rejected', /grant the verb "update" on "deployments\/scale"/, () =>
      set(first, 5, 1),
    );
    assert.equal(count(), 2);
    fake.forbidden.clear();
    const next = await open();
    await set(next, 5, 1);
    assert.equal(count(), 5);
    assert.ok(!kinds().includes('overwritten'));
  });

  it('writes nothing once another may have become the one to act', async () => {
    // A status that the controller writes meanwhile is a conflict, and another write.
    await settled();
    let writes = 0;
    const target = await open({ mayAct: () => (writes += 1) <= 1 });
    await refused('unavailable', /another may have become/, () => set(target, 5, 1));
    assert.equal(count(), 2);
    const { annotations } = fake.store.get('deployments', 'serving', 'inference').metadata;
    assert.equal(annotations?.['control-plane.omnimind/token'], '1.1');
  });

  it('names the rule that is missing, for whichever call is forbidden', async () => {
    const target = await open();
    const rules: readonly (readonly [string, RegExp])[] = [
      [
        'get deployments',
        /"get" on "deployments" of apiGroup "apps" in a Role of namespace serving/,
      ],
      ['get deployments/scale', /"get" on "deployments\/scale" of apiGroup "apps"/],
      [
        'list horizontalpodautoscalers',
        /"list" on "horizontalpodautoscalers" of apiGroup "autoscaling"/,
      ],
      ['patch deployments', /"patch" on "deployments"/],
      ['update deployments/scale', /"update" on "deployments\/scale"/],
    ];
    for (const [access, message] of rules) {
      fake.forbidden.add(access);
      await refused('rejected', message, () => set(target, 3, 1));
      fake.forbidden.clear();
    }
    fake.forbidden.add('list pods');
    await refused('unavailable', /"list" on "pods" of apiGroup ""/, () => read(target));
  });

  it('does not start without a list of what it scales', async () => {
    fake.forbidden.add('list statefulsets');
    await refused('rejected', /"list" on "statefulsets"/, () => open());
    fake.broken = true;
    await refused('unavailable', /etcdserver: request timed out/, () => open());
  });

  it('refuses what lies outside of its namespaces and kinds, without asking', async () => {
    const target = await open();
    const before = fake.requests.length;
    const outside = [
      kubernetesWorkload('inference', { namespace: 'kube-system' }),
      kubernetesWorkload('inference', { resource: 'ReplicaSet' }),
      kubernetesWorkload('inference', { apiVersion: 'example.com/v1' }),
    ];
    for (const of of outside) {
      await refused('rejected', /outside of the namespaces and kinds/, () => set(target, 3, 1, of));
      await refused('unavailable', /outside of/, () =>
        target.readReplicas(of, AbortSignal.timeout(WITHIN_MS)),
      );
    }
    assert.equal(
      fake.requests.slice(before).filter(({ access }) => !access.startsWith('watch')).length,
      0,
    );
  });

  it('refuses a kind without a scale subresource, and one that the server does not have', async () => {
    const kind = (resource: string) => ({ kinds: [{ apiVersion: 'apps/v1', resource }] });
    await refused('rejected', /no scale subresource/, () => open(kind('ControllerRevision')));
    await refused('rejected', /no namespaced kind Deploymint/, () => open(kind('Deploymint')));
  });

  it('knows no replicas of an object that is not there, which is not none', async () => {
    const target = await open();
    fake.store.delete('deployments', 'serving', 'inference');
    await refused('unavailable', /not found/, () => read(target));
    await refused('rejected', /not found/, () => set(target, 3, 1));
  });

  it('follows the pods without a request per look', async () => {
    const target = await open();
    await settled();
    await pollUntil('two ready', WITHIN_MS, async () => (await read(target)).length === 2);
    await pollUntil('watches', WITHIN_MS, () => fake.watches === 3);
    const before = fake.requests.length;
    for (let look = 0; look < 20; look += 1) await read(target);
    fake.scaleBy('kubectl', 'serving', 'inference', 4);
    await pollUntil('four ready', WITHIN_MS, async () => {
      const replicas = await read(target);
      return replicas.length === 4 && replicas.every(({ phase }) => phase === 'ready');
    });
    assert.equal(fake.requests.length, before);
  });

  it('lists anew after its watch was told that its version is gone', async () => {
    const target = await open();
    await settled();
    await read(target);
    await pollUntil('watches', WITHIN_MS, () => fake.watches === 3);
    fake.store.compact();
    fake.dropWatches();
    fake.scaleBy('kubectl', 'serving', 'inference', 5);
    await pollUntil('five ready', WITHIN_MS, async () => (await read(target)).length === 5);
    await pollUntil('watches', WITHIN_MS, () => fake.watches === 3);
    const before = fake.requests.length;
    await read(target);
    assert.equal(fake.requests.length, before);
  });

  it('lists while its watch is silent for too long, and gives nothing old when it cannot', async () => {
    const target = await open({ limits: { watchMs: 60_000, trustMs: 200 } });
    await settled();
    assert.equal((await read(target)).length, 2);
    fake.muted = true;
    fake.scaleBy('kubectl', 'serving', 'inference', 1);
    await pollUntil('one replica', WITHIN_MS, async () => (await read(target)).length === 1);
    fake.broken = true;
    await pollUntil('no answer', WITHIN_MS, async () => {
      try {
        await read(target);
        return false;
      } catch (error) {
        return error instanceof ScaleTargetError && error.failure === 'unavailable';
      }
    });
    await pollUntil('trouble', WITHIN_MS, () => kinds().includes('trouble'));
    fake.muted = false;
    fake.broken = false;
    await pollUntil('one replica', WITHIN_MS, async () => {
      return (await read(target).catch(() => [])).length === 1;
    });
  });

  it('goes on with the watch from where it broke off', async () => {
    const target = await open();
    await settled();
    await read(target);
    await pollUntil('watches', WITHIN_MS, () => fake.watches === 3);
    fake.dropWatches();
    fake.scaleBy('kubectl', 'serving', 'inference', 3);
    await pollUntil('three', WITHIN_MS, async () => (await read(target)).length === 3);
  });

  it('reads the pods page by page', async () => {
    fake.scaleBy('kubectl', 'serving', 'inference', 7);
    await settled();
    const target = await open({ limits: { pageItems: 3 } });
    assert.equal((await read(target)).length, 7);
    assert.equal(fake.requests.filter(({ access }) => access === 'list pods').length, 3);
  });

  it('lists per look the pods of those workloads that have no watch left', async () => {
    const target = await open({ limits: { watchesMax: 0 } });
    await settled();
    await read(target);
    await read(target);
    assert.equal(fake.requests.filter(({ access }) => access === 'list pods').length, 2);
    assert.equal(fake.requests.filter(({ access }) => access === 'watch pods').length, 0);
  });

  it('closes the watch of pods that nobody asks for any more', async () => {
    fake.addDeployment('serving', 'training', 1);
    const target = await open({ limits: { idleMs: 50 } });
    await read(target);
    await pollUntil('three watches', WITHIN_MS, () => fake.watches === 3);
    const other = kubernetesWorkload('training');
    await pollUntil('one watch of pods', WITHIN_MS, async () => {
      await target.readReplicas(other, AbortSignal.timeout(WITHIN_MS));
      const pods = fake.requests.filter(({ access }) => access === 'watch pods');
      return pods.length === 2 && fake.watches === 3;
    });
  });

  it('takes a token that was renewed in the kubeconfig', async () => {
    const target = await open();
    const config = await readFile(path, 'utf8');
    fake.token = 'renewed';
    await refused('unavailable', /does not accept the credentials/, () => set(target, 3, 1));
    await writeFile(path, config.replace('sesame', 'renewed'));
    await set(target, 3, 1);
    assert.equal(count(), 3);
  });

  it('names what is wrong with its access', async () => {
    const access = (context: string | null, file = path) => ({
      access: { kind: 'kubeconfig' as const, path: file, context },
    });
    await refused('unavailable', /no context "other" .* it has fake/, () => open(access('other')));
    await refused('unavailable', /ENOENT/, () => open(access(null, `${path}.none`)));
    if (process.env['KUBERNETES_SERVICE_HOST'] === undefined) {
      await refused('unavailable', /KUBERNETES_SERVICE_HOST is not set/, () =>
        open({ access: { kind: 'in_cluster' } }),
      );
    }
    const unsafe = await fake.writeKubeconfig({ 'insecure-skip-tls-verify': false });
    await refused('unavailable', /HTTP protocol is not allowed/, () => open(access(null, unsafe)));
  });

  it('ends the calls under way when it is stopped', async () => {
    const target = await open();
    const resume = fake.stall();
    const setting = assert.rejects(set(target, 3, 1), { failure: 'unavailable' });
    await target.stop();
    await setting;
    resume();
    await refused('unavailable', /not started/, () => set(target, 3, 1));
  });

  it('gives up a call that is not answered in time', async () => {
    const target = await open({ limits: { callTimeoutMs: 100 } });
    const resume = fake.stall();
    await refused('unavailable', /no answer within 100 ms/, () => set(target, 3, 1));
    resume();
  });

  it('checks the server against the authority of the kubeconfig, and shows its certificate', async () => {
    const authority = await createAuthority();
    await fake.close();
    const server = await authority.issue('localhost');
    const member = await authority.issue('member');
    const requireClient = { requestCert: true, rejectUnauthorized: true };
    await begin({
      serve: (listener) => createTlsServer({ ...server, ...requireClient }, listener),
    });
    const base64 = (text: string | Buffer): string => Buffer.from(text).toString('base64');
    const cluster = {
      server: `https://127.0.0.1:${fake.port}`,
      'insecure-skip-tls-verify': false,
      'tls-server-name': 'localhost',
    };
    const user = { token: fake.token };
    const trusted = { ...cluster, 'certificate-authority-data': base64(server.ca) };
    const shown = {
      ...user,
      'client-certificate-data': base64(member.cert),
      'client-key-data': base64(member.key),
    };
    const at = (file: string) => ({
      access: { kind: 'kubeconfig' as const, path: file, context: null },
    });
    const target = await open(at(await fake.writeKubeconfig(trusted, shown)));
    await set(target, 3, 1);
    assert.equal(count(), 3);
    const without = await fake.writeKubeconfig(trusted, user);
    await refused('unavailable', /certificate required|socket hang up|ECONNRESET/, () =>
      open(at(without)),
    );
    const distrusting = await fake.writeKubeconfig(cluster, shown);
    await refused('unavailable', /certificate/, () => open(at(distrusting)));
    await authority.remove();
  });
});
