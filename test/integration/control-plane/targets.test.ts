import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StopStack } from '../../../control-plane/composition/stop-stack.ts';
import { openTargets } from '../../../control-plane/composition/targets.ts';
import { parseConfig } from '../../../control-plane/config.ts';
import { TARGET_KINDS } from '../../../control-plane/model/workload.ts';
import type { Consensus } from '../../../control-plane/ports/consensus.ts';
import { createLogger } from '../../../control-plane/telemetry/logs.ts';
import { createSeries } from '../../../control-plane/telemetry/series.ts';
import { createMemoryConsensus } from '../../support/http-fakes.ts';
import { freePort } from '../../support/process.ts';
import { startWebhookReceiver } from '../../support/webhook-receiver.ts';
import { webhookWorkload } from '../../support/webhook-workload.ts';

const SECRET = 'the-secret-that-both-of-them-know-for-now';

describe('the scaling targets of a member', () => {
  let directory = '';
  let lines: string[] = [];
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'omnimind-targets-'));
    lines = [];
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  async function open(
    environment: Readonly<Record<string, string>>,
    consensus: Pick<Consensus, 'status' | 'leaseTerm'> = createMemoryConsensus(),
  ) {
    const config = parseConfig({ OMNIMIND_DATA_DIR: directory, ...environment });
    const stops = new StopStack((name, error) => lines.push(`${name}: ${String(error)}`));
    const series = createSeries({ version: '0' });
    const logger = createLogger({
      ...{ level: 'info', service: 'test', version: '0', member: 'm1' },
      destination: { write: (line) => void lines.push(line) },
    });
    const clock = { nowMs: Date.now, monotonicMs: () => performance.now() };
    const context = { config, version: '0', environment, clock, series, logger, stops };
    const opened = await openTargets(context, consensus);
    return {
      ...opened,
      async stop() {
        await stops.unwind();
        series.stop();
      },
    };
  }

  it('are all off until a setting switches them on', async () => {
    const opened = await open({});
    assert.deepEqual(
      TARGET_KINDS.map((kind) => opened.targets[kind]),
      TARGET_KINDS.map(() => null),
    );
    opened.leadershipChanged();
    await opened.stop();
    assert.deepEqual(lines, []);
  });

  it('are on, each by its own setting, and a cluster or Nomad that is away keeps no other waiting', async () => {
    const away = `http://127.0.0.1:${await freePort()}`;
    const kubeconfig = join(directory, 'kubeconfig');
    await writeFile(kubeconfig, KUBECONFIG.replace('SERVER', away));
    const opened = await open({
      OMNIMIND_KUBERNETES: kubeconfig,
      OMNIMIND_NOMAD_URL: away,
      OMNIMIND_WEBHOOK_SECRETS_DIR: directory,
    });
    const { targets } = opened;
    assert.deepEqual(
      TARGET_KINDS.filter((kind) => targets[kind] !== null),
      ['kubernetes', 'nomad', 'webhook'],
    );
    await assert.rejects(
      async () => targets.nomad?.listWorkloads(),
      (error: Error) => error.name === 'ScaleTargetError',
    );
    assert.deepEqual(await targets.webhook?.listWorkloads(), []);
    opened.leadershipChanged();
    await opened.stop();
  });

  it('have the webhook sign for the cluster, and send nothing without a lease', async () => {
    await writeFile(join(directory, 'scaling'), SECRET);
    const receiver = await startWebhookReceiver({ file: join(directory, 'r'), secrets: SECRET });
    const consensus = createMemoryConsensus();
    let leads = true;
    const opened = await open(
      { OMNIMIND_WEBHOOK_SECRETS_DIR: directory, OMNIMIND_CLUSTER_NAME: 'blue' },
      {
        status: () => consensus.status(),
        leaseTerm: () => (leads ? consensus.leaseTerm() : null),
      },
    );
    const { webhook } = opened.targets;
    assert.ok(webhook);
    const chat = webhookWorkload('chat', { url: `${receiver.origin}/chat` });
    const signal = AbortSignal.timeout(10_000);
    await webhook.setReplicas(chat, 2, { term: 1, index: 1 }, signal);
    assert.equal(receiver.seen[0]?.headers['idempotency-key'], '"blue/chat/1/1/2"');
    leads = false;
    await assert.rejects(webhook.setReplicas(chat, 3, { term: 1, index: 2 }, signal), /no lease/);
    assert.equal(receiver.applied.length, 1);
    await opened.stop();
    await receiver.close();
    assert.ok(lines.every((line) => !line.includes(SECRET)));
  });
});

const KUBECONFIG = `apiVersion: v1
kind: Config
clusters: [{ name: c, cluster: { server: SERVER } }]
users: [{ name: u, user: { token: t } }]
contexts: [{ name: x, context: { cluster: c, user: u } }]
current-context: x
`;
