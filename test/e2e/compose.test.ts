/**
 * The stack of docker-compose.yml on a Docker Engine: up from nothing, what its containers may do, the API
 * through its front, and outages. Runs when OMNIMIND_TEST_COMPOSE is set, since it takes minutes and the
 * engine; OMNIMIND_TEST_COMPOSE_OUTAGE_SECONDS is how long each container is then taken away in each way
 * (0: none but the leader), and OMNIMIND_TEST_COMPOSE_OUTAGE_SERVICES names some of them, comma separated.
 */

import assert from 'node:assert/strict';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { ensureSecrets } from '../../demo/launcher/secrets.ts';
import { OUTAGES, takeAway } from '../support/compose-outage.ts';
import type { Outage } from '../support/compose-outage.ts';
import {
  createStack,
  output,
  REPLICAS,
  secretValues,
  whyNoStack,
} from '../support/compose-stack.ts';
import type { Stack } from '../support/compose-stack.ts';
import { pollUntil } from '../support/process.ts';
import { skipBecause } from '../support/skip.ts';
import { ROOT } from '../support/source-tree.ts';
import { pickPort } from '../../demo/launcher/ports.ts';

const OUTAGE_MS = Number(process.env['OMNIMIND_TEST_COMPOSE_OUTAGE_SECONDS'] ?? '0') * 1000;
const OUTAGE_SERVICES = process.env['OMNIMIND_TEST_COMPOSE_OUTAGE_SERVICES']?.split(',') ?? null;
const UP_WITHIN_MS = 180_000;
const HEAL_WITHIN_MS = 90_000;

describe('the stack in containers', function () {
  this.timeout(600_000);
  let stack: Stack | null = null;

  before(async function () {
    if ((process.env['OMNIMIND_TEST_COMPOSE'] ?? '') === '') {
      skipBecause(this, 'OMNIMIND_TEST_COMPOSE is not set: it takes minutes, and a Docker Engine');
    }
    const reason = await whyNoStack();
    if (reason !== null) skipBecause(this, reason);
    ensureSecrets(ROOT);
    stack = await createStack(await pickPort(0));
    if (stack.leftOut.length > 0) note(`left out, no image: ${stack.leftOut.join(', ')}`);
    await stack.compose('build');
  });

  after(() => stack?.down());

  const up = (): Stack => stack ?? assert.fail('there is no stack');
  const keyOf = (name: string): string => secretValues().get(`api-key-${name}`) ?? '';
  async function ask(path: string, key: string | null = keyOf('viewer')): Promise<Response> {
    return fetch(new URL(path, up().url), {
      headers: key === null ? {} : { authorization: `Bearer ${key}` },
      signal: AbortSignal.timeout(5000),
    });
  }
  async function read(path: string): Promise<Fields> {
    const response = await ask(path);
    assert.equal(response.status, 200, path);
    return fieldsOf(await response.json());
  }
  const leaderOf = async (): Promise<string | null> => {
    const leader = await read('/v1/members').then(
      ({ leaderId }) => leaderId,
      () => null,
    );
    return typeof leader === 'string' ? leader : null;
  };

  it('is healthy within three minutes of nothing', async () => {
    const startedMs = performance.now();
    await up().compose('up', '--detach', ...up().services);
    await up().waitUntilHealthy(UP_WITHIN_MS);
    const seconds = (performance.now() - startedMs) / 1000;
    note(`healthy after ${seconds.toFixed(0)} s`);
    assert.ok(seconds < UP_WITHIN_MS / 1000);
  });

  it('answers through its front to those who have a key, and to nobody else', async () => {
    assert.equal((await ask('/readyz', null)).status, 200);
    assert.equal((await ask('/v1/members', null)).status, 401);
    assert.equal((await ask('/metrics', null)).status, 401);
    assert.equal(listOf((await read('/v1/members'))['items']).length, 3);
    await pollUntil('the agent is healthy', 30_000, async () =>
      listOf((await read('/v1/nodes'))['items']).some(
        (node) => fieldsOf(fieldsOf(node)['health'])['status'] === 'healthy',
      ),
    );
  });

  it('gives its containers no more than they need, and listens on loopback alone', async () => {
    for (const service of up().services) {
      const container = await up().container(service);
      const facts = fieldsOf(listOf(JSON.parse(await output('docker', 'inspect', container)))[0]);
      const config = fieldsOf(facts['Config']);
      const host = fieldsOf(facts['HostConfig']);
      assert.equal(host['ReadonlyRootfs'], true, service);
      assert.equal(host['Privileged'], false, service);
      assert.deepEqual(host['CapDrop'], ['ALL'], service);
      assert.ok(listOf(host['SecurityOpt']).includes('no-new-privileges:true'), service);
      assert.ok(Number(host['Memory']) > 0, service);
      const user = String(config['User']);
      assert.equal(/^(0|root)?(:|$)/.test(user), service === 'docker-proxy', `${service}: ${user}`);
      for (const bindings of Object.values(fieldsOf(host['PortBindings']))) {
        for (const binding of listOf(bindings)) {
          assert.equal(fieldsOf(binding)['HostIp'], '127.0.0.1', service);
        }
      }
    }
  });

  it('shows no secret in a container’s description, an image or a log', async () => {
    for (const service of up().services) {
      const container = await up().container(service);
      const facts = await output('docker', 'inspect', container);
      const image = String(fieldsOf(fieldsOf(listOf(JSON.parse(facts))[0])['Config'])['Image']);
      const history = await output(
        'docker',
        'history',
        '--no-trunc',
        '--format',
        '{{.CreatedBy}}',
        image,
      );
      const log = await output('sh', '-c', `docker logs ${container} 2>&1`);
      for (const [name, value] of secretValues()) {
        assert.ok(
          ![facts, history, log].some((text) => text.includes(value)),
          `${service}: ${name}`,
        );
      }
    }
  });

  it('makes replicas of the demo as containers, and scales them with the load', async () => {
    await pollUntil(
      'a decision acted',
      120_000,
      async () => listOf((await read('/v1/decisions?verdict=act&limit=1'))['items']).length === 1,
    );
    const running = await output('docker', 'ps', '--quiet', '--filter', REPLICAS);
    assert.ok(running.split('\n').length >= 1);
  });

  it('has another leader within seconds when the process of the leader is killed', async () => {
    const before = await pollUntil('there is a leader', 30_000, leaderOf);
    const container = await up().container(`control-plane-${before.slice(1)}`);
    const pid = await output('docker', 'inspect', '--format', '{{.State.Pid}}', container);
    const startedMs = performance.now();
    // From outside: what `docker kill` has ended is not started again.
    await output('kill', '-9', pid);
    await pollUntil('another member leads', 20_000, async () => {
      const now = await leaderOf();
      return now !== null && now !== before;
    });
    note(`another leader after ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
    await up().waitUntilHealthy(HEAL_WITHIN_MS);
    await checkPromises();
  });

  it('heals when any container is killed, paused or cut off for a while', async function () {
    if (OUTAGE_MS === 0) skipBecause(this, 'OMNIMIND_TEST_COMPOSE_OUTAGE_SECONDS is not set');
    const services = up().services.filter((name) => OUTAGE_SERVICES?.includes(name) ?? true);
    this.timeout(services.length * OUTAGES.length * (OUTAGE_MS + HEAL_WITHIN_MS + 60_000));
    const failures: string[] = [];
    for (const service of services) {
      for (const outage of OUTAGES) {
        const line = await suffer(service, outage).catch((error: unknown) => {
          failures.push(`${service} ${outage}`);
          return `FAILED ${error instanceof Error ? error.message : String(error)}`;
        });
        note(`${service.padEnd(16)} ${outage.padEnd(10)} ${line}`);
      }
    }
    assert.deepEqual(failures, []);
  });

  async function suffer(service: string, outage: Outage): Promise<string> {
    const container = await up().container(service);
    const awayMs = Date.now();
    const back = await takeAway(container, service, outage);
    try {
      // The outage itself, not a wait for anything.
      await delay(OUTAGE_MS);
      if (service === 'prometheus') await checkHolds(awayMs);
    } finally {
      await back();
    }
    const backMs = performance.now();
    await up().waitUntilHealthy(HEAL_WITHIN_MS);
    await checkPromises();
    return `healed ${((performance.now() - backMs) / 1000).toFixed(0)} s after it was back`;
  }

  /** Without Prometheus nothing acts: what is decided a deadline after it went must hold. */
  async function checkHolds(awayMs: number): Promise<void> {
    const { items } = await read('/v1/decisions?limit=50');
    const late = listOf(items)
      .map(fieldsOf)
      .filter(({ atMs }) => Number(atMs) > awayMs + 5000);
    const acts = late.filter((one) => verdictOf(one)['kind'] === 'act');
    assert.deepEqual(acts, [], 'acted without Prometheus');
  }

  /** No record waits or was given up, no action has another's token, and as many run as are wanted. */
  async function checkPromises(): Promise<void> {
    await pollUntil('all records are in the database', HEAL_WITHIN_MS, async () => {
      for (const member of ['control-plane-1', 'control-plane-2', 'control-plane-3']) {
        const container = await up().container(member);
        const script =
          "fetch('http://127.0.0.1:7400/readyz').then(async (r) => console.log(await r.text()))";
        const ready = await output('docker', 'exec', container, 'node', '-e', script);
        if (!ready.includes('0 records wait on disk, 0 were given up')) return false;
      }
      return true;
    });
    const { items } = await read('/v1/decisions?verdict=act&limit=200');
    const tokens = listOf(items)
      .map((one) => fieldsOf(fieldsOf(one)['token']))
      .filter(({ index }) => index !== undefined)
      .map(({ term, index }) => `${String(term)}/${String(index)}`);
    assert.equal(new Set(tokens).size, tokens.length, 'a token was used twice');
    await pollUntil('as many replicas run as are wanted', HEAL_WITHIN_MS, async () => {
      const { desired } = await read('/v1/workloads/demo-inference');
      const running = await output('docker', 'ps', '--quiet', '--filter', REPLICAS);
      return running.split('\n').filter((id) => id !== '').length === Number(desired);
    });
  }
});

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function verdictOf(decision: Fields): Fields {
  return fieldsOf(fieldsOf(decision['outcome'])['verdict']);
}

/** A figure of the run, for who reads along. */
function note(line: string): void {
  process.stdout.write(`      ${line}\n`);
}
