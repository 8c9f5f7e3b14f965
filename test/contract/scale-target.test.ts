import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { findOwned } from '../../control-plane/adapters/local-process/processes.ts';
import { createDockerTarget } from '../../control-plane/adapters/docker/target.ts';
import { createLocalProcessTarget } from '../../control-plane/adapters/local-process/target.ts';
import type { LocalProcessScaleTarget } from '../../control-plane/adapters/local-process/target.ts';
import { createWebhookTarget } from '../../control-plane/adapters/webhook/target.ts';
import { dockerWorkload } from '../support/docker-workload.ts';
import { startFakeEngine } from '../support/fake-engine.ts';
import { localWorkload } from '../support/local-workload.ts';
import { createMemoryScaleTarget, createMemoryWorld } from '../support/memory-scale-target.ts';
import { reopened } from '../support/reopened-target.ts';
import type { StoppableTarget } from '../support/reopened-target.ts';
import { skipBecause } from '../support/skip.ts';
import { startWebhookReceiver } from '../support/webhook-receiver.ts';
import { webhookWorkload } from '../support/webhook-workload.ts';
import { describeScaleTarget } from './scale-target.ts';

describeScaleTarget('in memory', () => {
  const world = createMemoryWorld();
  let target = createMemoryScaleTarget(world);
  return Promise.resolve({
    target,
    workload: (id) => localWorkload(id),
    crash(replica) {
      target.endReplica(replica.replicaId);
      return Promise.resolve();
    },
    restart: () => {
      target = createMemoryScaleTarget(world);
      return Promise.resolve(target);
    },
    close: () => Promise.resolve(),
  });
});

describeScaleTarget('a receiver of webhooks', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'omnimind-webhook-'));
  const secrets = 'a secret that both sides know, and nobody else'.replaceAll(' ', '-');
  await writeFile(join(directory, 'scaling'), secrets);
  const receiver = await startWebhookReceiver({ file: join(directory, 'receiver.json'), secrets });
  const open = async (): Promise<StoppableTarget> => {
    const target = createWebhookTarget({
      secretsDirectory: directory,
      caFile: null,
      placesFile: join(directory, 'places.json'),
      owner: 'contract',
      nowMs: Date.now,
      limits: { backoffMinMs: 20 },
    });
    await target.start();
    return target;
  };
  return {
    ...(await reopened(open, async () => {
      await receiver.close();
      await rm(directory, { recursive: true, force: true });
    })),
    workload: (id) => webhookWorkload(id, { url: `${receiver.origin}/workloads/${id}` }),
    crash(replica) {
      receiver.crash(replica.replicaId);
      return Promise.resolve();
    },
    stall: () => receiver.stall(),
  };
});

if (process.platform === 'linux') {
  describeScaleTarget('local processes', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'omnimind-target-'));
    const open = async (): Promise<LocalProcessScaleTarget> => {
      const target = createLocalProcessTarget({
        directory,
        portsFrom: 24_000,
        portsTo: 24_999,
        nowMs: Date.now,
        limits: { tickMs: 50, backoffMinMs: 50 },
      });
      await target.start();
      return target;
    };
    let target = await open();
    return {
      target,
      workload: (id) => localWorkload(id),
      async crash(replica) {
        const owner = (await readFile(join(directory, 'owner'), 'utf8')).trim();
        const found = await findOwned(owner);
        const pid = found.find((each) => each.replicaId === replica.replicaId)?.identity.pid;
        if (pid === undefined) throw new Error(`${replica.replicaId} does not run`);
        process.kill(pid, 'SIGKILL');
      },
      async restart() {
        await target.stop('keep');
        target = await open();
        return target;
      },
      async close() {
        await target.stop('stop');
        await rm(directory, { recursive: true, force: true });
      },
    };
  });

  describeScaleTarget('containers of a Docker engine', async () => {
    const engine = await startFakeEngine();
    const open = async (): Promise<StoppableTarget> => {
      const target = createDockerTarget({
        engine: engine.address,
        owner: 'contract',
        limits: { tickMs: 50, backoffMinMs: 50, callTimeoutMs: 1_000 },
      });
      await target.start();
      return target;
    };
    return {
      ...(await reopened(open, () => engine.close())),
      workload: (id) => dockerWorkload(id, { port: engine.port }),
      crash: (replica) => engine.crash(`contract.${replica.replicaId.replace(/-(\d+)$/, '.$1')}`),
      stall() {
        engine.trouble = { matching: /./ };
        return () => (engine.trouble = null);
      },
    };
  });
} else {
  describe('scale target contract: local processes, and containers of a Docker engine', () => {
    it('does all of the above', function () {
      skipBecause(this, 'needs /proc, and all of 127.0.0.0/8 as loopback');
    });
  });
}
