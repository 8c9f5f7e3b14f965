/** The agent as a process: its HTTP edge, its collectors on this host, and its end. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { request } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { startAgent } from '../../../agents/agent.ts';
import type { Agent } from '../../../agents/agent.ts';
import { bundledAgentCommand } from '../../../agents/bundle.ts';
import { parseConfig } from '../../../agents/config.ts';
import { gauge } from '../../../agents/family.ts';
import type { CollectorSlot } from '../../../agents/scrape.ts';
import { freePort, pollUntil, startProcess } from '../../support/process.ts';
import type { RunningProcess } from '../../support/process.ts';
import { skipBecause, skipWithout } from '../../support/skip.ts';
import { stageCollector } from '../../support/staged-collector.ts';

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

function ask(
  port: number,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  method = 'GET',
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path, method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () => {
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks),
        });
      });
    })
      .once('error', reject)
      .end();
  });
}

async function metricsOf(port: number): Promise<string> {
  return (await ask(port, '/metrics')).body.toString();
}

const entries: readonly (readonly [
  string,
  () => Promise<readonly [string, readonly string[], object]>,
])[] = [
  ['from its sources', () => Promise.resolve([process.execPath, [join('agents', 'main.ts')], {}])],
  [
    'from its bundle, without the JIT',
    async () => {
      const { command, args, environment } = await bundledAgentCommand();
      return [command, args, environment];
    },
  ],
];

for (const [title, commandOf] of entries) {
  describe(`agent ${title}`, function () {
    this.timeout(30_000);
    let port = 0;
    let agent: RunningProcess;

    before(async () => {
      port = await freePort();
      const [command, args, environment] = await commandOf();
      agent = startProcess(command, args, {
        env: {
          ...process.env,
          ...environment,
          OMNIMIND_AGENT_PORT: String(port),
          OMNIMIND_AGENT_GPU_BACKEND: 'off',
        },
      });
      await pollUntil('the agent is ready', 10_000, async () =>
        ask(port, '/readyz').then(
          ({ status }) => status === 200,
          () => false,
        ),
      );
    });
    after(() => agent.kill());

    it('is alive and ready', async () => {
      assert.equal((await ask(port, '/livez')).status, 200);
      assert.equal((await ask(port, '/readyz')).status, 200);
    });

    it('passes promtool check metrics without a word, with its inventory', async function () {
      skipWithout(this, 'promtool');
      const text = await pollUntil('the inventory', 10_000, async () => {
        const now = await metricsOf(port);
        return now.includes('omnimind_node_inventory_info{') ? now : null;
      });
      const checked = spawnSync('promtool', ['check', 'metrics'], {
        input: text,
        encoding: 'utf8',
      });
      assert.equal(`${checked.stdout}${checked.stderr}`, '');
      assert.equal(checked.status, 0);
    });

    it('gives this host: CPUs, memory, root file system, network, disks, itself', async function () {
      if (process.platform !== 'linux') skipBecause(this, 'reads /proc');
      const text = await metricsOf(port);
      assert.match(text, /^omnimind_node_cpu_seconds_total\{cpu="0",mode="idle"\} \d/m);
      assert.match(text, /^omnimind_node_memory_available_bytes \d{6,}$/m);
      assert.match(text, /^omnimind_node_network_receive_bytes_total\{device="lo"\} \d+$/m);
      assert.match(text, /^omnimind_node_load1 \d/m);
      assert.match(text, /^omnimind_agent_build_info\{version="[^"]+",node_version="24/m);
      assert.match(text, /^process_open_fds \d+$/m);
      assert.match(text, /^omnimind_collector_success\{collector="node"\} 1$/m);
      assert.doesNotMatch(text, /section_success\{section="\w+"\} 0/);
      assert.doesNotMatch(text, /dropped_samples_total\{[^}]*\} [1-9]/);
    });

    it('answers OpenMetrics and gzip when they are asked for', async () => {
      const answer = await ask(port, '/metrics', {
        Accept: 'application/openmetrics-text;version=1.0.0,text/plain;q=0.5',
        'Accept-Encoding': 'gzip',
      });
      assert.equal(answer.status, 200);
      assert.equal(
        answer.headers['content-type'],
        'application/openmetrics-text; version=1.0.0; charset=utf-8',
      );
      assert.equal(answer.headers['content-encoding'], 'gzip');
      const text = gunzipSync(answer.body).toString();
      assert.ok(text.endsWith('\n# EOF\n'));
      assert.match(text, /^# TYPE omnimind_node_cpu_seconds counter$/m);
    });

    it('answers plain text with its type and length, and HEAD without a body', async () => {
      const answer = await ask(port, '/metrics', {}, 'HEAD');
      assert.equal(answer.status, 200);
      assert.equal(answer.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
      assert.equal(answer.headers['cache-control'], 'no-store');
      assert.ok(Number(answer.headers['content-length']) > 10_000);
      assert.equal(answer.body.length, 0);
    });

    it('refuses other methods and paths', async () => {
      const posted = await ask(port, '/metrics', {}, 'POST');
      assert.equal(posted.status, 405);
      assert.equal(posted.headers.allow, 'GET, HEAD');
      assert.equal((await ask(port, '/')).status, 404);
    });

    it('starts no process for a scrape', async function () {
      if (process.platform !== 'linux') skipBecause(this, 'reads /proc');
      await pollUntil(
        'the child for the inventory has ended',
        10_000,
        () => childTime(agent.pid).live === 0,
      );
      const before = childTime(agent.pid);
      for (let index = 0; index < 30; index++) await metricsOf(port);
      assert.deepEqual(childTime(agent.pid), before);
    });

    it('ends within a second of SIGTERM, also while a client keeps its connection', async () => {
      const idle = request({
        host: '127.0.0.1',
        port,
        path: '/livez',
        headers: { Connection: 'keep-alive' },
      });
      idle.on('error', () => undefined).end();
      const began = performance.now();
      agent.child.kill('SIGTERM');
      assert.equal(await agent.exit(3000), 0);
      assert.ok(performance.now() - began < 1000, agent.output());
      idle.destroy();
    });
  });
}

/** Children that live, and whether any has ended: their times and faults are added to the parent's. */
function childTime(pid: number): { readonly live: number; readonly ended: string } {
  const stat = spawnSync('cat', [`/proc/${pid}/stat`], { encoding: 'utf8' }).stdout;
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const children = spawnSync('cat', [`/proc/${pid}/task/${pid}/children`], {
    encoding: 'utf8',
  }).stdout;
  // Minor and major faults, user and system time of children that were waited for.
  const ended = [8, 10, 13, 14].map((index) => fields[index] ?? '').join(' ');
  return { live: children.trim() === '' ? 0 : children.trim().split(' ').length, ended };
}

describe('agent', function () {
  this.timeout(20_000);
  const agents: Agent[] = [];
  const value = gauge('staged_value', 'x');

  async function start(slots: readonly CollectorSlot[], environment: Record<string, string> = {}) {
    const parsed = parseConfig({ OMNIMIND_AGENT_PORT: '0', ...environment });
    if (parsed.kind === 'invalid') assert.fail(parsed.problems.join('; '));
    const agent = await startAgent(parsed.config, { log: () => undefined, slots });
    agents.push(agent);
    return agent.address.port;
  }

  afterEach(async () => {
    await Promise.all(agents.splice(0).map((agent) => agent.stop()));
  });

  it('answers 200 with the other values when a collector hangs, within the timeout that the scraper named', async () => {
    const hanging = stageCollector(
      'hanging',
      [gauge('hanging_value', 'x')],
      () => new Promise<void>(() => undefined),
    );
    const good = stageCollector('good', [value], (emit) => {
      emit(value, 1);
      return Promise.resolve();
    });
    const port = await start([
      { collector: good.collector, deadlineMs: 5000 },
      { collector: hanging.collector, deadlineMs: 5000 },
    ]);
    const began = performance.now();
    const answer = await ask(port, '/metrics', { 'X-Prometheus-Scrape-Timeout-Seconds': '0.7' });
    assert.ok(performance.now() - began < 700);
    assert.equal(answer.status, 200);
    assert.match(answer.body.toString(), /^staged_value 1$/m);
    assert.match(answer.body.toString(), /^omnimind_collector_success\{collector="hanging"\} 0$/m);
    assert.match(
      answer.body.toString(),
      /last_error_info\{collector="hanging",error="timeout"\} 1$/m,
    );
  });

  it('answers 503 to more scrapes at once than its limit', async () => {
    let release = (): void => undefined;
    const slow = stageCollector(
      'slow',
      [value],
      () => new Promise<void>((resolve) => (release = resolve)),
    );
    const port = await start([{ collector: slow.collector, deadlineMs: 5000 }], {
      OMNIMIND_AGENT_SCRAPES_MAX: '2',
    });
    const held = [ask(port, '/metrics'), ask(port, '/metrics')];
    const refused = await pollUntil('a refusal', 4000, async () => {
      // Those that wait hold their places; this one joins them only if it came first.
      const third = await Promise.race([ask(port, '/metrics'), pause(50)]);
      return third === null ? null : third;
    });
    assert.equal(refused.status, 503);
    release();
    assert.deepEqual(
      (await Promise.all(held)).map(({ status }) => status),
      [200, 200],
    );
    assert.equal((await ask(port, '/livez')).status, 200);
  });

  it('caps the series of a family and counts what it dropped', async () => {
    const wide = gauge('wide_value', 'x', 'id');
    const many = stageCollector('many', [wide], (emit) => {
      for (let index = 0; index < 50; index++) emit(wide, index, String(index));
      return Promise.resolve();
    });
    const port = await start([{ collector: many.collector, deadlineMs: 5000 }], {
      OMNIMIND_AGENT_SERIES_MAX: '20',
    });
    const text = await metricsOf(port);
    assert.equal(text.match(/^wide_value\{/gm)?.length, 20);
    assert.match(text, /dropped_samples_total\{collector="many",cause="series_limit"\} 30$/m);
  });

  it('stops within a second while a scrape hangs', async () => {
    const hanging = stageCollector('hanging', [value], () => new Promise<void>(() => undefined));
    const port = await start([{ collector: hanging.collector, deadlineMs: 60_000 }]);
    const scrape = ask(port, '/metrics').catch(() => null);
    await pollUntil('the scrape has begun', 2000, () => hanging.runs() > 0);
    const began = performance.now();
    await Promise.all(agents.splice(0).map((agent) => agent.stop()));
    assert.ok(performance.now() - began < 1000);
    await scrape;
  });

  it('refuses to start on a port that is taken', async () => {
    const port = await start([]);
    await assert.rejects(start([], { OMNIMIND_AGENT_PORT: String(port) }), { code: 'EADDRINUSE' });
  });

  it('ends with 2 and names every bad setting', async () => {
    const process_ = startProcess(process.execPath, [join('agents', 'main.ts')], {
      env: { ...process.env, OMNIMIND_AGENT_PORT: 'x', OMNIMIND_AGENT_TYPO: '1' },
    });
    assert.equal(await process_.exit(5000), 2);
    assert.match(process_.output(), /OMNIMIND_AGENT_PORT/);
    assert.match(process_.output(), /OMNIMIND_AGENT_TYPO/);
  });

  it('ends with 1 when the cache targets are wrong', async () => {
    const process_ = startProcess(process.execPath, [join('agents', 'main.ts')], {
      env: {
        ...process.env,
        OMNIMIND_AGENT_PORT: '0',
        OMNIMIND_AGENT_GPU_BACKEND: 'off',
        OMNIMIND_AGENT_CACHE_TARGETS_FILE: 'package.json',
      },
    });
    assert.equal(await process_.exit(5000), 1);
    assert.match(process_.output(), /start_failed/);
  });
});

function pause(ms: number): Promise<null> {
  return new Promise((resolve) => setTimeout(() => resolve(null), ms));
}
