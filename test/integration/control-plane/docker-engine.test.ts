/**
 * The Docker target with a real engine, through the proxy's configuration where HAProxy is installed.
 * The image is made here, of this machine's own Node.js and nothing else: no registry is asked.
 */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

import type { EngineAddress } from '../../../control-plane/schemas/engine-address.ts';
import { createDockerTarget } from '../../../control-plane/adapters/docker/target.ts';
import type { DockerScaleTarget } from '../../../control-plane/adapters/docker/target.ts';
import type { Replica } from '../../../control-plane/model/workload.ts';
import { startDockerProxy } from '../../support/docker-proxy.ts';
import type { RunningProxy } from '../../support/docker-proxy.ts';
import { dockerWorkload } from '../../support/docker-workload.ts';
import { isInstalled, pollUntil } from '../../support/process.ts';
import { skipBecause, skipWithout } from '../../support/skip.ts';

const run = promisify(execFile);
const SOCKET = '/var/run/docker.sock';
const OWNER = `omnimind-test-${process.pid}`;
const IMAGE = `${OWNER}:1`;
const TIMEOUT_MS = 20_000;

const SERVER = `
  const server = require('node:http').createServer((request, response) => response.end('ok'));
  server.listen(Number(process.env.PORT), '0.0.0.0');
  process.on('SIGTERM', () => process.exit(0));
`;

/** A root file system of one program, the libraries that it is linked with, and a server. */
async function makeImage(): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), 'omnimind-image-'));
  try {
    const node = await realpath(process.execPath);
    const { stdout } = await run('ldd', [node]);
    const libraries = stdout.match(/\/\S+(?= \()/g) ?? [];
    for (const path of libraries) {
      await mkdir(join(root, dirname(path)), { recursive: true });
      await cp(await realpath(path), join(root, path));
    }
    await cp(node, join(root, 'node'));
    await writeFile(join(root, 'server.cjs'), SERVER);
    const archive = `${root}.tar`;
    await run('tar', ['-C', root, '-cf', archive, '.']);
    await run('docker', ['import', '--change', 'CMD ["/node", "/server.cjs"]', archive, IMAGE]);
    await rm(archive);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

describe('the Docker target with a real engine', function () {
  this.timeout(90_000);
  let address: EngineAddress = { kind: 'socket', path: SOCKET };
  let proxy: RunningProxy | null = null;
  let target: DockerScaleTarget | null = null;

  before(async function () {
    skipWithout(this, 'docker');
    const isUp = await run('docker', ['--host', `unix://${SOCKET}`, 'info']).then(
      () => true,
      () => false,
    );
    if (!isUp) skipBecause(this, `no Docker engine answers at ${SOCKET}`);
    await makeImage();
    if (!isInstalled('haproxy')) return;
    proxy = await startDockerProxy(SOCKET);
    address = { kind: 'url', protocol: 'http', host: '127.0.0.1', port: proxy.port };
  });
  after(async () => {
    await target?.stop();
    await proxy?.stop();
    if (!isInstalled('docker')) return;
    const label = `label=omnimind.cluster=${OWNER}`;
    const { stdout } = await run('docker', ['ps', '-aq', '--filter', label]).catch(() => ({
      stdout: '',
    }));
    const ids = stdout.split('\n').filter((id) => id !== '');
    if (ids.length > 0) await run('docker', ['rm', '-f', ...ids]);
    await run('docker', ['image', 'rm', IMAGE]).catch(() => undefined);
  });

  const open = async (): Promise<DockerScaleTarget> => {
    const limits = { tickMs: 100, backoffMinMs: 100 };
    const opened = createDockerTarget({ engine: address, owner: OWNER, limits });
    await opened.start();
    target = opened;
    return opened;
  };
  const workload = dockerWorkload('inference', {
    ...{ image: IMAGE, port: 8123, memoryBytes: 128 * 1_048_576, cpus: 1, stopGraceMs: 2_000 },
  });
  const signal = (): AbortSignal => AbortSignal.timeout(TIMEOUT_MS);
  const untilReady = (of: DockerScaleTarget, count: number): Promise<readonly Replica[]> =>
    pollUntil(`${count} ready replicas`, TIMEOUT_MS, async () => {
      const replicas = await of.readReplicas(workload, signal());
      const allReady = replicas.every(({ phase }) => phase === 'ready');
      return replicas.length === count && allReady ? replicas : null;
    });

  it('scales 0 → 3 → 1, replaces what is killed, is adopted, and refuses an older token', async () => {
    const first = await open();
    await first.setReplicas(workload, 3, { term: 1, index: 1 }, signal());
    const three = await untilReady(first, 3);
    assert.equal(new Set(three.map((replica) => replica.address)).size, 3);
    for (const { address: host } of three) {
      assert.equal((await fetch(`http://${host}/`, { signal: signal() })).status, 200);
    }
    await first.setReplicas(workload, 1, { term: 1, index: 2 }, signal());
    const [one] = await untilReady(first, 1);
    assert.ok(one);
    assert.equal(one.replicaId, three[0]?.replicaId, 'the oldest is kept');

    await run('docker', ['kill', `${OWNER}.${one.replicaId.replace(/-(\d+)$/, '.$1')}`]);
    const [next] = await pollUntil('a replacement', TIMEOUT_MS, async () => {
      const replicas = await untilReady(first, 1);
      return replicas[0]?.replicaId === one.replicaId ? null : replicas;
    });
    await first.stop();

    const second = await open();
    assert.deepEqual(await second.readReplicas(workload, signal()), [next]);
    assert.deepEqual(await second.listWorkloads(), ['inference']);
    await assert.rejects(() => second.setReplicas(workload, 3, { term: 1, index: 1 }, signal()), {
      failure: 'stale_token',
    });
    const absent = dockerWorkload('inference', { image: `${OWNER}-absent:1` });
    await assert.rejects(() => second.setReplicas(absent, 4, { term: 2, index: 1 }, signal()), {
      failure: 'rejected',
      message: /the engine has no image/,
    });
    await second.removeWorkload('inference', { term: 2, index: 2 }, signal());
    await untilReady(second, 0);
  });
});
