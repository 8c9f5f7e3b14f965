/**
 * How a member of a cluster starts, as a process: it listens before a majority is there, proposes its
 * document files once one is, and says in the log what became of them.
 */

import assert from 'node:assert/strict';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { prepareCluster } from '../../support/cluster-process.ts';
import type { Cluster } from '../../support/cluster-process.ts';
import { pollUntil } from '../../support/process.ts';

const WORKLOAD =
  'kind: Workload\nid: w\ncapability: inference\n' +
  'target: { kind: local_process, command: [node] }\n';
const BOXED =
  'kind: Workload\nid: boxed\ncapability: inference\nmode: observe\n' +
  'target: { kind: docker, image: "example/replica:1", port: 8080 }\n';
const ORPHAN =
  'kind: ScalePolicy\nid: orphan\nworkload: nobody\nreplicas: { min: 1, max: 2 }\n' +
  'metrics: [{ name: m, query: up, target: { value: 1 } }]\n';

describe('a member of a cluster that starts with documents', function () {
  this.timeout(90_000);
  let cluster: Cluster;

  afterEach(async () => {
    await cluster.stop();
    // The database of a killed member ends a moment after it, and writes until then.
    await rm(cluster.home, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  });

  /** Nothing is started; each member has the documents. */
  const prepared = async (members: readonly string[], documents: string): Promise<void> => {
    cluster = await prepareCluster({
      members,
      settingsOf: (id) => ({
        OMNIMIND_DOCUMENTS_DIR: join(cluster.member(id).data, 'documents'),
      }),
    });
    for (const id of members) {
      const directory = join(cluster.member(id).data, 'documents');
      await mkdir(directory);
      await writeFile(join(directory, 'all.yaml'), documents);
    }
  };
  const output = (id: string): string => cluster.member(id).running?.output() ?? '';
  const line = (id: string, message: string): Promise<string> =>
    pollUntil(`${id}: ${message}`, 30_000, () =>
      output(id)
        .split('\n')
        .find((one) => one.includes(`"msg":"${message}`)),
    );
  const status = async (id: string, path: string): Promise<number> => {
    const signal = AbortSignal.timeout(5_000);
    const answer = await fetch(`${cluster.member(id).url}${path}`, { signal });
    await answer.body?.cancel();
    return answer.status;
  };

  it('leads a cluster of one over its listener, and commits them', async () => {
    await prepared(['m1'], WORKLOAD);
    await cluster.start('m1');
    await line('m1', 'the document files are committed');
    assert.equal(await status('m1', '/v1/workloads/w'), 200);
    const leader = await cluster.leader();
    assert.equal(leader.id, 'm1');
    cluster.kill('m1', 'SIGTERM');
    assert.equal(await cluster.member('m1').running?.exit(10_000), 0, output('m1'));
    assert.doesNotMatch(output('m1'), /did not stop|"level":"error"/);
  });

  it('goes on with documents that are refused, and says which and why', async () => {
    await prepared(['m1'], `${WORKLOAD}---\n${ORPHAN}`);
    await cluster.start('m1');
    const said = await line('m1', 'documents were refused');
    assert.match(said, /^\{"level":"error"/);
    assert.match(said, /policy orphan: .*nobody.* \(workload_not_found\)/);
    assert.equal(await status('m1', '/v1/workloads/w'), 200, 'what was right is there');
    assert.equal(await status('m1', '/livez'), 200);
  });

  it('listens without a majority, is not ready, and proposes them once there is one', async () => {
    await prepared(['m1', 'm2', 'm3'], WORKLOAD);
    await cluster.start('m1');
    await line('m1', 'the document files could not be proposed; trying again');
    await pollUntil('it is not ready', 30_000, async () => (await status('m1', '/readyz')) === 503);
    assert.equal(await status('m1', '/v1/workloads/w?consistency=stale'), 404);
    await cluster.start('m2');
    await line('m1', 'the document files are committed');
    await line('m2', 'the document files are committed');
    assert.equal(await status('m2', '/v1/workloads/w'), 200);
  });

  it('proposes what only its version reads once it has heard of every member, and says once whom it waits for', async () => {
    await prepared(['m1', 'm2', 'm3'], `${WORKLOAD}---\n${BOXED}`);
    await Promise.all([cluster.start('m1'), cluster.start('m2')]);
    const said = await line('m1', 'the document files wait until every member reads them');
    assert.match(said, /^\{"level":"warn".*Not heard of yet: m3;/);
    const has = async (id: string): Promise<boolean> =>
      (await status('m1', `/v1/workloads/${id}?consistency=stale`)) === 200;
    assert.equal(await has('w'), false, 'they say one thing together');
    await cluster.start('m3');
    for (const id of ['m1', 'm2', 'm3']) await line(id, 'the document files are committed');
    await pollUntil('m1 has it', 30_000, () => has('boxed'));
    const often = output('m1').split('"msg":"the document files wait').length - 1;
    assert.equal(often, 1, output('m1'));
  });

  it('can be stopped while it still waits for a majority', async () => {
    await prepared(['m1', 'm2', 'm3'], WORKLOAD);
    await cluster.start('m1');
    cluster.kill('m1', 'SIGTERM');
    assert.equal(await cluster.member('m1').running?.exit(10_000), 0, output('m1'));
    assert.doesNotMatch(output('m1'), /did not stop|"level":"error"|^\s+at /m);
  });
});
